"""Keeps the rows of the lists in Blender in step with what is shown, in small pieces.

Rows hold ids only; what is drawn comes from `live.shown`. So nothing is to be written when a job
goes on, and little when one comes or goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import bpy

from ..blender_types import persistent

if TYPE_CHECKING:
    from .live import Shown

ROWS_AT_ONCE = 40
"""What a list takes in between two looks at the time; about half a millisecond."""


def jobs_shown(shown: Shown) -> Iterator[None]:
    """Has the list of jobs hold what is shown; a piece with each step."""
    names = {job_id: row.name for job_id, row in shown.rows.items()}
    yield from _in_step("jobs", "job_id", shown.order, names)
    monitor = _monitor()
    if monitor is None:
        return
    if not shown.open_job_id and shown.order:
        monitor.active_job = 0
    _select(monitor, "active_job", shown.order, shown.open_job_id)


def tasks_shown(shown: Shown) -> Iterator[None]:
    """The same for the tasks of the open job."""
    rows = shown.details.tasks if shown.details is not None else ()
    order = [row.id for row in rows]
    yield from _in_step("tasks", "task_id", order, {row.id: row.name for row in rows})
    monitor = _monitor()
    if monitor is None:
        return
    if not shown.open_task_id and rows and rows[0].has_failed:
        monitor.active_task = 0
    _select(monitor, "active_task", order, shown.open_task_id)


def show_jobs(shown: Shown) -> None:
    """All at once, where nobody looks at the time."""
    for _ in jobs_shown(shown):
        pass
    for _ in tasks_shown(shown):
        pass


def _monitor() -> Any:
    managers = bpy.data.window_managers
    return getattr(managers[0], "flamenco_monitor", None) if managers else None


def _in_step(
    collection: str, key: str, order: Sequence[str], names: dict[str, str]
) -> Iterator[None]:
    """Between two pieces another file may be opened, and what was held in Python is gone then."""
    items = _items(collection)
    for place, wanted in enumerate(order):
        if place % ROWS_AT_ONCE == ROWS_AT_ONCE - 1:
            yield
            items = _items(collection)
        if items is None or place > len(items):
            return  # `load_post` sees to it
        if place < len(items) and getattr(items[place], key) == wanted:
            item = items[place]
        else:
            item = _moved(items, key, place, wanted)
        name = names.get(wanted, "")
        if item.name != name:
            item.name = name
    while items is not None and len(items) > len(order):
        items.remove(len(items) - 1)


def _items(collection: str) -> Any:
    monitor = _monitor()
    return None if monitor is None else getattr(monitor, collection)


def _moved(items: Any, key: str, place: int, wanted: str) -> Any:
    """The row of `wanted` at its place: one that came along, or a new one."""
    following = items[place + 1] if place + 1 < len(items) else None
    if following is not None and getattr(following, key) == wanted:
        items.remove(place)
        return items[place]
    item = items.add()
    setattr(item, key, wanted)
    items.move(len(items) - 1, place)
    return items[place]


def _select(monitor: Any, name: str, order: Sequence[str], wanted: str) -> None:
    place = order.index(wanted) if wanted in order else -1
    if getattr(monitor, name) != place:
        setattr(monitor, name, place)


@persistent
def _before_saving(*_: object) -> None:
    """Files carry nothing of the farm's jobs."""
    monitor = _monitor()
    if monitor is not None:
        monitor.jobs.clear()
        monitor.tasks.clear()


@persistent
def _rows_are_gone(*_: object) -> None:
    from . import live

    show_jobs(live.shown)


_HANDLERS = (
    ("save_pre", _before_saving),
    ("save_post", _rows_are_gone),
    ("save_post_fail", _rows_are_gone),
    ("load_post", _rows_are_gone),
)


def register() -> None:
    for name, function in _HANDLERS:
        getattr(bpy.app.handlers, name).append(function)


def unregister() -> None:
    for name, function in _HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if function in handlers:
            handlers.remove(function)
