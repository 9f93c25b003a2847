"""Dataclasses to JSON and back, as every program of this project does it.

Optional means absent: a field that is `None` is left out of the JSON, and never sent as `null`.
Reading is strict (the text `"2"` is not the number 2), ignores keys it does not know (newer
programs may send them), and reports every problem at once, each with its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_origin, get_type_hints

from flamenco_core.errors import InvalidInput, Problem, one_problem

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_JSON_NAMES: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


def from_json(data: object, cls: type[T]) -> T:
    """Makes a `cls` from decoded JSON.

    Raises:
        InvalidInput: with one problem for each thing that does not fit, placed by JSON path.
    """
    from cattrs import BaseValidationError

    try:
        return _converter().structure(data, cls)
    except BaseValidationError as error:
        problems = list(_problems(error, ""))
        raise InvalidInput("This does not have the expected form", problems=problems) from None
    except _Mismatch as error:
        raise one_problem("", str(error)) from None


def from_json_text(text: bytes | str, cls: type[T]) -> T:
    """Like `from_json`, from JSON as text; raises `InvalidInput` for bad JSON too."""
    return from_json(parse_json(text), cls)


def checked(value: T) -> T:
    """What `value` would be if it had come as JSON; for what a script has put together.

    Python lets a dataclass hold anything: here a text that names a member of an enumeration
    becomes that member.

    Raises:
        InvalidInput: as `from_json` does.
    """
    return from_json(to_json(value), type(value))


def parse_json(text: bytes | str) -> Any:
    """Decodes JSON; raises `InvalidInput` naming line and column where it is malformed."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise one_problem(where, f"not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise one_problem("", f"not valid JSON: {error}") from None


def to_json(value: Any) -> Any:
    """Makes plain JSON values (dict, list, text, number, bool) of a dataclass."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return format_time(value)
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((name, getattr(value, name)) for name in _field_names(type(value)))
        return {name: to_json(item) for name, item in pairs if item is not None}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC with microseconds, such as `2026-02-03T04:05:06.000007Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Reads RFC 3339; raises `ValueError` if it is malformed or says no offset from UTC."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("a time needs its offset from UTC, such as a Z at its end")
    return value.astimezone(UTC)


class _Mismatch(ValueError):
    """A value is not of the type that its place asks for."""


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _structure_scalar(value: object, cls: type) -> object:
    if cls is float and type(value) is int:
        return float(value)
    if type(value) is not cls:
        raise _Mismatch(f"must be {_JSON_NAMES[cls]}, not {_describe(value)}")
    if cls is float and not math.isfinite(cast(float, value)):
        raise _Mismatch("must be a finite number")
    return value


def _structure_text(value: object, cls: type) -> object:
    # cattrs sends every subclass of `str` here, which all our enums are.
    if issubclass(cls, Enum):
        return _structure_enum(value, cls)
    text = _structure_scalar(value, cls)
    _refuse_lone_surrogates(cast(str, text))
    return text


def _refuse_lone_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Mismatch("has characters that are not valid Unicode") from None


def _structure_enum(value: object, cls: type[Enum]) -> Enum:
    for member in cls:
        if value == member.value and isinstance(value, str):
            return member
    choices = ", ".join(str(member.value) for member in cls)
    raise _Mismatch(f"must be one of {choices}, not {_describe(value)}")


def _structure_time(value: object, _cls: type) -> datetime:
    if not isinstance(value, str):
        raise _Mismatch(f"must be a time such as 2026-02-03T04:05:06Z, not {_describe(value)}")
    try:
        return parse_time(value)
    except ValueError as error:
        raise _Mismatch(f"must be a time such as 2026-02-03T04:05:06Z: {error}") from None


def _describe(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        return _JSON_NAMES[type(value)]
    return json.dumps(value)[:80]


@cache
def _converter() -> Converter:
    from cattrs import Converter
    from cattrs.cols import list_structure_factory
    from cattrs.gen import mapping_structure_factory

    converter = Converter(detailed_validation=True)
    for scalar in (int, float, bool):
        converter.register_structure_hook(scalar, _structure_scalar)
    converter.register_structure_hook(str, _structure_text)
    converter.register_structure_hook(datetime, _structure_time)
    converter.register_structure_hook_factory(
        lambda cls: _is_generic(cls, list),
        lambda cls: _only(list, list_structure_factory(cls, converter)),
    )
    converter.register_structure_hook_factory(
        lambda cls: _is_generic(cls, dict),
        lambda cls: _only(dict, mapping_structure_factory(cls, converter)),
    )
    converter.register_structure_hook_factory(
        lambda cls: isinstance(cls, type) and is_dataclass(cls),
        lambda cls: _only(dict, _dataclass_hook(cls, converter)),
    )
    return converter


def _is_generic(cls: Any, origin: type) -> bool:
    return get_origin(cls) is origin


def _only(container: type, structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Looks at the container before cattrs does, which would take any iterable for a list."""

    def hook(value: object, cls: type) -> object:
        if type(value) is not container:
            raise _Mismatch(f"must be {_JSON_NAMES[container]}, not {_describe(value)}")
        return structure(value, cls)

    return hook


