"""Ids as people type them: a beginning that only one thing has, and of workers the name too."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core.client import ManagerClient, ManagerRefused
from flamenco_core.errors import FlamencoError, InvalidInput, NotFound, Problem
from flamenco_core.model.finding import FoundId, IdKind

FULL_ID_LENGTH = 36

_NO_SUCH_OPERATION = (404, 405)


def whole_id(client: ManagerClient, kind: IdKind, text: str) -> str:
    """The id that is meant. Raises `NotFound`, naming the candidates if there are several."""
    if not text.strip():
        # Every id begins with nothing: a script whose variable is empty means none of them.
        raise NotFound(f"an empty text is no {kind}")
    if len(text) >= FULL_ID_LENGTH:
        return text.lower()
    named = _named(client, text) if kind is IdKind.WORKER else []
    found = named or _found(client, kind, text)
    if len(found) == 1:
        return found[0].id
    if not found:
        raise NotFound(f"there is no {kind} whose id begins with {text!r}")
    names = ", ".join(f"{each.id} ({each.name})" for each in found)
    raise NotFound(f"several {kind}s have an id that begins with {text!r}: {names}")


def whole_ids(client: ManagerClient, kind: IdKind, texts: Sequence[str]) -> list[str]:
    """The same for several. Raises `InvalidInput` with all that are not clear."""
    ids: list[str] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            ids.append(whole_id(client, kind, text))
        except NotFound as error:
            problems.append(Problem("", error.message))
    if problems:
        raise InvalidInput("nothing was done", problems=problems)
    return ids


def _named(client: ManagerClient, text: str) -> list[FoundId]:
    return [
        FoundId(id=worker.id, name=worker.name)
        for worker in client.fetch_workers()
        if worker.name == text
    ]


def _found(client: ManagerClient, kind: IdKind, text: str) -> list[FoundId]:
    try:
        return client.find_ids(kind, text)
    except ManagerRefused as error:
        if error.status in _NO_SUCH_OPERATION:
            return _listed(client, kind, text.lower())
        if error.status == 400:
            return []
        raise


def _listed(client: ManagerClient, kind: IdKind, beginning: str) -> list[FoundId]:
    """From a Manager that knows whole ids only: Flamenco 3's has lists of jobs and of workers."""
    if kind is IdKind.TASK:
        raise FlamencoError("this Manager finds tasks by their whole ids only")
    things = client.fetch_jobs() if kind is IdKind.JOB else client.fetch_workers()
    return [
        FoundId(id=thing.id, name=thing.name) for thing in things if thing.id.startswith(beginning)
    ]
