"""The Manager's log: text or JSON, on the standard error stream, and a line for each request."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from flamenco_core.log_lines import LogForm, TextLines, WithPriority, form_for
from manager_service.proxies import CLIENT

__all__ = ["ACCESS_LOG", "AccessLogger", "LogForm", "form_for", "formatter", "set_up_log"]

ACCESS_LOG = "manager_service.access"
"""The name of the logger that is told each request, if it is wanted."""


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
    lines = _json_lines() if form.is_json else TextLines(form)
    return WithPriority(lines) if form.is_for_journal else lines


class AccessLogger(AbstractAccessLogger):
    """One line a request, without its query, which may hold a token."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.logger.info(
            "%s %s %s answered %d with %d bytes in %.1f ms",
            request.get(CLIENT, request.remote) or "-",
            request.method,
            request.path,
            response.status,
            response.body_length,
            time * 1000,
        )


def _json_lines() -> logging.Formatter:
    from pythonjsonlogger.orjson import OrjsonFormatter

    class _JsonLines(OrjsonFormatter):
        """`time`, `level`, `logger`, `message`, and whatever else was said of a record."""

        def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
            return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    names = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "traceback"}
    return _JsonLines(["asctime", "levelname", "name", "message"], rename_fields=names)