def _dataclass_hook(cls: type, converter: Converter) -> Callable[[Any, Any], Any]:
    from cattrs.gen import make_dict_structure_fn, override

    types = get_type_hints(cls)
    constrained = {
        field.name: override(struct_hook=_constrained(converter, types[field.name], field.metadata))
        for field in fields(cls)
        if field.metadata
    }
    return make_dict_structure_fn(cls, converter, **constrained)  # type: ignore[arg-type]


def _constrained(
    converter: Converter, cls: Any, metadata: Mapping[str, Any]
) -> Callable[[Any, Any], Any]:
    def hook(value: object, _cls: Any) -> Any:
        result = converter.structure(value, cls)
        if result is not None:
            for name, limit in metadata.items():
                _CONSTRAINTS[name](result, limit)
        return result

    return hook


def _check_minimum(value: float, limit: float) -> None:
    if value < limit:
        raise _Mismatch(f"must be at least {limit}, not {value}")


def _check_maximum(value: float, limit: float) -> None:
    if value > limit:
        raise _Mismatch(f"must be at most {limit}, not {value}")


def _check_min_length(value: str, limit: int) -> None:
    if len(value.strip()) < limit:
        raise _Mismatch("must not be empty" if limit == 1 else f"needs {limit} characters")


def _check_max_length(value: str, limit: int) -> None:
    if len(value) > limit:
        raise _Mismatch(f"must have at most {limit} characters, not {len(value)}")


def _check_max_items(value: list[Any], limit: int) -> None:
    if len(value) > limit:
        raise _Mismatch(f"must have at most {limit} entries, not {len(value)}")


def _check_pattern(value: str, pattern: str) -> None:
    if not re.search(pattern, value):
        raise _Mismatch(f"must match {pattern}, not {_describe(value)}")


_CONSTRAINTS: dict[str, Callable[[Any, Any], None]] = {
    "minimum": _check_minimum,
    "maximum": _check_maximum,
    "minLength": _check_min_length,
    "maxLength": _check_max_length,
    "maxItems": _check_max_items,
    "pattern": _check_pattern,
}
"""What field metadata of the model may say; the names are JSON Schema's."""


def _problems(error: BaseException, place: str) -> Iterator[Problem]:
    """Flattens what cattrs nests, with the JSON path of each fault."""
    from cattrs import BaseValidationError

    if not isinstance(error, BaseValidationError):
        yield Problem(place, "is missing" if isinstance(error, KeyError) else str(error))
        return
    for inner in error.exceptions:
        if isinstance(inner, KeyError):
            yield Problem(_below(place, str(inner.args[0])), "is missing")
        else:
            yield from _problems(inner, _below(place, _step(inner)))


def _step(error: BaseException) -> int | str:
    from cattrs.errors import AttributeValidationNote, IterableValidationNote

    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return note.name
        if isinstance(note, IterableValidationNote):
            return note.index
    return ""


def _below(place: str, step: int | str) -> str:
    if isinstance(step, int):
        return f"{place}[{step}]"
    return f"{place}.{step}" if place and step else place or step


@cache
def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))
