"""The operations of the API, by tag; a large tag has several modules."""

from __future__ import annotations

from collections.abc import Iterator

from manager_service.routing import Operation


def all_operations() -> Iterator[Operation]:
    """Every operation that a Manager serves."""
    from manager_service.api import (
        configuration,
        events,
        extension,
        files,
        forecasts,
        ids,
        job_actions,
        job_block_lists,
        job_lists,
        job_overrides,
        job_removal,
        job_search,
        job_types,
        jobs,
        last_rendered,
        login,
        meta,
        network,
        records,
        running,
        setup_assistant,
        shaman,
        statistics,
        storage,
        tasks,
        tokens,
        users,
        worker,
        worker_actions,
        worker_lists,
        worker_output,
        worker_package,
        workers,
    )

    jobs_tag = (jobs, job_lists, job_search, last_rendered, tasks)
    workers_tag = (workers, worker_lists)
    general = (meta, network, running, configuration, setup_assistant, job_types, storage)
    job_changes = (job_actions, job_block_lists, job_overrides, job_removal, forecasts)
    for table in (
        *general,
        *jobs_tag,
        statistics,
        records,
        files,
        extension,
        worker_package,
        *job_changes,
        ids,
        worker_actions,
        worker,
        worker_output,
        *workers_tag,
        shaman,
        login,
        tokens,
        users,
        events,
    ):
        yield from table.OPERATIONS
