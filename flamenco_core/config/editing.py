"""Changes the text of a configuration file, and keeps what people wrote into it besides.

PyYAML forgets comments; `ruamel.yaml` keeps them. It is needed for saving only, and comes with the
extra `[manager]`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, MutableMapping, MutableSequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from flamenco_core.config import keys
from flamenco_core.config.document import parse_document, parse_value
from flamenco_core.config.reading import FILE_VERSION, SECONDS, file_version, parse_config
from flamenco_core.config.variables_section import (
    PATH_REPLACEMENT,
    VARIABLES,
    variable_as_written,
)
from flamenco_core.durations import format_duration
from flamenco_core.errors import InvalidInput, Unavailable

_NEW_FILE = f"""\
# Configuration of a Flamenco Manager.
# Intervals have units: 90s, 10m, 1h30m.

_meta:
  version: {FILE_VERSION}
"""


def edited(
    text: str,
    changes: Mapping[str, Any],
    *,
    name: str,
    home: Path,
    environment: Mapping[str, str],
) -> str:
    """The text with the changes made, in the form of the present version.

    Raises:
        InvalidInput: if the text has mistakes.
        Unavailable: if `ruamel.yaml` is not installed.
    """
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        raise Unavailable(
            "Saving the configuration needs ruamel.yaml; install it with "
            "pip install 'flamenco-python[manager]'"
        ) from None
    parse_config(text, name=name, home=home, environment=environment)  # raises
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000  # long lines stay lines
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        tree = yaml.load(text)
    except YAMLError as error:
        raise InvalidInput(f"{name} cannot be changed: {error}") from error
    if tree is None:
        # Nothing but comments, or nothing at all.
        tree = yaml.load(f"{text}\n{_NEW_FILE}" if text.strip() else _NEW_FILE)
    else:
        _upgrade(tree, text, name=name, home=home)
    wanted = _in_sections(_as_written(changes))
    _take_out_names_not_wanted(tree, wanted)
    _merge(tree, wanted)
    stream = io.StringIO()
    try:
        yaml.dump(tree, stream)
    except YAMLError as error:
        raise InvalidInput(f"The changes cannot be written to {name}: {error}") from error
    return stream.getvalue()


def _in_sections(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as the file has them, where `shaman.enabled` is `enabled` in `shaman`."""
    found: dict[str, Any] = {}
    for path, value in changes.items():
        *sections, name = path.split(".") if path in keys.BY_PATH else [path]
        place = found
        for section in sections:
            if not isinstance(place.get(section), dict):
                place[section] = {}
            place = place[section]
        is_more = isinstance(value, dict) and isinstance(place.get(name), dict)
        place[name] = {**place[name], **value} if is_more else value
    return found


def _take_out_names_not_wanted(tree: Mapping[str, Any], wanted: dict[str, Any]) -> None:
    """Where a setting holds values by names, a new value has all of them."""
    for path in keys.BY_PATH:
        present, value = tree.get(path), wanted.get(path)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            wanted[path] = {**dict.fromkeys(present), **value}


def _as_written(value: Any) -> Any:
    """The value in the form of the file: `20m0s` for an interval, a text for a path.

    Texts that would be read as something else, such as `on`, get quotes.
    """
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, Mapping):
        return {str(key): _as_written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_written(item) for item in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, (str, Path)):
        text = str(value)  # members of an enumeration are texts, too
        return text if _reads_as_itself(text) else DoubleQuotedScalarString(text)
    return value


def _reads_as_itself(text: str) -> bool:
    try:
        return bool(parse_value(text, "").value == text)
    except InvalidInput:
        return False


def _merge(target: MutableMapping[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        present = target.get(key)
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(present, MutableMapping):
            _merge(present, value)
        elif isinstance(value, list) and isinstance(present, MutableSequence):
            _merge_lists(present, value)
        elif present != value or isinstance(present, bool) != isinstance(value, bool):
            target[key] = value  # True equals 1, and they are not the same setting


def _merge_lists(target: MutableSequence[Any], wanted: list[Any]) -> None:
    """Item by item, so that comments beside unchanged ones stay."""
    for index, value in enumerate(wanted):
        if index >= len(target):
            target.append(value)
        elif isinstance(value, Mapping) and isinstance(target[index], MutableMapping):
            gone = [key for key in target[index] if key not in value]
            _merge(target[index], {**dict.fromkeys(gone), **value})
        elif target[index] != value:
            target[index] = value
    del target[len(wanted) :]


def _upgrade(tree: MutableMapping[str, Any], text: str, *, name: str, home: Path) -> None:
    """Gives a file of Flamenco 2 the present form; what has no meaning here stays."""
    for old_name in [key for key in tree if key in keys.BY_OLD_NAME]:
        if old_name.endswith(SECONDS) and type(tree[old_name]) is int:
            tree[old_name] = f"{tree[old_name]}s"
        _rename(tree, old_name, keys.BY_OLD_NAME[old_name].path)
    version = file_version(parse_document(text, name)[0])
    old_variables = [
        variable
        for section in (VARIABLES, PATH_REPLACEMENT)
        for variable, present in (tree.get(section) or {}).items()
        if section == PATH_REPLACEMENT or "values" not in present or "direction" in present
    ]
    if version >= FILE_VERSION and not old_variables:
        return
    config = parse_config(text, name=name, home=home)
    tree.pop(PATH_REPLACEMENT, None)
    for variable in old_variables:
        written = _as_written(variable_as_written(config.variables.by_name[variable]))
        _merge(tree, {VARIABLES: {variable: None}})
        tree.setdefault(VARIABLES, {})[variable] = written
    if version < FILE_VERSION:
        # What followed from the version is said from now on.
        _merge(tree, {"_meta": {"version": FILE_VERSION}})
        tree.setdefault("listen", config.listen)
        if not tree.get("shared_storage_path"):
            tree["shared_storage_path"] = str(config.shared_storage_path)
        if "enabled" not in (tree.get("shaman") or {}):
            _merge(tree, {"shaman": {"enabled": config.shaman_enabled}})


def _rename(tree: MutableMapping[str, Any], old_name: str, name: str) -> None:
    """Under its new name a setting keeps its place and its comments."""
    position = list(tree).index(old_name)
    comments = tree.ca.items.pop(old_name, None)  # type: ignore[attr-defined]
    value = tree.pop(old_name)
    tree.insert(position, name, value)  # type: ignore[attr-defined]
    if comments is not None:
        tree.ca.items[name] = comments  # type: ignore[attr-defined]
