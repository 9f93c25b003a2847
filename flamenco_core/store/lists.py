"""All lists by name, and the page of one that a request asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from flamenco_core.store import attempt_list, audit_list, job_list, task_list, worker_list
from flamenco_core.store.listing import Listing, ListPage, ListRequest

LISTINGS: Mapping[str, Listing] = {
    each.name: each
    for each in (
        job_list.JOBS,
        task_list.TASKS,
        worker_list.WORKERS,
        worker_list.TAGS,
        attempt_list.ATTEMPTS,
        audit_list.AUDIT,
    )
}
_PAGES: Mapping[str, Callable[[sqlite3.Connection, ListRequest], ListPage]] = {
    "jobs": job_list.page,
    "tasks": task_list.page,
    "workers": worker_list.workers_page,
    "tags": worker_list.tags_page,
    "attempts": attempt_list.page,
    "audit": audit_list.page,
}


def page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of the list that the request names.

    Raises:
        NotFound: if what the list belongs to does not exist.
        InvalidInput: if the request does not fit the list.
    """
    return _PAGES[request.listing](db, request)


def items(db: sqlite3.Connection, request: ListRequest) -> Iterator[str]:
    """The items of the page that the request names, and of all that follow it."""
    cursor: str | None = request.cursor
    while cursor is not None:
        found = page(db, replace(request, cursor=cursor))
        yield from found.items
        cursor = found.next
