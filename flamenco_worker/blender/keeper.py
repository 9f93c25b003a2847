"""Keeps one Blender open between the tasks of a slot, and decides when another one is better."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from flamenco_worker.blender.keeping_rules import KeepingRules
from flamenco_worker.blender.session import Launch, WarmBlender

log = logging.getLogger(__name__)

_MOST_REFUSALS = 50
"""Files of which it is remembered that they need Blenders of their own."""


@dataclass(slots=True)
class _Kept:
    blender: WarmBlender
    launch: Launch
    blend_file: str
    frames: int = 0
    first_memory: int | None = None


@dataclass(frozen=True, slots=True)
class Lent:
    """A Blender for one task."""

    blender: WarmBlender
    is_new: bool
    """It has to be started first."""
    why: str
    """Why it is a new one, to be read behind "since"."""


class BlenderKeeper:
    """The Blender of one slot. `lend` and `take_back` are called by the thread that runs the
    slot's tasks, one after the other; `close` by any.
    """

    def __init__(self, rules: KeepingRules | None = None) -> None:
        self.rules = rules or KeepingRules()
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._is_lent = False
        self._idle: threading.Timer | None = None
        self._why_gone = "none is open"
        self._refusals: OrderedDict[tuple[Launch, str, int], str] = OrderedDict()

    def why_not(self, launch: Launch, blend_file: str) -> str:
        """Why a file needs Blenders of its own, as it was found out; empty if nothing is known."""
        return self._refusals.get((launch, blend_file, _changed_at(blend_file)), "")

    def refuse(self, launch: Launch, blend_file: str, why: str) -> None:
        """From now on the file is for Blenders of its own, until it changes."""
        self._refusals[launch, blend_file, _changed_at(blend_file)] = why
        if len(self._refusals) > _MOST_REFUSALS:
            self._refusals.popitem(last=False)

    def lend(self, launch: Launch, blend_file: str) -> Lent:
        """The Blender that is open if it was started in the same way for the same file, else a
        new one, which the caller starts.
        """
        with self._lock:
            self._stop_timer()
            why = self._why_not_the_open_one(launch, blend_file)
            if self._kept is not None and not why:
                self._is_lent = True
                return Lent(self._kept.blender, is_new=False, why="")
        self.close(why)
        kept = _Kept(WarmBlender(launch), launch, blend_file)
        with self._lock:
            self._kept, self._is_lent = kept, True
        return Lent(kept.blender, is_new=True, why=why)

    def take_back(self, *, frames: int, is_well: bool) -> str:
        """Keeps the Blender for the next task, or ends it; returns why it was ended.

        `frames` is how many it has rendered for this task; `is_well` says whether nothing went
        wrong.
        """
        with self._lock:
            self._is_lent = False
            kept = self._kept
            if kept is None:
                return self._why_gone
            why = "" if is_well else "something went wrong in it"
            if not why and not kept.blender.is_alive:
                why = "it has ended"
            if not why:
                kept.frames += frames
                memory = kept.blender.memory()
                kept.first_memory = kept.first_memory or memory
                why = self.rules.why_replace(kept.frames, kept.first_memory, memory)
            if not why:
                self._start_timer(kept)
                return ""
        self.close(why)
        return why

    def close(self, why: str = "the worker does something else") -> None:
        """Ends the Blender; also while it renders, which then fails."""
        with self._lock:
            is_lent, kept = self._is_lent, self._part_with(why)
        if kept is None:
            return
        if is_lent:
            kept.blender.end()
        else:
            kept.blender.quit()

    def _close_idle(self, idle: _Kept) -> None:
        """Ends it, unless a task has come for it at this very moment."""
        with self._lock:
            if self._is_lent or self._kept is not idle:
                return
            self._part_with("it has had nothing to do")
        idle.blender.quit()

    def _part_with(self, why: str) -> _Kept | None:
        """Keeps it no longer; returns what is to be ended. The lock must be held."""
        self._stop_timer()
        kept, self._kept = self._kept, None
        if kept is not None:
            self._why_gone = f"the one before was ended: {why}"
            log.info("the open Blender (process %d) is ended: %s", kept.blender.pid, why)
        return kept

    def _why_not_the_open_one(self, launch: Launch, blend_file: str) -> str:
        kept = self._kept
        if kept is None:
            return self._why_gone
        if not kept.blender.is_alive:
            return "the one before has ended"
        if kept.launch != launch:
            return "the one before was started with other arguments"
        if kept.blend_file != blend_file:
            return "the one before has another file open"
        return ""

    def _start_timer(self, kept: _Kept) -> None:
        self._idle = threading.Timer(self.rules.idle.total_seconds(), self._close_idle, [kept])
        self._idle.daemon = True
        self._idle.start()

    def _stop_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def _changed_at(path: str) -> int:
    """0 for a file that is not there."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
