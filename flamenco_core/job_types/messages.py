"""What a Manager and its compiling helper say to each other: one JSON object a line.

A helper that has started says `ready`. A request asks for one thing (`compile`, `available`, `get`
or `problems`). Before the helper runs a script it says which (`running`), so that the other side
knows whom to blame should it never hear more. What a script has put out follows (`printed`, and
`warned` for its standard error). Then comes the answer: `result`, or `error` with the error's
class, message and problems. In front of a compiled job go its tasks in parts (`part`), so that no
line is so long that reading it would hold up the other threads of a Manager; an empty one says that
the script has done what it had to do.
"""

from __future__ import annotations

import json
from typing import Any

from flamenco_core.errors import (
    CompileError,
    FlamencoError,
    InvalidInput,
    NotFound,
    Problem,
    WrongEtag,
)
from flamenco_core.wire import to_json

_ERRORS: dict[str, type[FlamencoError]] = {
    cls.__name__: cls for cls in (CompileError, FlamencoError, InvalidInput, NotFound, WrongEtag)
}


def to_line(message: dict[str, Any]) -> bytes:
    """The message as one line of ASCII."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def error_to_json(error: FlamencoError) -> dict[str, Any]:
    """The error as JSON-ready data; a class that is not for others becomes `FlamencoError`."""
    name = type(error).__name__
    return {
        "class": name if name in _ERRORS else FlamencoError.__name__,
        "message": error.message,
        "problems": problems_to_json(error.problems),
    }


def error_from_json(data: dict[str, Any]) -> FlamencoError:
    """The error that `error_to_json` took apart, ready to be raised."""
    problems = problems_from_json(data["problems"])
    return _ERRORS[data["class"]](data["message"], problems=problems)


def problems_to_json(problems: tuple[Problem, ...] | list[Problem]) -> list[dict[str, str]]:
    """The problems as JSON-ready data."""
    return [to_json(problem) for problem in problems]


def problems_from_json(data: list[dict[str, str]]) -> list[Problem]:
    """The problems that `problems_to_json` took apart."""
    return [Problem(**item) for item in data]
