"""Several requests in one transaction of the farm, each with an answer of its own.

What may surprise: a function can run twice. If one failed after it had changed something (most
refusals come before that), if an error ended the whole transaction (a full disk does that), or if
the commit failed, nothing of the group is stored, and each request runs once more in a transaction
of its own. So a function changes nothing but the farm.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flamenco_core.errors import Unavailable
from flamenco_core.store.database import Spoiled

if TYPE_CHECKING:
    from flamenco_core.manager import Manager

logger = logging.getLogger(__name__)

_TEMPORARY_SQLITE_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""What an admin can mend (space, permissions, a lock) without a change of the program."""


@dataclass(slots=True)
class Request:
    """What somebody wants done to the farm, and what came of it."""

    function: Callable[[Manager], Any]
    result: Any = None
    error: Exception | None = None


R = TypeVar("R", bound=Request)


class _TransactionLostError(Exception):
    """The database ended the transaction of the whole group."""


def carry_out(manager: Manager, requests: Iterable[R]) -> tuple[list[R], bool]:
    """Runs all of them, at least one, and gives each its result or error.

    More may join while others run: `requests` is asked for the next one after each.

    Returns:
        The requests, and whether each of them ran a second time, alone.
    """
    waiting = iter(requests)
    taken = [next(waiting)]
    try:
        with manager.group_of_work():
            _attempt(manager, taken[0])
            for request in waiting:
                taken.append(request)
                _attempt(manager, request)
    except Exception as error:  # noqa: BLE001 - each request gets its own answer below
        logger.log(
            logging.DEBUG if isinstance(error, Spoiled) else logging.WARNING,
            "A group of %d requests could not be stored (%s); each is tried alone",
            len(taken),
            error.__cause__ or repr(error),
        )
        for request in taken:
            _attempt_alone(manager, request)
        return taken, True
    return taken, False


def _attempt(manager: Manager, request: Request) -> None:
    """Runs one request; its failure is its own if it had changed nothing yet."""
    try:
        with manager.unit_of_work():
            request.result = request.function(manager)
    except Exception as error:
        if not manager.has_transaction:
            raise _TransactionLostError from error
        request.error = _as_answer(error)
    if manager.is_spoiled:
        raise Spoiled


def _attempt_alone(manager: Manager, request: Request) -> None:
    request.result, request.error = None, None
    try:
        with manager.unit_of_work():
            request.result = request.function(manager)
    except Exception as error:  # noqa: BLE001 - it is the answer
        request.error = _as_answer(error)


def _as_answer(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _TEMPORARY_SQLITE_ERRORS:
        return error
    logger.error("The farm's database cannot be written: %s", error)
    unavailable = Unavailable(
        f"The farm's database cannot be written at the moment ({error}); nothing was changed"
    )
    unavailable.__cause__ = error
    return unavailable
