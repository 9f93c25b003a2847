"""From the text of `flamenco-manager.yaml` and the environment to `Config`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flamenco_core.config import keys
from flamenco_core.config.checks import Places, check_together
from flamenco_core.config.document import Entry, each_path, parse_document, parse_value
from flamenco_core.config.fields import with_fields
from flamenco_core.config.key import ENVIRONMENT_PREFIX, Key
from flamenco_core.config.report import Report, nearest
from flamenco_core.config.settings import DEFAULT_VARIABLES, Config
from flamenco_core.config.values import reason
from flamenco_core.config.variables_section import (
    PATH_REPLACEMENT,
    VARIABLES,
    is_by_platform,
    read_variables,
)
from flamenco_core.config.worker_settings_section import WORKER_SETTINGS, read_worker_rules
from flamenco_core.errors import InvalidInput, Problem, StorageError
from flamenco_core.model import Audience
from flamenco_core.variables import Variables

DEFAULT_FILE_NAME = "flamenco-manager.yaml"
FILE_VERSION = 3
_FIRST_WITH_VALUE_LISTS = 2
"""The first version of the file whose variables have lists of values."""

SECONDS = "_seconds"
"""The end of names in Flamenco 2 that say the unit themselves, so that a number is enough."""

_VARIABLES_IN_ENVIRONMENT = ENVIRONMENT_PREFIX + VARIABLES.upper()
_BEFORE_VERSION_2: Mapping[str, Any] = {"listen": ":8083", "shaman_enabled": False}
"""Defaults that a file of the oldest form was written for."""


def load_config(
    path: str | Path | None,
    *,
    home: str | Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Config:
    """Reads a configuration file and what the environment says over it.

    Without a path there is only the environment. `home` is the data folder, where relative paths
    start; it is the file's folder if it is not given.

    Raises:
        StorageError: if the file cannot be read.
        InvalidInput: with every problem in it, placed by line.
    """
    if path is None:
        folder = Path(home) if home else Path.cwd()
        config = parse_config("", name="", home=folder, environment=environment)
        return replace(config, file=folder.absolute() / DEFAULT_FILE_NAME)
    path = Path(path)
    folder = Path(home) if home else path.absolute().parent
    config = parse_config(read_text(path), name=path.name, home=folder, environment=environment)
    return replace(config, file=path.absolute())


def read_text(path: Path) -> str:
    """The text of a file. Raises `StorageError`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"The configuration {path} cannot be read: {reason}") from error
    except UnicodeDecodeError as error:
        raise StorageError(f"The configuration {path} cannot be read: {error}") from error


def parse_config(
    text: str, *, name: str, home: Path, environment: Mapping[str, str] | None = None
) -> Config:
    """Like `load_config`, from text; `name` is used in messages."""
    root, repeated = parse_document(text, name)
    report = Report()
    report.problems += repeated
    reading = _Reading(root, report)
    reading.read_file()
    reading.read_environment(environment or {})
    config = reading.config(home)
    if report.problems:
        raise InvalidInput(f"{name or 'The environment'} has mistakes", problems=report.problems)
    return replace(config, warnings=tuple(report.warnings))


def file_version(root: Entry) -> int:
    """The version of the file's form; one without `_meta` is told by what it holds.

    Raises:
        InvalidInput: if it says something else than a number.
    """
    entry = dict(each_path(root)).get(keys.VERSION)
    if entry is not None:
        if type(entry.value) is not int or entry.value < 0:
            what = f"{entry.text or 'this'} is no version"
            raise InvalidInput(what, problems=[Problem(f"{entry.place}, {keys.VERSION}", what)])
        return int(entry.value)
    members = root.members or {}
    variables = members.get(VARIABLES)
    has_old_variables = variables is not None and any(
        is_by_platform(variable) for variable in (variables.members or {}).values()
    )
    is_old = has_old_variables or PATH_REPLACEMENT in members
    return _FIRST_WITH_VALUE_LISTS - 1 if is_old else FILE_VERSION


