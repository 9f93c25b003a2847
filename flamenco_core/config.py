"""`flamenco-manager.yaml`: what it may say, and `Config`, what the program works with.

The file keeps Flamenco 3's form (`_meta.version: 3`). Every problem in it is reported at once,
each with its line; an unknown key is one, with the nearest known name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flamenco_core.durations import parse_duration
from flamenco_core.errors import InvalidInput, Problem, StorageError
from flamenco_core.model import Audience
from flamenco_core.paths import own_platform
from flamenco_core.variables import Variable, Variables, VariableTable, VariableValue

if TYPE_CHECKING:
    import yaml

FILE_VERSION = 3
DEFAULT_FILE_NAME = "flamenco-manager.yaml"
_MOST_TABLES = 100

DEFAULT_VARIABLES: Mapping[str, Variable] = {
    "blender": Variable(
        (VariableValue("blender", ("linux", "darwin")), VariableValue("blender.exe", ("windows",)))
    ),
    "blenderArgs": Variable((VariableValue("-b -y"),)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How a Manager is set up; the defaults are Flamenco 3's where it has the setting."""

    home: Path = field(default_factory=Path.cwd)
    """The data folder; relative paths in the file start here."""
    manager_name: str = "Flamenco"
    database: Path = Path("flamenco-manager.sqlite")
    listen: str = ":8080"
    """`host:port`; an empty host is every address of this machine."""
    local_manager_storage_path: Path = Path("flamenco-manager-storage")
    """Task logs and thumbnails."""
    shared_storage_path: Path = Path("flamenco-shared-storage")
    """The folder that Manager, workers and artists share."""
    shaman_enabled: bool = True
    task_timeout: timedelta = timedelta(minutes=10)
    task_progress_timeout: timedelta = timedelta(0)
    """How long a task may go on without completing a step; zero for ever."""
    task_total_timeout: timedelta = timedelta(0)
    """How long one attempt at a task may take; zero for ever."""
    worker_timeout: timedelta = timedelta(minutes=1)
    blocklist_threshold: int = 3
    """Failures of one worker in one job and task type before it gets no more of them."""
    task_fail_after_softfail_count: int = 3
    """Different workers that must fail at a task before it fails for good."""
    job_fail_percentage: int = 10
    """A job fails when this share of its tasks, in percent, has failed for good."""
    variables: Variables = field(default_factory=lambda: Variables(DEFAULT_VARIABLES))
    platform: str = field(default_factory=own_platform)
    """The platform that the Manager runs on, and that its own paths are for."""
    _tables: dict[tuple[Audience, str], VariableTable] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def absolute(self, path: Path) -> Path:
        return self.home / path.expanduser()

    @property
    def database_file(self) -> Path:
        return self.absolute(self.database)

    @property
    def local_storage(self) -> Path:
        return self.absolute(self.local_manager_storage_path)

    @property
    def shared_storage(self) -> Path:
        return self.absolute(self.shared_storage_path)

    @property
    def job_storage(self) -> Path:
        """Where the files of submitted jobs lie: the value of `{jobs}`."""
        return self.shared_storage / "jobs" if self.shaman_enabled else self.shared_storage

    @property
    def file_store(self) -> Path:
        """Shaman's content store."""
        return self.shared_storage / "file-store"

    @property
    def scripts(self) -> Path:
        """The farm's own job types."""
        return self.home / "scripts"

    def variables_for(self, audience: Audience, platform: str) -> VariableTable:
        """The variables as an audience on a platform sees them, with `{jobs}`."""
        key = (audience, platform)
        table = self._tables.get(key)
        if table is None:
            table = self.variables.table(
                audience,
                platform,
                job_storage=self.job_storage.as_posix(),
                manager_platform=self.platform,
            )
            if len(self._tables) < _MOST_TABLES:  # anybody may ask for any platform
                self._tables[key] = table
        return table


def load_config(path: Path, *, home: Path | None = None) -> Config:
    """Reads a configuration file.

    Raises:
        StorageError: if the file cannot be read.
        InvalidInput: with every problem in it, placed by line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"The configuration {path} cannot be read: {error}") from error
    return parse_config(text, name=path.name, home=home or path.parent)


def parse_config(text: str, *, name: str, home: Path) -> Config:
    """Like `load_config`, from text; `name` is used in messages."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise InvalidInput(
            f"{name} is not valid YAML", problems=[Problem(where, str(error.problem))]
        ) from None
    reader = _Reader(name)
    values = reader.section(root, "", _KEYS) if root else {}
    variables = values.pop("variables", None)
    config = replace(Config(home=home), **values)
    if variables:
        merged = Variables({**DEFAULT_VARIABLES, **variables})
        reader.problems += merged.problems()
        config = replace(config, variables=merged)
    if reader.problems:
        raise InvalidInput(f"{name} has mistakes", problems=reader.problems)
    return config


