"""Logs of tasks as texts in Blender's Text Editor, which go on while the task runs.

The texts are taken out while a file is saved, so that no file carries logs of the farm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy

from .. import background, connection
from ..blender_types import persistent
from ..language import tr
from ..windows import all_areas, all_windows
from .log_following import LogFollowing

MOST_LOGS = 4
"""So many are followed at once; the oldest one is then left as it is."""
_TICKING = "logs"
_MARK = "flamenco_task"


@dataclass(slots=True)
class _Kept:
    """A text while a file is saved."""

    name: str
    task_id: str
    content: str
    top: dict[int, int]
    """The first line that each editor shows, by the editor's address."""


_followed: dict[str, LogFollowing] = {}
_kept: list[_Kept] = []


def show(context: bpy.types.Context, task_id: str, task_name: str) -> Any:
    """Shows the log of a task in a Text Editor, which is opened if there is none."""
    text = _text_of(task_id)
    if text is None:
        text = bpy.data.texts.new(tr("Log of {task}").format(task=task_name))
        text[_MARK] = task_id
    _follow(task_id)
    space = _editor(context)
    if space is not None:
        space.text = text
        space.show_word_wrap = True
        space.show_syntax_highlight = False
    return text


def _follow(task_id: str) -> None:
    if task_id in _followed:
        return
    text = _text_of(task_id)
    if text is not None:
        text.clear()
    while len(_followed) >= MOST_LOGS:
        _stop(next(iter(_followed)))
    follower = LogFollowing(
        connection.current().client, lambda: background.post(lambda: _take(task_id)), task_id
    )
    _followed[task_id] = follower
    follower.start()
    background.keep_ticking(_TICKING)


def _take(task_id: str) -> Iterator[None]:
    """Appends what came, a piece with each step."""
    follower = _followed.get(task_id)
    while follower is not None and (piece := follower.take()):
        text = _text_of(task_id)
        if text is None:  # the artist has removed it
            _stop(task_id)
            return
        _append(text, piece)
        yield


def _append(text: Any, piece: str) -> None:
    """At the end of a text, wherever the cursor is; editors that show the end go along."""
    line, character = text.current_line_index, text.current_character
    last = len(text.lines) - 1
    was_at_end = line == last
    text.cursor_set(last, character=len(text.lines[last].body))
    text.write(piece)
    if not was_at_end:
        text.cursor_set(line, character=character)
    for space in _spaces(text):
        if was_at_end:
            space.top = max(0, len(text.lines) - max(1, space.visible_lines))


def _text_of(task_id: str) -> Any:
    return next((text for text in bpy.data.texts if text.get(_MARK) == task_id), None)


def _spaces(text: Any) -> Iterator[Any]:
    for area in all_areas():
        space = area.spaces.active
        if isinstance(space, bpy.types.SpaceTextEditor) and space.text == text:
            area.tag_redraw()
            yield space


def _editor(context: bpy.types.Context) -> Any:
    """A Text Editor that is shown; else one in a window of its own."""
    for area in all_areas():
        if area.type == "TEXT_EDITOR":
            return area.spaces.active
    if bpy.app.background or context.area is None:
        return None
    with area_in_new_window("TEXT_EDITOR") as area:
        return area.spaces.active


@contextmanager
def area_in_new_window(kind: str) -> Iterator[Any]:
    """A new window with one editor of a kind."""
    before = set(all_windows())
    bpy.ops.screen.area_dupli("INVOKE_DEFAULT")
    window = next(each for each in all_windows() if each not in before)
    area = window.screen.areas[0]
    area.ui_type = kind
    yield area


def _stop(task_id: str) -> None:
    follower = _followed.pop(task_id, None)
    if follower is not None:
        follower.end()
    if not _followed:
        background.stop_ticking(_TICKING)


@persistent
def _before_saving(*_: object) -> None:
    for text in [text for text in bpy.data.texts if text.get(_MARK)]:
        tops = {space.as_pointer(): space.top for space in _spaces(text)}
        _kept.append(_Kept(text.name, text[_MARK], text.as_string(), tops))
        bpy.data.texts.remove(text)


@persistent
def _after_saving(*_: object) -> None:
    while _kept:
        kept = _kept.pop(0)
        text = bpy.data.texts.new(kept.name)
        text[_MARK] = kept.task_id
        text.write(kept.content)
        _put_back(text, kept.top)


def _put_back(text: Any, tops: dict[int, int]) -> None:
    for area in all_areas():
        space = area.spaces.active
        if isinstance(space, bpy.types.SpaceTextEditor) and space.as_pointer() in tops:
            space.text = text
            space.top = tops[space.as_pointer()]


@persistent
def _before_loading(*_: object) -> None:
    """Another file has other texts."""
    for task_id in list(_followed):
        _stop(task_id)


_HANDLERS = (
    ("save_pre", _before_saving),
    ("save_post", _after_saving),
    ("save_post_fail", _after_saving),
    ("load_pre", _before_loading),
)


def register() -> None:
    for name, function in _HANDLERS:
        getattr(bpy.app.handlers, name).append(function)


def unregister() -> None:
    for task_id in list(_followed):
        _stop(task_id)
    for name, function in _HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if function in handlers:
            handlers.remove(function)