class _Reading:
    """One pass over a file and the environment."""

    def __init__(self, root: Entry, report: Report) -> None:
        self._root = root
        self._report = report
        self._version = FILE_VERSION
        self._fields: dict[str, Any] = {}
        self._entries: dict[str, Entry] = {}
        """Where each field was set."""
        self._variables: dict[str, Entry] = {}
        self._worker_settings: Entry | None = None

    def read_file(self) -> None:
        members = self._root.members
        if members is None:
            self._report.problem(self._root, "", "must be a list of keys with values")
            return
        self._read_version()
        self._variables = {
            key: members[key] for key in (VARIABLES, PATH_REPLACEMENT) if key in members
        }
        self._worker_settings = members.get(WORKER_SETTINGS)
        apart = {*self._variables, WORKER_SETTINGS}
        settings = {key: entry for key, entry in members.items() if key not in apart}
        self._read_section(settings, "")

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Over the file. An empty value counts as not set."""
        for name, text in sorted(environment.items()):
            if not name.startswith(ENVIRONMENT_PREFIX) or not text.strip():
                continue
            key = keys.BY_ENVIRONMENT_NAME.get(name)
            if key is not None:
                self._read(key, self._environment_entry(name, text, key))
            elif name == _VARIABLES_IN_ENVIRONMENT:
                self._read_variables_of_environment(name, text)
            elif name not in keys.OTHER_ENVIRONMENT_NAMES:
                self._warn_of_misspelt(name)

    def config(self, home: Path) -> Config:
        config = with_fields(Config(home=home), self._fields)
        variables = Variables(
            {**DEFAULT_VARIABLES, **read_variables(self._variables, self._report)}
        )
        rules = read_worker_rules(self._worker_settings, self._report)
        config = replace(config, variables=variables, worker_rules=rules)
        if self._version < FILE_VERSION:
            config = self._upgraded(config)
        named = {
            name: entry
            for section in self._variables.values()
            for name, entry in (section.members or {}).items()
        }
        check_together(config, Places(self._root, self._entries, named), self._report)
        entries = {**self._entries, **{f"{VARIABLES}.{name}": named[name] for name in named}}
        return replace(config, places={name: entry.place for name, entry in entries.items()})

    def _read_version(self) -> None:
        try:
            self._version = file_version(self._root)
        except InvalidInput as error:
            self._report.problems += error.problems
            return
        if self._version > FILE_VERSION:
            entry = dict(each_path(self._root))[keys.VERSION]
            what = f"this program reads versions up to {FILE_VERSION}, not {self._version}"
            self._report.problem(entry, keys.VERSION, what, "use a newer program")
        elif self._version < FILE_VERSION:
            what = f"the file has the form of Flamenco 2 (version {self._version})"
            hint = "it gets the present form when the settings are saved"
            self._report.warning(self._root, "", what, hint)
        if self._version < _FIRST_WITH_VALUE_LISTS:
            self._fields.update(_BEFORE_VERSION_2)

    def _read_section(self, members: Mapping[str, Entry], above: str) -> None:
        for name, entry in members.items():
            path = f"{above}.{name}" if above else name
            key = keys.BY_PATH.get(path) or keys.BY_OLD_NAME.get(path)
            if key is not None and "." in name:
                section, _, last = name.rpartition(".")
                what = "is a path, which does not count in a file"
                self._report.problem(entry, path, what, f"write {last} below {section}")
            elif key is not None:
                self._read_key(key, path, entry)
            elif path in keys.WITHOUT_MEANING:
                why = keys.WITHOUT_MEANING[path]
                self._report.warning(entry, path, f"has no meaning here: {why}")
            elif path == keys.VERSION:
                pass
            elif _is_section(path):
                if entry.members is None:
                    self._report.problem(entry, path, "must be a list of keys with values")
                else:
                    self._read_section(entry.members, path)
            else:
                hint = nearest(name, _names_below(above))
                self._report.problem(entry, path, "is not a known setting", hint)

    def _read_key(self, key: Key, path: str, entry: Entry) -> None:
        earlier = self._entries.get(key.field)
        if earlier is not None:
            what = f"is the same setting as the one on {earlier.place.rpartition(', ')[2]}"
            self._report.problem(entry, path, what, f"leave one out; it is now called {key.path}")
            return
        if path.endswith(SECONDS) and type(entry.value) is int:
            entry = Entry(entry.place, entry.value, f"{entry.text}s")
        self._read(key, entry, path)

    def _read(self, key: Key, entry: Entry, path: str = "") -> None:
        try:
            value = key.read(entry)
            if value is not None:
                self._fields[key.field] = value
        except InvalidInput as error:
            self._report.problem(entry, path or key.path, *reason(error))
        self._entries[key.field] = entry

    def _warn_of_misspelt(self, name: str) -> None:
        """Names that are near no setting may belong to anything."""
        prefix = ENVIRONMENT_PREFIX
        known = [key.environment_name.removeprefix(prefix) for key in keys.KEYS]
        hint = nearest(name.removeprefix(prefix), [*known, VARIABLES.upper()], prefix=prefix)
        if hint:
            self._report.warnings.append(Problem(name, "is not a known setting", hint))

    def _environment_entry(self, name: str, text: str, key: Key) -> Entry:
        """A text needs no quotes there; a list is written `[a, b]`."""
        as_text = Entry(name, text, text)
        try:
            as_yaml = parse_value(text, name)
        except InvalidInput:
            return as_text
        is_list = isinstance(as_yaml.value, list)
        for entry in (as_yaml, as_text) if is_list else (as_text, as_yaml):
            with contextlib.suppress(InvalidInput):
                key.read(entry)
                return entry
        return as_text

    def _read_variables_of_environment(self, name: str, text: str) -> None:
        """Variables in the environment stand beside those of the file, or replace them."""
        try:
            given = parse_value(text, name)
        except InvalidInput as error:
            self._report.problems += error.problems
            return
        if given.members is None:
            self._report.problem(given, "", "must be a list of variables, each with its values")
            return
        for section, entry in list(self._variables.items()):
            kept = {
                key: value
                for key, value in (entry.members or {}).items()
                if key not in given.members
            }
            self._variables[section] = Entry(entry.place, kept)
        there = self._variables.get(VARIABLES)
        both = {**((there.members or {}) if there else {}), **given.members}
        self._variables[VARIABLES] = Entry(given.place, both)

    def _upgraded(self, config: Config) -> Config:
        """What a file of Flamenco 2 says about the storage, in terms of now.

        There the folder of the jobs' files was said twice, to Shaman and as a variable.
        """
        if "shared_storage_path" in self._fields:
            return config
        if config.shaman_enabled and config.shaman_checkouts is not None:
            return replace(config, shared_storage_path=config.shaman_checkouts.parent)
        own = config.variables.table(
            Audience.WORKERS, config.platform, manager_platform=config.platform
        )
        if "job_storage" in own.values:
            return replace(config, shared_storage_path=Path("{job_storage}"))
        return config


def _is_section(path: str) -> bool:
    return any(known.startswith(f"{path}.") for known in (*keys.BY_PATH, keys.VERSION))


def _names_below(above: str) -> list[str]:
    """The names that may stand in a section of the file."""
    prefix = f"{above}." if above else ""
    paths = (*keys.BY_PATH, keys.VERSION, VARIABLES, WORKER_SETTINGS)
    below = [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]
    return [path.partition(".")[0] for path in below]
