"""Lists of workers and of their tags."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import WorkerList, WorkerTagList
from flamenco_core.store.worker_list import TAGS, WORKERS
from manager_service.lists import answer_list, parameters_of, request_of
from manager_service.routing import Call, OperationTable, Role, ok

OPERATIONS = OperationTable("worker-mgt")


@OPERATIONS.operation(
    "fetchWorkers",
    "GET",
    "/worker-mgt/workers",
    role=Role.VIEWER,
    summary="The workers",
    parameters=parameters_of(WORKERS),
    answers=[ok(WorkerList, "The workers.")],
)
async def fetch_workers(call: Call) -> web.StreamResponse:
    """All workers, or those that meet every filter, in pages if there is a `limit`."""
    return await answer_list(call, request_of(call, WORKERS))


@OPERATIONS.operation(
    "fetchWorkerTags",
    "GET",
    "/worker-mgt/tags",
    role=Role.VIEWER,
    summary="All worker tags",
    parameters=parameters_of(TAGS),
    answers=[ok(WorkerTagList, "The tags, by name.")],
)
async def fetch_worker_tags(call: Call) -> web.StreamResponse:
    return await answer_list(call, request_of(call, TAGS))
