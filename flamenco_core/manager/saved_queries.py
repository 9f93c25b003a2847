"""Saving, changing and dropping queries of lists."""

from __future__ import annotations

import re

from flamenco_core import wire
from flamenco_core.errors import Conflict, InvalidInput, Problem
from flamenco_core.manager.unit import Unit
from flamenco_core.model.saved_queries import SavedQuery, SavedQueryChange
from flamenco_core.store import saved_queries
from flamenco_core.store.listing import LARGEST_LIMIT
from flamenco_core.store.lists import LISTINGS

MOST_QUERIES = 1000
"""Of one owner."""


def save(unit: Unit, owner: str, change: SavedQueryChange) -> SavedQuery:
    """Saves a new query.

    Raises:
        InvalidInput: with everything in it that its list does not take.
        Conflict: if the owner has one of this name, or far too many.
    """
    _check(change)
    _refuse_taken_name(unit, owner, change, itself=None)
    if saved_queries.count(unit.db, owner) >= MOST_QUERIES:
        raise Conflict(f"There are {MOST_QUERIES} saved queries already; delete some of them")
    uuid = unit.new_id()
    saved_queries.insert(unit.db, uuid, owner, change.list, change.name, change.query, now=unit.now)
    unit.audit("query.save", uuid, name=change.name, list=change.list.value)
    return _saved(unit, uuid, owner)


def replace(unit: Unit, uuid: str, owner: str, change: SavedQueryChange) -> SavedQuery:
    """Puts another query in the place of one. Raises `NotFound`, and what `save` raises."""
    before = _saved(unit, uuid, owner)
    _check(change)
    _refuse_taken_name(unit, owner, change, itself=uuid)
    saved_queries.update(unit.db, uuid, change.list, change.name, change.query, now=unit.now)
    unit.audit("query.change", uuid, name=change.name, before=before.name)
    return _saved(unit, uuid, owner)


def delete(unit: Unit, uuid: str, owner: str) -> None:
    """Raises `NotFound` if the owner has no such query."""
    before = _saved(unit, uuid, owner)
    saved_queries.delete(unit.db, uuid)
    unit.audit("query.delete", uuid, name=before.name)


def _saved(unit: Unit, uuid: str, owner: str) -> SavedQuery:
    return wire.from_json(saved_queries.one(unit.db, uuid, owner), SavedQuery)


def _check(change: SavedQueryChange) -> None:
    listing = LISTINGS[change.list]
    filters = {each.name: each.conditions for each in listing.filters}
    known = {
        **filters,
        "sort": listing.read_sort,
        "fields": listing.read_fields,
        "limit": _read_limit,
    }
    problems = [] if change.name.strip() else [Problem("name", "is empty")]
    for name, text in change.query.items():
        try:
            if name not in known:
                raise ValueError(f"is nothing that {change.list} take; {', '.join(known)} are")
            known[name](text)
        except ValueError as error:
            problems.append(Problem(f"query.{name}", str(error)))
    if problems:
        raise InvalidInput("This query cannot be saved", problems=problems)


def _read_limit(text: str) -> None:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise ValueError(f"{text[:20]!r} is not a whole number from 1 to {LARGEST_LIMIT}")


def _refuse_taken_name(
    unit: Unit, owner: str, change: SavedQueryChange, *, itself: str | None
) -> None:
    taken = saved_queries.named(unit.db, owner, change.list, change.name)
    if taken not in (None, itself):
        raise Conflict(f"There is a saved query {change.name!r} for {change.list} already")