class _Reader:
    """Walks the nodes of the file and collects what is wrong with them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.problems: list[Problem] = []

    def complain(self, node: yaml.Node, key: str, what: str, hint: str = "") -> None:
        where = f"{self._name}, line {node.start_mark.line + 1}"
        self.problems.append(Problem(f"{where}, {key}" if key else where, what, hint))

    def section(self, node: yaml.Node, place: str, keys: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a mapping by field name, for the keys in the table."""
        import yaml

        values: dict[str, Any] = {}
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, place, "must be a list of keys with values")
            return values
        for key_node, value_node in node.value:
            key = str(key_node.value)
            full = f"{place}.{key}" if place else key
            known = keys.get(key)
            if known is None:
                self.complain(key_node, full, "is not a known setting", _nearest(key, keys))
            elif isinstance(known, dict):
                values.update(self.section(value_node, full, known))
            else:
                field_name, read = known
                self._read(value_node, full, field_name, read, values)
        return values

    def _read(
        self,
        node: yaml.Node,
        place: str,
        field_name: str,
        read: Callable[[_Reader, yaml.Node, str], Any],
        values: dict[str, Any],
    ) -> None:
        try:
            value = read(self, node, place)
        except ValueError as error:
            self.complain(node, place, str(error))
        except InvalidInput as error:
            self.complain(node, place, error.problems[0].what, error.problems[0].hint)
        else:
            if field_name:
                values[field_name] = value


def _nearest(key: str, keys: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, keys, n=1)
    return f"did you mean {near[0]}?" if near else ""


def _plain(node: yaml.Node) -> Any:
    import yaml

    return yaml.SafeLoader("").construct_object(node, deep=True)  # type: ignore[no-untyped-call]


def _text(_reader: _Reader, node: yaml.Node, _place: str) -> str:
    value = _plain(node)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text")
    return value.strip()


def _path(reader: _Reader, node: yaml.Node, place: str) -> Path:
    return Path(_text(reader, node, place))


def _boolean(_reader: _Reader, node: yaml.Node, _place: str) -> bool:
    value = _plain(node)
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _duration(_reader: _Reader, node: yaml.Node, _place: str) -> timedelta:
    return parse_duration(str(node.value))


def _count(least: int, most: int) -> Callable[[_Reader, yaml.Node, str], int]:
    def read(_reader: _Reader, node: yaml.Node, _place: str) -> int:
        value = _plain(node)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def _version(_reader: _Reader, node: yaml.Node, _place: str) -> int:
    value = _plain(node)
    if value != FILE_VERSION:
        raise ValueError(f"this program reads version {FILE_VERSION}, not {value}")
    return FILE_VERSION


def _anything(_reader: _Reader, node: yaml.Node, _place: str) -> Any:
    return _plain(node)


def _variables(reader: _Reader, node: yaml.Node, place: str) -> dict[str, Variable]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise ValueError("must be a list of variables, each with its values")
    found: dict[str, Variable] = {}
    for key_node, value_node in node.value:
        name = str(key_node.value)
        if name == "jobs":
            reader.complain(
                key_node, place, "{jobs} is always the job storage; choose another name"
            )
            continue
        if name in found:
            reader.complain(key_node, place, f"the variable {name} is there twice")
        found[name] = _variable(reader, value_node, f"{place}.{name}")
    return found


def _variable(reader: _Reader, node: yaml.Node, place: str) -> Variable:
    data = _plain(node)
    if not isinstance(data, dict) or not isinstance(data.get("values"), list):
        reader.complain(node, place, "needs a list of values")
        return Variable(())
    values = []
    for index, entry in enumerate(data["values"]):
        where = f"{place}.values[{index}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), str):
            reader.complain(node, where, "needs a value, which must be a text")
            continue
        platforms = [*entry.get("platforms", []), *filter(None, [entry.get("platform")])]
        if not platforms:
            reader.complain(node, where, "says for no platform it is", "add platform: all")
        audience = entry.get("audience", "all")
        if audience not in ("all", *Audience):
            reader.complain(node, where, f"the audience {audience!r} is not known")
            continue
        audiences = frozenset(Audience) if audience == "all" else frozenset({Audience(audience)})
        values.append(VariableValue(entry["value"], tuple(map(str, platforms)), audiences))
    return Variable(tuple(values), is_twoway=bool(data.get("is_twoway", False)))


_KEYS: dict[str, Any] = {
    "_meta": {"version": ("", _version)},
    "manager_name": ("manager_name", _text),
    "database": ("database", _path),
    "database_check_period": ("", _duration),
    "listen": ("listen", _text),
    "autodiscoverable": ("", _boolean),
    "local_manager_storage_path": ("local_manager_storage_path", _path),
    "shared_storage_path": ("shared_storage_path", _path),
    "shaman": {
        "enabled": ("shaman_enabled", _boolean),
        "garbageCollect": {"period": ("", _duration), "maxAge": ("", _duration)},
    },
    "task_timeout": ("task_timeout", _duration),
    "task_progress_timeout": ("task_progress_timeout", _duration),
    "task_total_timeout": ("task_total_timeout", _duration),
    "worker_timeout": ("worker_timeout", _duration),
    "blocklist_threshold": ("blocklist_threshold", _count(1, 1_000_000)),
    "task_fail_after_softfail_count": ("task_fail_after_softfail_count", _count(1, 1_000_000)),
    "job_fail_percentage": ("job_fail_percentage", _count(1, 100)),
    "mqtt": ("", _anything),
    "variables": ("variables", _variables),
}
"""Key in the file → field of `Config` (empty: read and checked, not used by this version)."""
