"""How this Manager is reached."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import Unavailable
from flamenco_core.model import NetworkReport
from manager_service.json_answers import json_answer
from manager_service.routing import Call, OperationTable, Role, ok

OPERATIONS = OperationTable("meta")


@OPERATIONS.operation(
    "getNetwork",
    "GET",
    "/network",
    role=Role.VIEWER,
    summary="The Manager's own addresses, its certificate, and whether workers find it",
    answers=[ok(NetworkReport, "How this Manager is reached.")],
)
async def get_network(call: Call) -> web.StreamResponse:
    network = call.service.network
    if network is None:
        raise Unavailable("The Manager is starting or stopping")
    return json_answer(network.report())
