"""From an operation's declaration to a request handler of aiohttp.

There are no middlewares: each costs every request, and all that is needed stands in one function
around the handler. A path or method that no operation has is answered by a last, catch-all route.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from flamenco_core import wire
from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.job_types.setting import nearest_name
from manager_service.problem_answers import HttpRefusal, answer_for, refusal
from manager_service.routing import Body, Call, JsonForm, Operation, Parameter, Place, Role

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from manager_service.authentication import Caller
    from manager_service.service import Service

LARGEST_JSON_BODY = 64 * 2**20
"""Bytes. The list of a project with 300,000 files fits."""

SLOWEST_BODY = timedelta(minutes=5)
"""How long the body of a request may take to arrive, files apart."""

_DECODE_IN_PLACE = 32 * 2**10
"""Bytes of JSON that are decoded on the event loop; larger bodies go to a thread."""


ROUTE_ROLES: web.AppKey[dict[tuple[str, str], Role]] = web.AppKey("route_roles", dict)
"""By method and path of each route, who may call it. A route that is missing here has been
forgotten."""


def add_operations(app: web.Application, operations: Iterable[Operation], service: Service) -> None:
    """Adds a route for each operation."""
    for operation in operations:
        declare_role(app, operation.method, operation.path, operation.role)
        handler = handler_for(operation, service)
        if operation.method == hdrs.METH_GET:
            app.router.add_get(operation.path, handler, expect_handler=accept_expectation)
        else:
            app.router.add_route(
                operation.method, operation.path, handler, expect_handler=accept_expectation
            )


def handler_for(operation: Operation, service: Service) -> Handler:
    """What aiohttp calls for a request to this operation."""
    run = operation.handler

    async def handle(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        answer = await respond(request)
        service.metrics.answered(operation.name, answer.status, time.perf_counter() - began)
        return answer

    async def respond(request: web.Request) -> web.StreamResponse:
        try:
            caller = await service.access.admit(
                request, operation.role, is_sensitive=operation.is_sensitive
            )
            return await run(await _read(operation, service, request, caller))
        except ConnectionError:
            # The client has gone, or has to be let go: what was promised cannot be sent.
            return _or_cut_off(request, refusal(503, "The connection was lost"))
        except Exception as error:  # noqa: BLE001 - every failure is answered in one shape
            return _or_cut_off(request, answer_for(error, request))

    return handle


def _or_cut_off(request: web.Request, answer: web.Response) -> web.Response:
    """The answer, if none was begun; else the client would take it for more of that one, so that
    the connection ends early instead.
    """
    if request.writer.output_size > 0 and request.transport is not None:
        request.transport.abort()
    return answer


def declare_role(app: web.Application, method: str, path: str, role: Role) -> None:
    """Says who may call a route; for those that are no operations, which see to it themselves."""
    app.setdefault(ROUTE_ROLES, {})[method, path] = role


async def accept_expectation(request: web.Request) -> None:
    """Leaves "100 Continue" to whoever reads the body, so that a refusal can come before it.

    aiohttp would send it first thing; `allow_body` does so when the body is wanted.
    """


async def allow_body(request: web.Request) -> None:
    """Tells a client that asked first that it may send the body now."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        writer = request.writer
        await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp tells by these whether an answer was begun.
        writer.output_size = 0


