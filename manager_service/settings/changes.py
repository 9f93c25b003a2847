"""From what somebody wants to be changed to what is to be written into the configuration file.

What stays as it is, is not written, so that the file says only what somebody wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flamenco_core.config import Config
from flamenco_core.config.keys import BY_OLD_NAME, BY_PATH, VERSION
from flamenco_core.config.report import nearest
from flamenco_core.config.variables_section import PATH_REPLACEMENT, VARIABLES
from flamenco_core.config.view import (
    flamenco_3_form,
    variable_from,
    worker_rules_of,
    written_rule,
    written_variable,
)
from flamenco_core.config.worker_settings_section import WORKER_SETTINGS
from flamenco_core.errors import Problem
from flamenco_core.model.configuration import ConfigurationChange, ConfiguredVariable

_VARIABLES_OF_ENVIRONMENT = "FLAMENCO_VARIABLES"
_UNSAID_OF_VARIABLES = ("is_twoway", "direction")


class Changes:
    """What to write, in the form of `ConfigFile.save`, and what is wrong with what is wanted."""

    def __init__(self, config: Config) -> None:
        """`config` is what the file and the environment say now."""
        self._config = config
        self.tree: dict[str, Any] = {}
        self.problems: list[Problem] = []

    @property
    def names(self) -> list[str]:
        """What is to be written: settings, `variables.NAME`, `worker_settings`."""
        return sorted(_names(self.tree, ""))

    def take(self, change: ConfigurationChange) -> None:
        for name, value in change.settings.items():
            self._take_setting(name, value)
        if change.variables is not None:
            self._take_variables(change.variables)
        rules = change.worker_settings
        if rules is not None and rules != worker_rules_of(self._config):
            self.tree[WORKER_SETTINGS] = [written_rule(rule) for rule in rules] or None

    def take_flamenco_3_form(self, given: Mapping[str, Any]) -> None:
        """All of the configuration, nested as in the file.

        What is absent stays. So do secrets that are empty: they were sent like that.
        """
        present = flamenco_3_form(self._config)
        for path, value in _leaves(given, ""):
            if path.partition(".")[0] in (VARIABLES, VERSION.partition(".")[0]):
                continue
            key = BY_PATH.get(path)
            if key is not None and key.is_secret and value == "":
                continue
            if key is None or value != _at(present, path):
                self._take_setting(path, value)
        variables = given.get(VARIABLES)
        if variables is not None and not isinstance(variables, dict):
            self.problems.append(Problem(VARIABLES, "must be an object"))
        elif variables is not None:
            self._take_raw_variables(variables, present[VARIABLES])

    def _take_setting(self, name: str, value: Any) -> None:
        key = BY_PATH.get(name)
        if key is None:
            renamed = BY_OLD_NAME.get(name)
            hint = f"it is now called {renamed.path}" if renamed else nearest(name, BY_PATH)
            self.problems.append(Problem(f"settings.{name}", "is not a known setting", hint))
        elif self._config.places.get(key.field) == key.environment_name:
            self._refuse_of_environment(f"settings.{name}", key.environment_name)
        else:
            _put(self.tree, key.path, value)

    def _take_variables(self, wanted: Mapping[str, ConfiguredVariable]) -> None:
        present = self._config.variables.by_name
        for name, given in wanted.items():
            if present.get(name) != variable_from(given):
                self._write_variable(name, written_variable(given))
        self._remove_variables(wanted)

    def _take_raw_variables(self, wanted: Mapping[str, Any], present: Mapping[str, Any]) -> None:
        for name, given in wanted.items():
            if given != present.get(name):
                self._write_variable(name, given)
        self._remove_variables(wanted)

    def _write_variable(self, name: str, written: Any) -> None:
        place = self._config.places.get(f"{VARIABLES}.{name}")
        if place == _VARIABLES_OF_ENVIRONMENT:
            self._refuse_of_environment(f"{VARIABLES}.{name}", place)
            return
        if place is not None and isinstance(written, dict):
            # It is in the file; what is not said of it any more has to go from there.
            written = {**dict.fromkeys(_UNSAID_OF_VARIABLES), **written}
        self.tree.setdefault(VARIABLES, {})[name] = written

    def _remove_variables(self, wanted: Mapping[str, Any]) -> None:
        """Those of the file that are not wanted; of others there is nothing in the file."""
        for place_name, place in self._config.places.items():
            section, dot, name = place_name.partition(".")
            if section not in (VARIABLES, PATH_REPLACEMENT) or not dot or name in wanted:
                continue
            if place == _VARIABLES_OF_ENVIRONMENT:
                self._refuse_of_environment(f"{VARIABLES}.{name}", place)
            else:
                self.tree.setdefault(VARIABLES, {})[name] = None

    def _refuse_of_environment(self, where: str, variable: str) -> None:
        what = f"is set by the environment variable {variable}, which counts more than the file"
        self.problems.append(Problem(where, what, "change it there"))


def _leaves(tree: Mapping[str, Any], above: str) -> list[tuple[str, Any]]:
    """The values of nested objects by their path; an object that is a setting's value is one."""
    found: list[tuple[str, Any]] = []
    for name, value in tree.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, dict) and path not in BY_PATH and _is_section(path):
            found += _leaves(value, path)
        else:
            found.append((path, value))
    return found


def _is_section(path: str) -> bool:
    return any(known.startswith(f"{path}.") for known in (*BY_PATH, VERSION))


def _names(tree: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, value in tree.items():
        path = f"{above}.{name}" if above else name
        is_whole = path in BY_PATH or above == VARIABLES or not isinstance(value, dict)
        yield from (path,) if is_whole else _names(value, path)


def _at(tree: Mapping[str, Any], path: str) -> Any:
    value: Any = tree
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for part in above:
        tree = tree.setdefault(part, {})
    tree[name] = value
