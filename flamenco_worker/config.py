"""The worker's settings: `flamenco-worker.yaml`, over it the environment and the command line."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flamenco_core.errors import InvalidInput, Problem
from flamenco_worker.host import default_home, host_name
from flamenco_worker.process import Priority

CONFIG_NAME = "flamenco-worker.yaml"
DEFAULT_MANAGER_URL = "http://localhost:8080/"
DEFAULT_TASK_TYPES = ("blender", "ffmpeg", "file-management", "misc")
HIGHEST_EXIT_CODE = 255
REGISTRATION_SECRET_VARIABLE = "FLAMENCO_WORKER_REGISTRATION_SECRET"  # noqa: S105 - a name
OOM_SCORES = range(-1000, 1001)


DEFAULT_FREE_SPACE = 500_000_000
_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTaskCheck:
    """What of the storage has to be there before a task is begun."""

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a worker needs to know before it talks to its Manager."""

    home: Path
    """The folder of credentials and queue."""
    worker_name: str
    manager_url: str = ""
    """Empty means: look for one in the local network."""
    discovery_interfaces: tuple[str, ...] = ()
    """Addresses of this machine in whose networks to look; empty means: all."""
    task_types: tuple[str, ...] = DEFAULT_TASK_TYPES
    restart_exit_code: int = 0
    """Anything but 0 says that something starts the worker again when it ends with it."""
    oom_score_adjust: int | None = None
    """Linux: what commands get as their OOM score; absent means: leave it."""
    process_priority: Priority = Priority.LOW
    """Of the programs that commands run."""
    minimum_free_space: int = DEFAULT_FREE_SPACE
    """Bytes that the disks of this machine must have left before a task; 0: do not look."""
    pre_task_check: PreTaskCheck = field(default_factory=PreTaskCheck)
    ffmpeg: str = ""
    """The FFmpeg for tasks that ask for plain `ffmpeg`; empty means: look for one."""
    worker_registration_secret: str = field(default="", repr=False)
    """What the Manager asks of new workers; empty if it takes any."""


def load_config(
    *,
    config_file: Path | None = None,
    home: Path | None = None,
    manager_url: str | None = None,
    worker_name: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> WorkerConfig:
    """Puts together what the file, the environment and the arguments say; arguments win.

    Without `config_file` the file is looked for in the current folder, then in the home folder,
    and may be missing.

    Raises:
        InvalidInput: with every problem of the file and its line.
    """
    home = (home or default_home(environment)).absolute()
    path = config_file or _find_config(home)
    values = read_config_file(path) if path is not None else {}
    if not values.get("worker_registration_secret"):
        values["worker_registration_secret"] = environment.get(REGISTRATION_SECRET_VARIABLE, "")
    name_of_host = values.pop("worker_name", "") or environment.get("FLAMENCO_WORKER_NAME", "")
    config = WorkerConfig(
        home=home, worker_name=name_of_host.strip() or host_name(), **_without_empty(values)
    )
    if manager_url:
        config = replace(config, manager_url=manager_url)
    if worker_name:
        config = replace(config, worker_name=worker_name)
    return config


def read_config_file(path: Path) -> dict[str, Any]:
    """The values of a configuration file, checked, with the names of `WorkerConfig`'s fields."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is no valid YAML: {error}") from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise InvalidInput(f"{path} must consist of keys and values")
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    loader = yaml.SafeLoader("")
    for key_node, value_node in node.value:
        key = str(key_node.value)
        place = f"{path}, line {key_node.start_mark.line + 1}"
        check = _CHECKS.get(key)
        if check is None:
            known = ", ".join(sorted(_CHECKS))
            problems.append(Problem(place, f"there is no setting {key!r}", f"known are {known}"))
            continue
        value = loader.construct_object(value_node, deep=True)
        fault = check(value)
        if fault:
            problems.append(Problem(place, f"{key} {fault}"))
        elif value is not None:
            values[key] = _CONVERSIONS.get(key, _as_it_is)(value)
    if problems:
        raise InvalidInput("The worker's configuration cannot be used", problems=problems)
    return values


def _find_config(home: Path) -> Path | None:
    candidates = (Path.cwd() / CONFIG_NAME, home / CONFIG_NAME)
    return next((path for path in candidates if path.is_file()), None)


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """An empty text is how Flamenco 3 writes "not set"."""
    return {key: value for key, value in values.items() if value != ""}


def _check_text(value: Any) -> str:
    return "" if value is None or isinstance(value, str) else "must be a text"


def _check_task_types(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return "must be a list of at least one task type"
    if not all(isinstance(item, str) and item for item in value):
        return "must hold texts only"
    return ""


def _check_addresses(value: Any) -> str:
    try:
        for item in value if isinstance(value, list) else [value]:
            ipaddress.IPv4Address(item)
    except ValueError:
        return "must be a list of IP addresses of version 4, such as [10.0.0.9]"
    return ""


def _as_it_is(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_priority(value: Any) -> str:
    if value is None or value in list(Priority):
        return ""
    return f"must be one of {', '.join(Priority)}"


def _check_size(value: Any) -> str:
    if value is None or (not isinstance(value, bool) and _bytes(value) is not None):
        return ""
    return "must be a number of bytes, or a size such as 2 GB or 512 MiB"


def _bytes(value: Any) -> int | None:
    """A size in bytes; None if it is none."""
    match = _SIZE.fullmatch(str(value).strip())
    unit = _UNITS.get(match["unit"].upper()) if match else None
    return round(float(match["number"]) * unit) if match and unit else None


def _check_storage(value: Any) -> str:
    if not isinstance(value, dict | None) or set(value or {}) - {"read", "write"}:
        return "must have the keys read and write, each with a list of paths"
    for paths in (value or {}).values():
        for path in paths if isinstance(paths, list) else [paths]:
            if not isinstance(path, str) or not Path(path).is_absolute():
                return f"must name whole paths, beginning at the root; {path!r} is none"
    return ""


def _storage(value: Mapping[str, Any]) -> PreTaskCheck:
    def listed(paths: Any) -> tuple[Path, ...]:
        return tuple(Path(path) for path in (paths if isinstance(paths, list) else [paths]))

    return PreTaskCheck(**{key: listed(paths) for key, paths in value.items()})


def _check_whole_number(allowed: range) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is None or (is_number and value in allowed):
            return ""
        return f"must be a whole number from {allowed.start} to {allowed.stop - 1}"

    return check


_CHECKS: Mapping[str, Callable[[Any], str]] = {
    "worker_name": _check_text,
    "manager_url": _check_text,
    "discovery_interfaces": _check_addresses,
    "task_types": _check_task_types,
    "restart_exit_code": _check_whole_number(range(HIGHEST_EXIT_CODE + 1)),
    "oom_score_adjust": _check_whole_number(OOM_SCORES),
    "ffmpeg": _check_text,
    "worker_registration_secret": _check_text,
    "process_priority": _check_priority,
    "minimum_free_space": _check_size,
    "pre_task_check": _check_storage,
}
"""Each setting's check: the end of a sentence that says what is wrong, or nothing."""
_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "process_priority": Priority,
    "minimum_free_space": _bytes,
    "pre_task_check": _storage,
}
"""What is made of values that have passed their check."""
