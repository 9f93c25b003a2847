"""The operations of the API, by tag; a large tag has several modules."""

from __future__ import annotations

from collections.abc import Iterator

from manager_service.routing import Operation


def all_operations() -> Iterator[Operation]:
    """Every operation that a Manager serves."""
    from manager_service.api import job_search, jobs, meta, shaman, tasks, worker, workers

    for table in (meta, jobs, job_search, tasks, worker, workers, shaman):
        yield from table.OPERATIONS
