"""What was done by whom, and what people look for again and again."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from flamenco_core.model.audit import AuditLog
from flamenco_core.model.saved_queries import SavedQuery, SavedQueryChange, SavedQueryList
from flamenco_core.store.audit_list import AUDIT
from flamenco_core.store.listing import LARGEST_LIMIT
from manager_service.json_answers import empty_answer, encoded_answer, json_answer
from manager_service.lists import answer_list, parameters_of, request_of
from manager_service.routing import (
    UUID,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_path,
    no_content,
    ok,
)

OPERATIONS = OperationTable("meta")

AUDIT_PAGE = 100
"""Rows of the audit log that are told if nobody says how many."""

QUERY_ID = in_path("query_id", UUID, "The saved query.")
_UNKNOWN_QUERY = Answer(status=404, description="There is no such query.")
_TAKEN_NAME = Answer(status=409, description="There is a query of this name already.")


@OPERATIONS.operation(
    "fetchAuditLog",
    "GET",
    "/audit",
    role=Role.WRANGLER,
    summary="Who did what",
    parameters=parameters_of(AUDIT),
    answers=[ok(AuditLog, "What was done, the newest first.")],
)
async def fetch_audit_log(call: Call) -> web.StreamResponse:
    """In pages: a hundred at once if there is no `limit`.

    What was recorded longer ago than `audit_retention` in the configuration is forgotten.
    """
    request = request_of(call, AUDIT)
    return await answer_list(call, request if request.limit else replace(request, limit=AUDIT_PAGE))


@OPERATIONS.operation(
    "fetchSavedQueries",
    "GET",
    "/saved-queries",
    role=Role.VIEWER,
    summary="The queries that the caller saved, and those for everybody",
    answers=[ok(SavedQueryList, "The queries, one's own first, by list and name.")],
)
async def fetch_saved_queries(call: Call) -> web.StreamResponse:
    """Without accounts, a person is known by the address of their computer."""
    name = call.actor.name
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: {"queries": reader.saved_queries(name, limit=LARGEST_LIMIT)}
        )
    )


@OPERATIONS.operation(
    "saveQuery",
    "POST",
    "/saved-queries",
    role=Role.VIEWER,
    summary="Save a query of a list for oneself",
    body=Body(json=SavedQueryChange),
    answers=[ok(SavedQuery, "The query, with its id."), _TAKEN_NAME],
)
async def save_query(call: Call) -> web.StreamResponse:
    return await _save(call, is_shared=False)


@OPERATIONS.operation(
    "replaceQuery",
    "PUT",
    "/saved-queries/{query_id}",
    role=Role.VIEWER,
    summary="Change a query of one's own",
    parameters=[QUERY_ID],
    body=Body(json=SavedQueryChange),
    answers=[ok(SavedQuery, "The query as it is now."), _UNKNOWN_QUERY, _TAKEN_NAME],
)
async def replace_query(call: Call) -> web.StreamResponse:
    return await _replace(call, is_shared=False)


@OPERATIONS.operation(
    "deleteQuery",
    "DELETE",
    "/saved-queries/{query_id}",
    role=Role.VIEWER,
    summary="Drop a query of one's own",
    parameters=[QUERY_ID],
    answers=[no_content(), _UNKNOWN_QUERY],
)
async def delete_query(call: Call) -> web.StreamResponse:
    return await _delete(call, is_shared=False)


@OPERATIONS.operation(
    "saveSharedQuery",
    "POST",
    "/saved-queries/shared",
    role=Role.WRANGLER,
    summary="Save a query of a list for everybody",
    body=Body(json=SavedQueryChange),
    answers=[ok(SavedQuery, "The query, with its id."), _TAKEN_NAME],
)
async def save_shared_query(call: Call) -> web.StreamResponse:
    return await _save(call, is_shared=True)


@OPERATIONS.operation(
    "replaceSharedQuery",
    "PUT",
    "/saved-queries/shared/{query_id}",
    role=Role.WRANGLER,
    summary="Change a query that everybody has",
    parameters=[QUERY_ID],
    body=Body(json=SavedQueryChange),
    answers=[ok(SavedQuery, "The query as it is now."), _UNKNOWN_QUERY, _TAKEN_NAME],
)
async def replace_shared_query(call: Call) -> web.StreamResponse:
    return await _replace(call, is_shared=True)


@OPERATIONS.operation(
    "deleteSharedQuery",
    "DELETE",
    "/saved-queries/shared/{query_id}",
    role=Role.WRANGLER,
    summary="Drop a query that everybody has",
    parameters=[QUERY_ID],
    answers=[no_content(), _UNKNOWN_QUERY],
)
async def delete_shared_query(call: Call) -> web.StreamResponse:
    return await _delete(call, is_shared=True)


async def _save(call: Call, *, is_shared: bool) -> web.StreamResponse:
    change, actor = call.body(SavedQueryChange), call.actor
    return json_answer(
        await call.service.farm.run(
            lambda manager: manager.save_query(change, is_shared=is_shared, actor=actor)
        )
    )


async def _replace(call: Call, *, is_shared: bool) -> web.StreamResponse:
    query_id, change, actor = call.value(QUERY_ID), call.body(SavedQueryChange), call.actor
    return json_answer(
        await call.service.farm.run(
            lambda manager: manager.replace_query(
                query_id, change, is_shared=is_shared, actor=actor
            )
        )
    )


async def _delete(call: Call, *, is_shared: bool) -> web.StreamResponse:
    query_id, actor = call.value(QUERY_ID), call.actor
    await call.service.farm.run(
        lambda manager: manager.delete_query(query_id, is_shared=is_shared, actor=actor)
    )
    return empty_answer()
