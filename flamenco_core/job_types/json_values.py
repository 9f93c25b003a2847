"""Values that a job type's script made, brought into the form in which JSON carries them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from flamenco_core.errors import Problem

_DEEPEST = 50


def plain_json(value: object, where: str, problems: list[Problem], *, depth: int = 0) -> object:
    """The value as plain dicts, lists, texts, numbers, bools and `None`, in new containers.

    What JSON cannot carry is added to `problems` with its place, and becomes `None`.
    """
    match value:
        case None | bool():
            return value
        case str():
            return _plain_text(value, where, problems)
        case int():
            return int(value)
        case float():
            if math.isfinite(value):
                return float(value)
            problems.append(Problem(where, f"{value} is not a number that can be sent"))
            return None
        case Mapping() | list() | tuple() if depth >= _DEEPEST:
            problems.append(Problem(where, "is nested too deeply, or contains itself"))
            return None
        case Mapping():
            return plain_object(value, where, problems, depth=depth)
        case list() | tuple():
            return [
                item
                if _is_plain(item)
                else plain_json(item, f"{where}[{position}]", problems, depth=depth + 1)
                for position, item in enumerate(value)
            ]
        case _:
            what = f"a value of type {type(value).__name__} cannot be sent"
            hint = "use text, numbers, true or false, lists and dicts; str(…) makes text of a path"
            problems.append(Problem(where, what, hint))
            return None


def plain_object(
    value: Mapping[Any, object], where: str, problems: list[Problem], *, depth: int = 0
) -> dict[str, Any]:
    """The mapping as a plain dict, as by `plain_json`."""
    if type(value) is dict and (copy := _copy_of_plain(value)) is not None:
        return copy
    plain: dict[str, Any] = {}
    for key, item in value.items():
        if _is_plain(key) and _is_plain(item):
            plain[key] = item
        elif isinstance(key, str):
            text = _plain_text(key, where, problems)
            plain[text] = plain_json(item, f"{where}.{key}", problems, depth=depth + 1)
        else:
            what = f"the key {key!r} is not text"
            problems.append(Problem(where, what, "JSON objects have text as keys"))
    return plain


def _copy_of_plain(value: dict[Any, object]) -> dict[str, Any] | None:
    """A copy of what is plain already, as nearly all is; None if a closer look is needed.

    Jobs have a hundred thousand of these: this takes a third of the time of the closer look.
    """
    try:
        text = json.dumps(value, allow_nan=False)
        # Keys that are no texts, tuples and the like come back as something else; half of a
        # character would not.
        if "\\ud" not in text and text.count("{") + text.count("[") <= _DEEPEST:
            copy: dict[str, Any] = json.loads(text)
            return copy if copy == value else None
    except (TypeError, ValueError, RecursionError):
        pass
    return None


def _is_plain(value: object) -> TypeGuard[str]:
    """Whether it is a text as almost all are, which needs no closer look, nor its place."""
    return type(value) is str and value.isascii()


def _plain_text(text: str, where: str, problems: list[Problem]) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        problems.append(Problem(where, "has characters that are not valid Unicode"))
        return text.encode(errors="replace").decode()
    return str.__str__(text)  # of a member of an enum its value