async def refuse_unknown(request: web.Request) -> web.StreamResponse:
    """Answers a path that does not exist (404), or has no such method (405)."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != UNKNOWN_PATH:
            _, methods = await resource.resolve(request)
            allowed |= methods
    if allowed:
        names = ", ".join(sorted(allowed))
        error = HttpRefusal(
            405,
            f"{request.path} does not take {request.method}",
            problems=[Problem("", "wrong method", f"use {names}")],
            headers={"Allow": names},
        )
    else:
        error = HttpRefusal(
            404,
            f"There is nothing at {request.path}",
            problems=[Problem("", "unknown path", "see /api/v3/docs for what there is")],
        )
    return answer_for(error, request)


UNKNOWN_PATH = "/{unknown}"
"""As aiohttp spells the catch-all route `ANY_PATH`."""

ANY_PATH = r"/{unknown:[\s\S]*}"
"""Paths with line breaks too, which a dot would leave out."""


async def _read(
    operation: Operation, service: Service, request: web.Request, caller: Caller
) -> Call:
    """Everything of a request, read and checked; all that is wrong is reported at once."""
    call = Call(request, service, caller)
    if operation.role is Role.WORKER:
        call.worker_id = caller.name
    problems: list[Problem] = []
    for parameter in operation.parameters:
        try:
            call.values[parameter.name] = _parameter(parameter, request)
        except ValueError as error:
            problems.append(Problem(f"{parameter.place} {parameter.name}", str(error)))
    if request.query_string:
        problems += _misspelled(operation, request)
    body = operation.body
    if body is not None and body.json is not None:
        try:
            call.payload = await _json_body(body, body.json, request)
        except InvalidInput as error:
            problems += error.problems or [Problem("", error.message)]
    if problems:
        raise InvalidInput("This request cannot be used", problems=problems)
    return call


def _misspelled(operation: Operation, request: web.Request) -> Iterator[Problem]:
    """A filter or choice that is not known must not be taken for none: all jobs would be listed,
    or the files be deleted that were to stay.

    Where nothing can be asked for, browsers may add what they like to get a fresh copy. Workers may
    be newer than the Manager, and do without what it does not know.
    """
    known = {each.name for each in operation.parameters if each.place is Place.QUERY}
    if known and operation.role is not Role.WORKER:
        for name in dict.fromkeys(request.query):
            if name not in known:
                what = f"there is no such parameter of {operation.name}"
                yield Problem(f"query {name}", what, nearest_name(name, known))


def _parameter(parameter: Parameter[Any], request: web.Request) -> Any:
    if parameter.place is Place.PATH:
        return parameter.kind.read(request.match_info[parameter.name])
    given = request.query if parameter.place is Place.QUERY else request.headers
    values = given.getall(parameter.name, [])
    if not values:
        if parameter.required:
            raise ValueError("is missing")
        return parameter.default
    if len(values) > 1:
        raise ValueError("is there more than once")
    return parameter.kind.read(values[0])


async def _json_body(body: Body, form: JsonForm, request: web.Request) -> Any:
    if not request.can_read_body:
        if body.required:
            raise InvalidInput("The body is missing", problems=[Problem("", "the body is missing")])
        return None
    if request.content_type != "application/json":
        # Also keeps web pages of other sites out: they cannot send this type unasked.
        raise HttpRefusal(
            415,
            f"The body must be application/json, not {request.content_type}",
            problems=[
                Problem("header Content-Type", "not JSON", "send Content-Type: application/json")
            ],
        )
    _refuse_large(request, body.largest or LARGEST_JSON_BODY)
    if body.largest is not None:
        # A body that comes in chunks does not say beforehand how long it is.
        request = request.clone(client_max_size=body.largest)
    await allow_body(request)
    content = await body_within_time(request)
    if not content and not body.required:
        return None
    if len(content) <= _DECODE_IN_PLACE:
        return wire.from_json_text(content, form)
    return await asyncio.to_thread(wire.from_json_text, content, form)


async def body_within_time(request: web.Request) -> bytes:
    """The body; a sender that stops in the middle of it is let go.

    Raises:
        HttpRefusal: 408 if it does not come in time.
    """
    try:
        async with asyncio.timeout(SLOWEST_BODY.total_seconds()):
            return await request.read()
    except TimeoutError:
        what = f"The body did not come within {SLOWEST_BODY.total_seconds():g} seconds"
        raise HttpRefusal(408, what) from None


def _refuse_large(request: web.Request, largest: int) -> None:
    length = request.content_length
    if length is not None and length > largest:
        raise HttpRefusal(413, f"The body has {length} bytes; {largest} are allowed")
