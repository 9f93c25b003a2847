"""The Manager's log: text or JSON, on the standard error stream.

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

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

T = TypeVar("T")

ACCESS_LOG = "manager_service.access"
"""The name of the logger that is told each request, if it is wanted."""

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


def form_for(stream: TextIO, environment: Mapping[str, str], *, as_json: bool) -> LogForm:
    """The form that whoever reads the stream can use best."""
    return LogForm(
        is_json=as_json,
        has_colours=not as_json and _takes_colours(stream, environment),
        is_for_journal=_is_journal(stream, environment),
    )


def set_up_log(
    level: int, form: LogForm, stream: TextIO | None = None, *, with_access: bool = False
) -> None:
    """Makes `stream`, by default the standard error stream, the only place of log lines.

    `with_access` tells of each request too, however quiet the rest is.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(form))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("PIL").setLevel(logging.WARNING)
    if level > logging.DEBUG:
        # It logs a traceback for whatever a stranger sends that is not HTTP. Failures of our own
        # handlers are logged by themselves.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.getLogger(ACCESS_LOG).setLevel(logging.INFO if with_access else logging.WARNING)


def formatter(form: LogForm) -> logging.Formatter:
    lines = _json_lines() if form.is_json else _TextLines(form)
    return _WithPriority(lines) if form.is_for_journal else lines


class AccessLogger(AbstractAccessLogger):
    """One line a request, without its query, which may hold a token."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.logger.info(
            "%s %s %s answered %d with %d bytes in %.1f ms",
            request.remote or "-",
            request.method,
            request.path,
            response.status,
            response.body_length,
            time * 1000,
        )


class _TextLines(logging.Formatter):
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


def _json_lines() -> logging.Formatter:
    from pythonjsonlogger.orjson import OrjsonFormatter

    class _JsonLines(OrjsonFormatter):
        """`time`, `level`, `logger`, `message`, and whatever else was said of a record."""

        def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
            return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    names = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "traceback"}
    return _JsonLines(["asctime", "levelname", "name", "message"], rename_fields=names)


class _WithPriority(logging.Formatter):
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
