"""Fields of `Config` by the names that `Key.field` has: `listen`, or `mqtt.broker`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from flamenco_core.config.key import Key
from flamenco_core.config.keys import KEYS
from flamenco_core.config.settings import Config


def value_of(config: Config, field: str) -> Any:
    value: Any = config
    for name in field.split("."):
        value = getattr(value, name)
    return value


def with_fields(config: Config, fields: Mapping[str, Any]) -> Config:
    """The configuration with other values in some fields."""
    direct = {name: value for name, value in fields.items() if "." not in name}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in fields.items():
        part, dot, rest = name.partition(".")
        if dot:
            parts.setdefault(part, {})[rest] = value
    for part, values in parts.items():
        direct[part] = replace(getattr(config, part), **values)
    return replace(config, **direct)


class Many(Enum):
    """How many values a field holds."""

    ONE = auto()
    LIST = auto()
    BY_NAME = auto()


@cache
def type_of(field: str) -> tuple[Any, Many]:
    """The type of a field's values, and how many of them it holds."""
    part, _, rest = field.rpartition(".")
    holder = type(getattr(Config(), part)) if part else Config
    kind = get_type_hints(holder)[rest]
    if get_origin(kind) is UnionType:
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return get_args(kind)[0], Many.LIST
    if get_origin(kind) is Mapping:
        return get_args(kind)[1], Many.BY_NAME
    return kind, Many.ONE


def with_live_fields(running: Config, wanted: Config) -> Config:
    """What a Manager runs with once it has taken over from `wanted` what counts at once."""
    fields = {key.field: value_of(wanted, key.field) for key in KEYS if key.is_live}
    changed = with_fields(running, fields)
    return replace(
        changed,
        variables=wanted.variables,
        worker_rules=wanted.worker_rules,
        places=wanted.places,
        warnings=wanted.warnings,
    )


def waiting_for_restart(running: Config, wanted: Config) -> list[Key]:
    """The settings that will be other ones after the next start. `running` has located paths."""
    wanted = wanted.with_located_paths()
    return [
        key
        for key in KEYS
        if not key.is_live and value_of(running, key.field) != value_of(wanted, key.field)
    ]
