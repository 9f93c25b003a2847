"""Whole ids from the beginnings that people type."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model.finding import FoundIds, IdKind
from flamenco_core.store import selections
from manager_service.json_answers import encoded_answer
from manager_service.routing import (
    Call,
    OperationTable,
    Role,
    in_path,
    matching,
    ok,
    one_of,
)

OPERATIONS = OperationTable("meta")

KIND = in_path("kind", one_of(IdKind), "What is looked for.")
BEGINNING = in_path(
    "beginning", matching("[0-9A-Fa-f-]{1,36}", "the beginning of an id"), "How its id begins."
)

MOST_FOUND = 10


@OPERATIONS.operation(
    "findIds",
    "GET",
    "/ids/{kind}/{beginning}",
    role=Role.VIEWER,
    summary="Find jobs, tasks and workers by the beginning of their ids",
    parameters=[KIND, BEGINNING],
    answers=[ok(FoundIds, "What was found, which may be nothing.")],
)
async def find_ids(call: Call) -> web.StreamResponse:
    kind, beginning = call.value(KIND), call.value(BEGINNING)
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: {
                "found": selections.by_beginning(
                    reader.connection, kind, beginning, limit=MOST_FOUND
                )
            }
        )
    )
