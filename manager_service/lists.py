"""Lists over HTTP: their parameters, and answers in pages or, without a limit, as a whole.

Without any of these parameters a list is answered as Flamenco 3 answers it: all of it at once. A
long one is sent in pieces while it is read, so that it is never in memory as a whole. Each piece
is of one moment, and what changes meanwhile may show in the later ones.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import hdrs, web

from flamenco_core.errors import FlamencoError
from flamenco_core.store.listing import (
    LARGEST_LIMIT,
    LARGEST_PAGE,
    Filter,
    Listing,
    ListPage,
    ListRequest,
)
from flamenco_core.store.reader import FarmReader
from manager_service.json_answers import encoded_answer
from manager_service.list_helper import read_items
from manager_service.routing import TEXT, Call, Kind, Parameter, in_query, whole_number

logger = logging.getLogger(__name__)

PIECE = 5_000
"""Rows of a long list that are read and sent at once."""

LIMIT = in_query(
    "limit",
    whole_number(1, LARGEST_LIMIT),
    "At most so many; all, without `next` and `total`, if left out.",
    default=0,
)
CURSOR = in_query("cursor", TEXT, "The `next` of the page before: for what follows it.", default="")


def parameters_of(listing: Listing) -> list[Parameter[Any]]:
    """What a request for a list may say."""
    orders = "; ".join(f"`{order.name}` {order.description}" for order in listing.orders.values())
    sort = Kind(
        partial(_checked, listing.read_sort),
        {
            "type": "string",
            "enum": [f"{sign}{name}" for name in listing.orders for sign in ("", "-")],
        },
    )
    fields = Kind(partial(_checked, listing.read_fields), {"type": "string"})
    first = next(iter(listing.fields))
    more = f" Only if asked for: {', '.join(listing.unasked)}." if listing.unasked else ""
    return [
        LIMIT,
        CURSOR,
        in_query(
            "sort",
            sort,
            f"The order, backwards with a minus before it: {orders}. "
            f"{listing.default_sort} if left out.",
            default="",
        ),
        in_query(
            "fields",
            fields,
            f"Only these fields, separated by commas; `{first}` always comes.{more}",
            default="",
        ),
        *map(_parameter, listing.filters),
    ]


def _parameter(filter_of_list: Filter) -> Parameter[str]:
    check = partial(_checked, filter_of_list.conditions)
    kind = Kind(check, filter_of_list.schema)
    return in_query(filter_of_list.name, kind, filter_of_list.description, default="")


def _checked(read: Callable[[str], object], text: str) -> str:
    read(text)
    return text


def request_of(call: Call, listing: Listing, *, subject: str = "") -> ListRequest:
    """What a call asks of a list; `limit` is 0 if all of it is wanted."""
    values: Mapping[str, Any] = call.values
    filters = {each.name: values[each.name] for each in listing.filters if values[each.name]}
    return ListRequest(
        listing=listing.name,
        subject=subject,
        filters=filters,
        sort=values["sort"],
        fields=values["fields"],
        cursor=values["cursor"],
        limit=values["limit"],
    )


async def answer_list(call: Call, request: ListRequest, *, name: str = "") -> web.StreamResponse:
    """A list as an object with the items under `name`, by default that of the list."""
    name = name or request.listing
    if request.limit:
        page = await call.service.readers.read(lambda reader: _page(reader, request))
        return encoded_answer(page.encoded(name))
    first = await call.service.readers.read(
        lambda reader: reader.list_page(replace(request, limit=LARGEST_PAGE))
    )
    if first.next is None:
        return encoded_answer(ListPage(items=first.items).encoded(name))
    return await _stream(call, request, first, name)


def _page(reader: FarmReader, request: ListRequest) -> ListPage:
    first = reader.list_page(replace(request, limit=min(request.limit, LARGEST_PAGE)))
    missing = request.limit - len(first.items)
    if first.next is None or missing <= 0 or request.limit <= LARGEST_PAGE:
        return first
    items, cursor = read_items(reader, replace(request, cursor=first.next, limit=missing))
    return replace(first, items=[*first.items, *items], next=cursor)


async def _stream(
    call: Call, request: ListRequest, first: ListPage, name: str
) -> web.StreamResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield ",".join(first.items).encode()
        cursor = first.next
        while cursor is not None:
            items, cursor = await call.service.long_lists.read(
                replace(request, cursor=cursor, limit=PIECE)
            )
            yield items

    return await stream_items(call, name, pieces())


async def stream_items(call: Call, name: str, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """An object with one list, from pieces of JSON that are put together with commas.

    Whatever can be refused has to be by then: once sending has begun, a failure can only end the
    connection.
    """
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(call.request)
    if call.request.method == hdrs.METH_HEAD:
        return answer
    await answer.write(f'{{"{name}":['.encode())
    separator = b""
    try:
        async for items in pieces:
            if items:
                await answer.write(separator + items)
                separator = b","
        await answer.write_eof(b"]}")
    except ConnectionError:
        logger.debug("Whoever asked for %s has gone", call.request.path)
    except (FlamencoError, OSError) as error:
        logger.warning("%s was cut off: %s", call.request.path, error)
        # A connection that ends early is the only way left to say that something is missing.
        if call.request.transport is not None:
            call.request.transport.abort()
    return answer
