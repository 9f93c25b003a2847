"""Work on other threads, and one timer that hands the results over on Blender's main thread.

    work = background.run(client.fetch_jobs, then=show_jobs, failed=show_error)

`fetch_jobs` runs on another thread and must not touch `bpy`. `show_jobs` gets its result on the
main thread; one that has much to do is a generator function, which is continued tick after tick.
Threads that live longer, such as one that follows the farm's events, hand functions over with
`post`. A tick begins no more functions once `BUDGET` is spent.

The timer runs only while work is under way, a panel is shown (`shown`) or something is followed
(`keep_ticking`). It never ticks in the `bpy` module and in `blender --background`: call `step()`
there, or `wait_for(work)`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import bpy

from .other_threads import OtherThreads
from .windows import all_areas

log = logging.getLogger(__name__)

BUDGET = timedelta(milliseconds=0.5)
"""What a tick may take of Blender's main thread before its last function begins. Redrawing and that
function come on top, and 2 ms are to be enough for all.
"""
BUSY_INTERVAL = timedelta(milliseconds=50)
"""Between ticks while work is under way."""
IDLE_INTERVAL = timedelta(seconds=1)
"""Between ticks while there is only something to look at."""
MOST_THREADS = 8

_LOOKS_UNTIL_HIDDEN = 2
"""A panel is hidden if it was not drawn between so many looks, though it was asked to be. Blender
draws after its timers, so however slow it is, what can be seen is drawn between two of them.
"""

T = TypeVar("T")


class Work:
    """Something that was given to `run`."""

    def __init__(
        self,
        function: Callable[[], Any],
        then: Callable[[Any], object] | None,
        failed: Callable[[Exception], object] | None,
        name: str,
    ) -> None:
        self.name = name
        self._function = function
        self._then = then
        self._failed = failed
        self.is_over = False
        """Whether everything was done, handing over included; stays False if it was cancelled."""
        self.is_cancelled = False

    def cancel(self) -> None:
        """Nothing is handed over any more; what runs on the other thread goes on to its end."""
        self.is_cancelled = True
        _ticking.under_way.discard(self)

    def carry_out(self) -> None:
        """On the other thread."""
        if self.is_cancelled:
            return
        try:
            result = self._function()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for it
            reason = error
            post(lambda: self._fail(reason))
        else:
            post(lambda: self._succeed(result))

    def _succeed(self, result: Any) -> Generator[None, None, None]:
        try:
            following = None
            if self._then is not None and not self._is_dropped():
                following = self._then(result)
            if isinstance(following, Generator):
                while not self._is_dropped() and next(following, self) is not self:
                    yield
        finally:
            self._end()

    def _fail(self, error: Exception) -> None:
        try:
            if self._is_dropped():
                return
            if self._failed is None:
                log.error("%s: %s", self.name, error, exc_info=error)
            else:
                self._failed(error)
        finally:
            self._end()

    def _is_dropped(self) -> bool:
        return self.is_cancelled

    def _end(self) -> None:
        self.is_over = not self.is_cancelled
        _ticking.under_way.discard(self)


class _HandedOver:
    """What is to be done on the main thread, one after the other."""

    def __init__(self) -> None:
        self._functions: deque[Callable[[], object]] = deque()
        self._current: Iterator[object] | None = None
        """The rest of what was begun."""

    def __bool__(self) -> bool:
        return self._current is not None or bool(self._functions)

    def add(self, function: Callable[[], object]) -> None:
        """From any thread."""
        self._functions.append(function)

    def go_on(self) -> None:
        """Does one piece, if there is one."""
        if self._current is None:
            if not self._functions:
                return
            self._current = _started(self._functions.popleft())
        if not _continues(self._current):
            self._current = None

    def forget(self) -> None:
        self._functions.clear()
        self._current = None


class _Ticking:
    """What the timer is for, and where it is."""

    def __init__(self) -> None:
        self.under_way: set[Work] = set()
        self.followed: set[str] = set()
        self.each_second: list[Callable[[], object]] = []
        self.shown: dict[int, int] = {}
        """Regions with panels of ours, by address, and how many looks ago they were drawn last."""
        self.next_look = 0.0
        self.is_in_tick = False


_threads = OtherThreads(MOST_THREADS)
_handed_over = _HandedOver()
_ticking = _Ticking()


def run(
    function: Callable[[], T],
    *,
    then: Callable[[T], object] | None = None,
    failed: Callable[[Exception], object] | None = None,
    name: str = "",
) -> Work:
    """Calls `function` on another thread, then `then` or `failed` on the main thread.

    Call it on the main thread. Without `failed`, errors go to the console.
    """
    work = Work(function, then, failed, name or getattr(function, "__qualname__", "work"))
    _ticking.under_way.add(work)
    _threads.carry_out(work.carry_out, work.name)
    _ensure_timer(soon=True)
    return work


def post(function: Callable[[], object]) -> None:
    """Has `function` called on the main thread, from any thread; it may be a generator function.

    Whoever posts without `run` keeps the timer going with `keep_ticking`.
    """
    _handed_over.add(function)


def go_on(function: Callable[[], object]) -> None:
    """Has `function` called in this tick if there is time left, otherwise in the next one.

    For what has much to do on the main thread, which it calls between two pieces.
    """
    post(function)
    _ensure_timer(soon=True)


def keep_ticking(reason: str) -> None:
    """Looks for what is posted, until `stop_ticking` with the same reason."""
    _ticking.followed.add(reason)
    _ensure_timer()


def stop_ticking(reason: str) -> None:
    _ticking.followed.discard(reason)


def each_second(function: Callable[[], object]) -> None:
    """Calls `function` about once a second while a panel is shown; undone with `no_more`."""
    _ticking.each_second.append(function)


def no_more(function: Callable[[], object]) -> None:
    if function in _ticking.each_second:
        _ticking.each_second.remove(function)


def shown(context: bpy.types.Context) -> None:
    """To be called in the `draw` of each panel: it is drawn again while it can be seen."""
    region = context.region
    if region is not None:
        _ticking.shown[region.as_pointer()] = 0
        _ensure_timer()


def is_shown() -> bool:
    """Whether any panel of ours can be seen."""
    return bool(_ticking.shown)


def redraw() -> None:
    """Has the panels drawn again that are shown."""
    for area in all_areas():
        for region in area.regions:
            if region.as_pointer() in _ticking.shown:
                region.tag_redraw()


def step(budget: timedelta = BUDGET) -> bool:
    """Does what was handed over, for about as long as `budget`; True if there is more to do."""
    deadline = time.perf_counter() + budget.total_seconds()
    while _handed_over:
        _handed_over.go_on()
        if time.perf_counter() >= deadline:
            break
    return bool(_handed_over)


def wait_for(work: Work, limit: timedelta = timedelta(minutes=5)) -> bool:
    """Steps until `work` is over or cancelled; False if it is not within `limit`.

    For scripts without a window. Blocks.
    """
    deadline = time.monotonic() + limit.total_seconds()
    while not (work.is_over or work.is_cancelled):
        if time.monotonic() >= deadline:
            return False
        if not step(timedelta(seconds=1)):
            time.sleep(0.002)
    return True


def _started(function: Callable[[], object]) -> Iterator[object]:
    try:
        answer = function()
    except Exception:
        log.exception("A result could not be taken over")
        return iter(())
    return answer if isinstance(answer, Generator) else iter(())


def _continues(steps: Iterator[object]) -> bool:
    try:
        next(steps)
    except StopIteration:
        return False
    except Exception:
        log.exception("A result could not be taken over")
        return False
    return True


def _tick() -> float | None:
    _ticking.is_in_tick = True
    try:
        return _do_tick()
    finally:
        _ticking.is_in_tick = False


def _do_tick() -> float | None:
    """Seconds until the next one; None if there is nothing left to look for."""
    has_more = step()
    now = time.monotonic()
    if now >= _ticking.next_look and not has_more:
        _ticking.next_look = now + IDLE_INTERVAL.total_seconds()
        # Blender would end the timer for good.
        _continues(_started(_look))
    if has_more:
        return 0.0
    if _ticking.under_way:
        return BUSY_INTERVAL.total_seconds()
    if _ticking.shown or _ticking.followed or _handed_over:
        return IDLE_INTERVAL.total_seconds()
    return None


def _look() -> None:
    """Forgets panels that are hidden, and draws the others again."""
    shown = _ticking.shown
    for region, looks in tuple(shown.items()):
        if looks >= _LOOKS_UNTIL_HIDDEN:
            del shown[region]
        else:
            shown[region] = looks + 1
    if shown:
        for function in tuple(_ticking.each_second):
            _continues(_started(function))
        redraw()


def _ensure_timer(*, soon: bool = False) -> None:
    """Starts the timer; `soon` also if it runs, but would not tick for a second."""
    if bpy.app.background:
        return
    if bpy.app.timers.is_registered(_tick):
        if not soon or _ticking.is_in_tick:  # what a tick starts decides when the next one is
            return
        bpy.app.timers.unregister(_tick)
    first = BUSY_INTERVAL.total_seconds() if soon else 0.0
    # Persistent: opening another file does not end what is under way.
    bpy.app.timers.register(_tick, first_interval=first, persistent=True)


def register() -> None:
    """Nothing runs until something is asked for."""


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for work in tuple(_ticking.under_way):
        work.cancel()
    _threads.forget()
    _handed_over.forget()
    for kept in (_ticking.followed, _ticking.each_second, _ticking.shown):
        kept.clear()
