"""Which regular expressions of a studio would take too long on some lines of a log.

Python tries every way in which a pattern could match before it says that none does. Where what is
repeated can itself be repeated in several ways, as in `(a+)+`, these are twice as many with each
further character, and nothing could stop it. So no such pattern is taken.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

_FEW = 8
"""A repetition that ends after so many times costs little, whatever it repeats."""


def repeats_a_repetition(pattern: re.Pattern[str]) -> bool:
    """Whether something that is repeated without end holds a repetition, or a choice."""
    # The reader of Python's own regular expressions, which knows all that they can hold.
    parser = importlib.import_module("re._parser")
    return any(_is_ambiguous(item) for item in _below(parser.parse(pattern.pattern, pattern.flags)))


def _is_ambiguous(item: tuple[Any, Any]) -> bool:
    operation, argument = item
    if not _is_repeat(operation) or argument[1] <= _FEW:
        return False
    return any(_is_repeat(inner) or str(inner) == "BRANCH" for inner, _ in _below(argument[2]))


def _is_repeat(operation: object) -> bool:
    # What is possessive (`a++`) never tries again.
    return str(operation) in ("MAX_REPEAT", "MIN_REPEAT")


def _below(items: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    """Each item of a pattern that was read, and of all that it holds."""
    for item in items:
        yield item
        yield from _below(_held(item[1]))


def _held(argument: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(argument, (tuple, list)):
        for part in argument:
            yield from _held(part)
    elif hasattr(argument, "data"):
        yield from argument.data
