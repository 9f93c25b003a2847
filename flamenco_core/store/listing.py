"""Lists in pages: each order is a walk along an index, and rows become JSON inside SQLite.

A page goes on after the last row of the page before (a keyset), so that the thousandth page costs
as much as the first. Nothing is ever sorted: a list can be had in the orders that an index serves,
and in no others. Where filters leave few rows, the walk looks at so many of them and then gives
what it has, with a cursor for the rest. The SQL is put together from the parts that a list
declares, never from anything a caller writes.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flamenco_core.errors import InvalidInput, one_problem
from flamenco_core.store.database import Statement, snapshot

LARGEST_PAGE = 1000
"""Rows; a longer list comes in several pages."""

LARGEST_LIMIT = 10_000
"""Rows that can be asked for at once, which are several pages then."""

STRETCH = 5_000
"""How many rows a statement with filters walks past at the most: a few milliseconds."""

MOST_EXAMINED = 50_000
"""A page ends, full or not, after so many rows were looked at."""

_GREATEST = 2**62
"""More than any number that is stored."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a WHERE clause with its parameters, the names of which no other part uses."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A parameter that leaves out rows."""

    name: str
    description: str
    conditions: Callable[[str], Sequence[Condition]]
    """From what a caller wrote; raises `ValueError` with a sentence for the caller."""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Key:
    """A column that an order goes by."""

    sql: str
    is_text: bool = False

    @property
    def first(self) -> object:
        return "" if self.is_text else -_GREATEST

    @property
    def last(self) -> object:
        # SQLite orders binary data after all texts.
        return b"\xff" if self.is_text else _GREATEST

    def takes(self, value: object) -> bool:
        if self.is_text:
            return isinstance(value, str)
        return type(value) is int and abs(value) <= _GREATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One way to walk through a list."""

    name: str
    description: str
    source: str
    """The tables with the keys, and the index that is walked."""
    keys: tuple[Key, ...]
    """Unique together, and what the index has after what the condition fixes."""
    condition: str = ""
    segments: tuple[str, ...] = ("",)
    """Values of `:segment` in the condition: one walk for each, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What can be asked of a list."""

    name: str
    joins: str
    """What the fields need beside the tables of an order."""
    scope: str
    """A condition for all rows, such as whose they are."""
    fields: Mapping[str, str]
    """Names on the wire → SQL of a JSON value; the first is always given, NULL leaves one out."""
    orders: Mapping[str, Order]
    filters: tuple[Filter, ...]
    default_sort: str
    unasked: tuple[str, ...] = ()
    """Fields that are given only if they are asked for."""

    def read_sort(self, text: str) -> tuple[Order, bool]:
        """The order, and whether it is walked backwards; raises `ValueError`."""
        order = self.orders.get(text.removeprefix("-"))
        if order is None:
            possible = ", ".join(self.orders)
            raise ValueError(
                f"{text!r} is no order that the list of {self.name} can be had in; there are "
                f"{possible}, each also backwards with a minus before it"
            )
        return order, text.startswith("-")

    def read_fields(self, text: str) -> tuple[str, ...]:
        """The names of fields, separated by commas, in the list's order; raises `ValueError`."""
        names = {name.strip() for name in text.split(",") if name.strip()}
        unknown = sorted(names - set(self.fields))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such field; {', '.join(self.fields)} are")
        asked = names or set(self.fields) - set(self.unasked)
        first = next(iter(self.fields))
        return tuple(name for name in self.fields if name in asked or name == first)

    def conditions(self, filters: Mapping[str, str]) -> list[Condition]:
        """What the filters that are given say; raises `ValueError`."""
        known = {each.name: each for each in self.filters}
        return [part for name, text in filters.items() for part in known[name].conditions(text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A page that is asked for, with all texts as their sender wrote them."""

    listing: str
    subject: str = ""
    """The UUID of what the list belongs to, such as a job."""
    filters: dict[str, str] = field(default_factory=dict)
    sort: str = ""
    fields: str = ""
    cursor: str = ""
    limit: int = LARGEST_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Some rows of a list."""

    items: list[str]
    """Each a JSON object as text."""
    next: str | None = None
    """The cursor for what comes after; None if nothing does."""
    total: int | None = None
    """How many rows there are in all, where that is known without counting them."""

    def encoded(self, name: str) -> bytes:
        """The page as a JSON object."""
        more = {"next": self.next, "total": self.total}
        rest = "".join(f',"{key}":{json.dumps(x)}' for key, x in more.items() if x is not None)
        return f'{{"{name}":[{",".join(self.items)}]{rest}}}'.encode()


def walk(
    db: sqlite3.Connection,
    listing: Listing,
    request: ListRequest,
    scope: Mapping[str, Any] | None = None,
    *,
    more: Sequence[Condition] = (),
) -> ListPage:
    """A page of a list; `scope` has the parameters of its condition for all rows.

    Raises:
        InvalidInput: if the request does not fit the list.
    """
    try:
        order, is_backward = listing.read_sort(request.sort or listing.default_sort)
        fields = listing.read_fields(request.fields)
        conditions = [*listing.conditions(request.filters), *more]
    except (ValueError, KeyError) as error:
        raise one_problem("query", str(error)) from None
    steps = _Steps(listing, order, is_backward, fields, conditions, dict(scope or {}))
    with snapshot(db):
        return steps.page(db, request.cursor, min(request.limit, LARGEST_PAGE))


def encode_cursor(sort: str, segment: int, keys: Sequence[object]) -> str:
    """Where a page ended, as a text that means nothing to its reader."""
    return opaque_cursor([sort, segment, *keys])


def decode_cursor(text: str, sort: str, order: Order) -> tuple[int, list[Any]]:
    """Raises `InvalidInput` if it is not from a page of this list in this order."""
    match read_opaque_cursor(text):
        case [its_sort, int(segment), *keys] if its_sort == sort and type(segment) is int:
            is_place = segment in range(len(order.segments))
            if is_place and len(keys) == len(order.keys) and all(map(Key.takes, order.keys, keys)):
                return segment, keys
    raise wrong_cursor()


def opaque_cursor(content: Sequence[object]) -> str:
    """A place in a list, as a text that means nothing to its reader."""
    encoded = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(encoded).decode().rstrip("=")


def read_opaque_cursor(text: str) -> list[Any]:
    """What `opaque_cursor` made a text of; raises `InvalidInput` for other texts."""
    try:
        padded = text + "=" * (-len(text) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_"))
        json.dumps(content, ensure_ascii=False).encode()  # else SQLite could not take it
    except (ValueError, TypeError, RecursionError):
        raise wrong_cursor() from None
    if not isinstance(content, list):
        raise wrong_cursor()
    return content


def wrong_cursor() -> InvalidInput:
    """The refusal of a cursor that does not fit."""
    return one_problem(
        "query cursor",
        "is not the `next` of a page of this list in this order",
        "leave it out to begin at the first page",
    )


class _Steps:
    """The statements that make up a page, and how they follow each other."""

    def __init__(
        self,
        listing: Listing,
        order: Order,
        is_backward: bool,
        fields: tuple[str, ...],
        conditions: Sequence[Condition],
        scope: dict[str, Any],
    ) -> None:
        self._order = order
        self._sort = f"-{order.name}" if is_backward else order.name
        self._is_backward = is_backward
        self._segments = order.segments[::-1] if is_backward else order.segments
        self._is_filtered = bool(conditions)
        self._parameters = scope
        for condition in conditions:
            self._parameters |= condition.parameters
        wheres = tuple(condition.sql for condition in conditions)
        item = json_object({name: listing.fields[name] for name in fields})
        # Parts of a declaration and its filters: there are only so many different ones.
        self._select = _select(
            item, order, listing.joins, listing.scope, wheres, is_backward, self._is_filtered
        )
        self._probe = _probe(order, listing.scope, is_backward)

    def page(self, db: sqlite3.Connection, cursor: str, limit: int) -> ListPage:
        first, after = 0, self._before_all()
        if cursor:
            first, after = decode_cursor(cursor, self._sort, self._order)
        items: list[str] = []
        last: tuple[int, Sequence[object]] = (first, after)
        examined = 0
        for segment in range(first, len(self._segments)):
            upto: Sequence[object] | None = after
            while upto is not None:
                # One more than is wanted tells whether there is another page.
                wanted = limit - len(items)
                rows, upto = self._look(db, segment, upto, wanted + 1)
                for row in rows[:wanted]:
                    items.append(row[0])
                    last = (segment, row[1:])
                if len(rows) > wanted:
                    return self._ended(items, *last)
                examined += STRETCH
                if upto is not None and examined >= MOST_EXAMINED:
                    return self._ended(items, segment, upto)
            after = self._before_all()
        return ListPage(items=items)

    def _ended(self, items: list[str], segment: int, keys: Sequence[object]) -> ListPage:
        return ListPage(items=items, next=encode_cursor(self._sort, segment, keys))

    def _look(
        self, db: sqlite3.Connection, segment: int, after: Sequence[object], limit: int
    ) -> tuple[list[Any], Sequence[object] | None]:
        """Some rows, and the keys up to which they were looked for if there may be more."""
        parameters = {**self._parameters, "segment": self._segments[segment]}
        parameters |= _numbered("after", after)
        upto: Sequence[object] | None = None
        if self._is_filtered:
            upto = self._probe.row(db, **parameters, stretch=STRETCH - 1)
            parameters |= _numbered("upto", upto or self._after_all())
        rows = self._select.run(db, **parameters, limit=limit).fetchall()
        return rows, None if upto is None else tuple(upto)

    def _before_all(self) -> list[object]:
        return [key.last if self._is_backward else key.first for key in self._order.keys]

    def _after_all(self) -> list[object]:
        return [key.first if self._is_backward else key.last for key in self._order.keys]


def _numbered(name: str, values: Sequence[object]) -> dict[str, object]:
    return {f"{name}_{index}": value for index, value in enumerate(values)}


@lru_cache(maxsize=512)
def _select(
    item: str,
    order: Order,
    joins: str,
    scope: str,
    wheres: tuple[str, ...],
    is_backward: bool,
    is_bounded: bool,
) -> Statement:
    upto = [_compared(order, "upto", ">=" if is_backward else "<=")] if is_bounded else []
    conditions = [*_bounds(order, scope, is_backward), *upto, *wheres]
    keys = ", ".join(key.sql for key in order.keys)
    return Statement(
        "A stretch of a list, as JSON.",
        f"""SELECT {item}, {keys} FROM {order.source} {joins}
            WHERE {" AND ".join(conditions)} ORDER BY {_by(order, is_backward)} LIMIT :limit""",
    )


@lru_cache(maxsize=128)
def _probe(order: Order, scope: str, is_backward: bool) -> Statement:
    keys = ", ".join(key.sql for key in order.keys)
    return Statement(
        "How far a stretch of a list goes.",
        f"""SELECT {keys} FROM {order.source}
            WHERE {" AND ".join(_bounds(order, scope, is_backward))}
            ORDER BY {_by(order, is_backward)} LIMIT 1 OFFSET :stretch""",
    )


def _bounds(order: Order, scope: str, is_backward: bool) -> list[str]:
    after = _compared(order, "after", "<" if is_backward else ">")
    return [condition for condition in (scope, order.condition, after) if condition]


def _compared(order: Order, name: str, operator: str) -> str:
    left = ", ".join(key.sql for key in order.keys)
    right = ", ".join(f":{name}_{index}" for index in range(len(order.keys)))
    return f"({left}) {operator} ({right})"


def _by(order: Order, is_backward: bool) -> str:
    direction = " DESC" if is_backward else ""
    return ", ".join(f"{key.sql}{direction}" for key in order.keys)


def json_object(fields: Mapping[str, str]) -> str:
    """SQL of a JSON object; all but the first field are left out where they are NULL.

    One `printf` costs less than a chain of concatenations, and less of the memory allocator that
    all connections of a process share.
    """
    first, *others = fields
    values = [fields[first]]
    values += [f"""coalesce(',"{name}":' || ({fields[name]}), '')""" for name in others]
    return f"""printf('{{"{first}":%s{"%s" * len(others)}}}', {", ".join(values)})"""


def json_text(sql: str) -> str:
    """SQL of a JSON text; NULL stays NULL."""
    return f"CASE WHEN {sql} IS NOT NULL THEN json_quote({sql}) END"


def json_time(sql: str) -> str:
    """SQL of a stored time in the form of `wire.format_time`; NULL stays NULL."""
    return (
        f"""strftime('"%Y-%m-%dT%H:%M:%S', {sql} / 1000000, 'unixepoch')"""
        f""" || printf('.%06dZ"', {sql} % 1000000)"""
    )


def json_boolean(sql: str) -> str:
    """SQL of true or false; NULL stays NULL."""
    return f"CASE WHEN {sql} THEN 'true' WHEN {sql} IS NOT NULL THEN 'false' END"


def json_seconds(sql: str) -> str:
    """SQL of microseconds as seconds; NULL stays NULL."""
    return f"{sql} / 1000000.0"
