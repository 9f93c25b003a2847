"""A configuration as people look at it: every setting with its value, default, origin and meaning.

Secrets are never in it; only whether there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from flamenco_core.config import values
from flamenco_core.config.descriptions import SECTIONS
from flamenco_core.config.fields import Many, type_of, value_of
from flamenco_core.config.key import Key
from flamenco_core.config.keys import BY_PATH, VERSION
from flamenco_core.config.reading import FILE_VERSION
from flamenco_core.config.settings import Config
from flamenco_core.config.slots_section import SLOTS, slots_as_written
from flamenco_core.config.variables_section import VARIABLES, variable_as_written
from flamenco_core.config.worker_settings_section import rule_as_written
from flamenco_core.durations import format_duration
from flamenco_core.model import Audience
from flamenco_core.model.configuration import (
    ConfigurationKind,
    ConfigurationSection,
    ConfigurationSetting,
    ConfiguredValue,
    ConfiguredVariable,
    ConfiguredWorkerRule,
    SettingSource,
)
from flamenco_core.provisioning import WorkerRule
from flamenco_core.variables import Variable, VariableValue

_KINDS: tuple[tuple[type, ConfigurationKind], ...] = (
    (bool, ConfigurationKind.BOOLEAN),  # which is a number, too
    (int, ConfigurationKind.NUMBER),
    (timedelta, ConfigurationKind.DURATION),
    (PurePath, ConfigurationKind.PATH),
    (StrEnum, ConfigurationKind.CHOICE),
)

_OF_FLAMENCO_3 = (
    *("manager_name", "database", "database_check_period", "listen", "autodiscoverable"),
    *("local_manager_storage_path", "shared_storage_path", "shaman.enabled"),
    *("shaman.garbageCollect.period", "shaman.garbageCollect.maxAge", "task_timeout"),
    *("worker_timeout", "blocklist_threshold", "task_fail_after_softfail_count"),
    *("mqtt.client.enabled", "mqtt.client.broker", "mqtt.client.clientID"),
    *("mqtt.client.topic_prefix", "mqtt.client.username", "mqtt.client.password"),
)
"""All that its settings page knows; it fails at any other."""


def setting_as_written(value: Any) -> Any:
    """A value of `Config` in the form of the file; `None` for what has none."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [setting_as_written(item) for item in value]
    if isinstance(value, Mapping):
        return {name: setting_as_written(item) for name, item in value.items()}
    return value


def sections_of(config: Config, waiting: Iterable[Key]) -> list[ConfigurationSection]:
    """Every setting; `waiting` are those that the running Manager has another value of."""
    names, defaults = {key.path for key in waiting}, Config(home=config.home)
    return [
        ConfigurationSection(
            name=name,
            settings=[
                _setting(BY_PATH[path], config, defaults, meaning, is_waiting=path in names)
                for path, meaning in meanings.items()
            ],
        )
        for name, meanings in SECTIONS.items()
    ]


def variables_of(config: Config) -> dict[str, ConfiguredVariable]:
    """Every variable but `{jobs}`, by name."""
    return {
        name: _variable(variable, config.places.get(f"{VARIABLES}.{name}", ""))
        for name, variable in config.variables.by_name.items()
    }


def worker_rules_of(config: Config) -> list[ConfiguredWorkerRule]:
    return [_shown_rule(rule) for rule in config.worker_rules]


def _shown_rule(rule: WorkerRule) -> ConfiguredWorkerRule:
    of_slots = {"slots": rule.slots, "slot_settings": [*rule.slot_settings] or None}
    return ConfiguredWorkerRule(**rule_as_written(rule) | of_slots)


def variable_from(given: ConfiguredVariable) -> Variable:
    """The variable that somebody describes."""
    values = tuple(
        VariableValue(
            value.value,
            tuple(value.platforms),
            frozenset([value.audience] if value.audience else Audience),
        )
        for value in given.values
    )
    return Variable(values, is_twoway=given.is_twoway)


def written_variable(given: ConfiguredVariable) -> dict[str, Any]:
    """What the file says of a variable that somebody describes."""
    return variable_as_written(variable_from(given))


def written_rule(given: ConfiguredWorkerRule) -> dict[str, Any]:
    """What the file says of a rule that somebody describes."""
    names = WorkerRule.__dataclass_fields__
    written = {name: value for name in names if (value := getattr(given, name)) is not None}
    if of_slots := written.pop("slot_settings", None):
        written[SLOTS] = slots_as_written(of_slots)
    return written


def flamenco_3_form(config: Config) -> dict[str, Any]:
    """The configuration as Flamenco 3 sends it: nested as in the file, with its settings only.

    Secrets are empty texts.
    """
    form: dict[str, Any] = {}
    _put(form, VERSION, FILE_VERSION)
    for path in _OF_FLAMENCO_3:
        key = BY_PATH[path]
        value = "" if key.is_secret else setting_as_written(value_of(config, key.field))
        _put(form, path, "" if value is None else value)
    form[VARIABLES] = {
        name: {"is_twoway": variable.is_twoway, **variable_as_written(variable)}
        for name, variable in config.variables.by_name.items()
    }
    return form


def _put(form: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for part in above:
        form = form.setdefault(part, {})
    form[name] = value


def _setting(
    key: Key, config: Config, defaults: Config, meaning: str, *, is_waiting: bool
) -> ConfigurationSetting:
    kind, many = type_of(key.field)
    value, default = value_of(config, key.field), value_of(defaults, key.field)
    place = config.places.get(key.field, "")
    read = key.read.read if isinstance(key.read, values.named) else key.read
    bounds = read if isinstance(read, values.count) else None
    is_choice = isinstance(kind, type) and issubclass(kind, StrEnum)
    return ConfigurationSetting(
        name=key.path,
        kind=ConfigurationKind.SECRET if key.is_secret else _kind(kind),
        is_list=many is Many.LIST,
        is_by_name=many is Many.BY_NAME,
        value=None if key.is_secret else setting_as_written(value),
        default=None if key.is_secret else setting_as_written(default),
        is_set=value != default,
        source=_source(place, key.environment_name),
        place=place,
        environment_name=key.environment_name,
        explanation=meaning,
        needs_restart=not key.is_live,
        is_waiting=is_waiting,
        choices=[member.value for member in kind] if is_choice else None,
        minimum=None if bounds is None else bounds.least,
        maximum=None if bounds is None else bounds.most,
    )


def _kind(kind: Any) -> ConfigurationKind:
    for base, found in _KINDS:
        if isinstance(kind, type) and issubclass(kind, base):
            return found
    return ConfigurationKind.TEXT


def _source(place: str, environment_name: str) -> SettingSource:
    if not place:
        return SettingSource.DEFAULT
    return SettingSource.ENVIRONMENT if place == environment_name else SettingSource.FILE


def _variable(variable: Variable, place: str) -> ConfiguredVariable:
    return ConfiguredVariable(
        values=[
            ConfiguredValue(
                value=value.value,
                platforms=list(value.platforms),
                audience=next(iter(value.audiences)) if len(value.audiences) == 1 else None,
            )
            for value in variable.values
        ],
        is_twoway=variable.is_twoway,
        source=_source(place, "FLAMENCO_VARIABLES"),
        place=place,
    )
