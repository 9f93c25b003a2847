"""The Worker for download, in the version of the Manager."""

from __future__ import annotations

from aiohttp import hdrs, web

from flamenco_core.errors import NotFound
from flamenco_core.model.worker_package import WorkerPackage
from manager_service.json_answers import empty_answer, json_answer
from manager_service.own_wheel import DISTRIBUTION, OwnWheel, own_wheel
from manager_service.routing import (
    TEXT,
    Answer,
    Call,
    OperationTable,
    Role,
    in_path,
    no_content,
    ok,
)

OPERATIONS = OperationTable("worker-package")

NAME = in_path("name", TEXT, "The file, as `fetchWorkerPackageInfo` calls it.")
_WHEEL = "application/zip"
_NOTHING = "This Manager was not installed from a wheel."


@OPERATIONS.operation(
    "fetchWorkerPackageInfo",
    "GET",
    "/worker-package",
    role=Role.ANYONE,
    summary="What render machines install",
    answers=[ok(WorkerPackage, "The wheel that there is."), no_content(_NOTHING)],
)
async def fetch_worker_package_info(call: Call) -> web.StreamResponse:
    """`pip install "REQUIREMENT @ ADDRESS"` makes any machine with Python a render machine.

    The address is that of `fetchWorkerPackage` with the name from here.
    """
    try:
        wheel = await _wheel(call)
    except NotFound:
        return empty_answer()
    return json_answer(
        WorkerPackage(
            name=wheel.name,
            requirement=f"{DISTRIBUTION}[worker]",
            size=len(wheel.content),
            sha256=wheel.sha256,
        )
    )


@OPERATIONS.operation(
    "fetchWorkerPackage",
    "GET",
    "/worker-package/{name}",
    role=Role.ANYONE,
    summary="The wheel with the Worker",
    parameters=[NAME],
    answers=[
        Answer(status=200, description="The wheel.", media_type=_WHEEL),
        Answer(status=404, description=_NOTHING),
    ],
)
async def fetch_worker_package(call: Call) -> web.StreamResponse:
    """It has the Manager in it as well, and the same name for as long as it is the same."""
    wheel, name = await _wheel(call), call.value(NAME)
    if name != wheel.name:
        raise NotFound(f"There is no {name!r} here, only {wheel.name!r}")
    headers = {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{wheel.name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=wheel.content, content_type=_WHEEL, headers=headers)


async def _wheel(call: Call) -> OwnWheel:
    return await call.service.file_threads.own.run(own_wheel)
