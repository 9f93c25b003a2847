"""The operations of the API, one module for each tag."""

from __future__ import annotations

from collections.abc import Iterator

from manager_service.routing import Operation


def all_operations() -> Iterator[Operation]:
    """Every operation that a Manager serves."""
    from manager_service.api import jobs, meta, shaman, tasks, worker, workers

    for table in (meta, jobs, tasks, worker, workers, shaman):
        yield from table.OPERATIONS
