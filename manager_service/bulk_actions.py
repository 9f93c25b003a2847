"""One action for many: in pieces that share the write thread with everybody else.

What is answered is on disk. A piece is a short transaction; whatever ends the Manager between two
of them leaves the rest undone, and the request without an answer, so that it can be repeated.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from flamenco_core.errors import Conflict, InvalidInput, NotFound, one_problem
from flamenco_core.model.action_requests import ActionRefusals, ActionReport, ActionResult
from manager_service.json_answers import encoded_answer

if TYPE_CHECKING:
    import sqlite3

    from flamenco_core.manager import Manager
    from flamenco_core.store.reader import FarmReader
    from manager_service.reading import ReaderPool
    from manager_service.service import Service
    from manager_service.write_thread import WriteThread

MOST_ITEMS = 10_000
"""Ids in one request."""
ITEMS_ANSWERED = 1000
"""Items of a selection that was not made by ids."""
PIECE_TIME = timedelta(milliseconds=10)
"""After so long, a piece takes nothing more, and lets others have the write thread."""
PREVIEW_PIECE = 200
"""Items that are looked at in one go on a reading thread."""

UNKNOWN = "there is nothing with this id"
_REFUSALS = (Conflict, InvalidInput, NotFound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """An action, as it is looked at and taken for one id."""

    action: str
    foreseen_refusal: Callable[[sqlite3.Connection, str], str]
    """Why it is not possible, for who only reads; empty if it is. Raises `NotFound`."""
    refusal: Callable[[Manager, str], str]
    """The same for the writer."""
    act: Callable[[Manager, str], object]
    """Takes the action, or a part of it; returns True if it is to be called again."""


class Tally:
    """Adds up what became of many."""

    def __init__(self, *, items_kept: int) -> None:
        self._items_kept = items_kept
        self._items: list[ActionResult] = []
        self._reasons: Counter[str] = Counter()
        self._done = 0

    def add(self, results: Sequence[ActionResult]) -> None:
        for result in results:
            if result.is_done:
                self._done += 1
            else:
                self._reasons[result.reason or ""] += 1
        self._items += results[: max(0, self._items_kept - len(self._items))]

    def report(self, action: str, *, is_preview: bool) -> ActionReport:
        return ActionReport(
            action=action,
            is_preview=is_preview,
            done=self._done,
            refused=self._reasons.total(),
            refusals=[
                ActionRefusals(reason=reason, count=count)
                for reason, count in self._reasons.most_common()
            ],
            items=self._items,
        )


def distinct_ids(ids: Sequence[str], where: str) -> list[str]:
    """The ids as they are stored, each once; raises `InvalidInput` if they are too many, or none.

    `where` is the field of the request that they are from.
    """
    distinct = [*dict.fromkeys(each.lower() for each in ids)]
    if not distinct:
        raise one_problem(where, "is empty", "say what is meant")
    if len(distinct) > MOST_ITEMS:
        what = f"names {len(distinct)}; {MOST_ITEMS} are the limit"
        raise one_problem(where, what, "ask for them in several requests")
    return distinct


async def carry_out(
    service: Service, ids: Sequence[str], verb: Verb, *, is_preview: bool
) -> ActionReport:
    """Takes an action on each of these, or only looks whether it is possible."""
    if is_preview:
        results = await foresee(service.readers, ids, verb)
    else:
        results = await act_on_each(service.farm, ids, verb)
    return report_of(verb.action, results, is_preview=is_preview)


def report_of(action: str, results: Sequence[ActionResult], *, is_preview: bool) -> ActionReport:
    tally = Tally(items_kept=len(results))
    tally.add(results)
    return tally.report(action, is_preview=is_preview)


async def report_answer(service: Service, report: ActionReport) -> web.Response:
    """Ten thousand items take a while to encode, so that a thread does it."""
    return encoded_answer(await service.file_threads.own.run_json(lambda: report))


async def foresee(readers: ReaderPool, ids: Sequence[str], verb: Verb) -> list[ActionResult]:
    """For each of these, whether the action is possible now, and why not."""
    results: list[ActionResult] = []
    for start in range(0, len(ids), PREVIEW_PIECE):
        piece = ids[start : start + PREVIEW_PIECE]
        results += await readers.read(partial(_foresee_some, ids=piece, verb=verb))
    return results


async def act_on_each(farm: WriteThread, ids: Sequence[str], verb: Verb) -> list[ActionResult]:
    """Takes an action on each of these; when this returns, all of it is on disk."""
    results: list[ActionResult] = []
    while len(results) < len(ids):
        rest = ids[len(results) :]
        results += await farm.run(partial(_act_on_some, ids=rest, verb=verb))
    return results


async def compile_each_again(
    ids: Sequence[str], compile_again: Callable[[str], Awaitable[None]]
) -> list[ActionResult]:
    """Lets jobs be compiled again one after the other."""
    results = []
    for each in ids:
        try:
            await compile_again(each)
        except _REFUSALS as error:
            results.append(_refused(each, error))
        else:
            results.append(ActionResult(id=each, is_done=True))
    return results


def _foresee_some(reader: FarmReader, ids: Sequence[str], verb: Verb) -> list[ActionResult]:
    db = reader.connection
    return [_result(each, partial(verb.foreseen_refusal, db, each)) for each in ids]


def _act_on_some(manager: Manager, ids: Sequence[str], verb: Verb) -> list[ActionResult]:
    """The results of as many as fit into the time; of none if the first takes several pieces."""
    results: list[ActionResult] = []
    deadline = time.monotonic() + PIECE_TIME.total_seconds()
    for each in ids:
        result = _attempt(manager, each, verb)
        if result is None:
            break
        results.append(result)
        if time.monotonic() > deadline:
            break
    return results


def _attempt(manager: Manager, each: str, verb: Verb) -> ActionResult | None:
    """None if there is more to do for this one."""
    foreseen = _result(each, partial(verb.refusal, manager, each))
    if not foreseen.is_done:
        return foreseen
    try:
        with manager.unit_of_work():
            more = verb.act(manager, each) is True
    except _REFUSALS as error:
        return _refused(each, error)
    return None if more else foreseen


def _result(each: str, refusal: Callable[[], str]) -> ActionResult:
    try:
        reason = refusal()
    except NotFound:
        reason = UNKNOWN
    return ActionResult(id=each, is_done=not reason, reason=reason or None)


def _refused(each: str, error: Exception) -> ActionResult:
    return ActionResult(id=each, is_done=False, reason=str(error))
