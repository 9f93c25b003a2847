"""Lines of a program's log, in the form that suits whoever reads them.

Where systemd's journal reads the stream, it keeps time and priority itself: lines then have no
time stamp and start with `<3>` and the like, which the journal takes for the priority
(sd-daemon(3)). Colours are for terminals only.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO, TypeVar

T = TypeVar("T")

_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_LEAST_PRIORITY = 7
_COLOURS = ((logging.ERROR, "31"), (logging.WARNING, "33"), (logging.INFO, ""))
_LEAST_COLOUR = "2"  # faint


@dataclass(frozen=True, slots=True, kw_only=True)
class LogForm:
    """How log lines look."""

    is_json: bool = False
    has_colours: bool = False
    is_for_journal: bool = False


def form_for(stream: TextIO, environment: Mapping[str, str], *, as_json: bool = False) -> LogForm:
    """The form that whoever reads the stream can use best."""
    return LogForm(
        is_json=as_json,
        has_colours=not as_json and _takes_colours(stream, environment),
        is_for_journal=_is_journal(stream, environment),
    )


class TextLines(logging.Formatter):
    """Level, part of the program and message, behind the time."""

    def __init__(self, form: LogForm) -> None:
        what = "%(levelname)s %(name)s: %(message)s"
        super().__init__(what if form.is_for_journal else f"%(asctime)s {what}")
        self._has_colours = form.has_colours

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """With the zone, so that the log of two machines can be read side by side."""
        time = datetime.fromtimestamp(record.created, UTC).astimezone()
        return time.isoformat(sep=" ", timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not self._has_colours:
            return text
        colour = _first_below(_COLOURS, record.levelno, _LEAST_COLOUR)
        return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


class WithPriority(logging.Formatter):
    """Each line carries the priority, or the lines of a traceback would lose it."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        priority = _first_below(_PRIORITIES, record.levelno, _LEAST_PRIORITY)
        text = self._lines.format(record)
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


def _first_below(table: tuple[tuple[int, T], ...], level: int, otherwise: T) -> T:
    return next((value for limit, value in table if level >= limit), otherwise)


def _takes_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb" or not stream.isatty():
        return False
    # The old console of Windows shows the codes instead of following them.
    return sys.platform != "win32" or "WT_SESSION" in environment


def _is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether systemd's journal reads this very stream, and not only that of a parent."""
    wanted = environment.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return wanted == f"{status.st_dev}:{status.st_ino}"
