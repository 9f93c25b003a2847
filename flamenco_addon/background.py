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
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import bpy

log = logging.getLogger(__name__)

BUDGET = timedelta(milliseconds=1)
"""What a tick may take of Blender's main thread before its last function begins, so that with that
function it takes less than twice as much.
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
        _under_way.discard(self)

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
        _under_way.discard(self)


_lock = threading.Lock()
_waiting: deque[Work] = deque()
_threads = 0
_under_way: set[Work] = set()
_handed_over: deque[Callable[[], object]] = deque()
_current: Iterator[object] | None = None
_followed: set[str] = set()
_each_second: list[Callable[[], object]] = []
_shown: dict[int, int] = {}
"""Regions with panels of ours, by address, and how many looks ago they were drawn last."""
_next_look = 0.0
_is_ticking = False


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
    _under_way.add(work)
    _start(work)
    _ensure_timer(soon=True)
    return work


def post(function: Callable[[], object]) -> None:
    """Has `function` called on the main thread, from any thread; it may be a generator function.

    Whoever posts without `run` keeps the timer going with `keep_ticking`.
    """
    _handed_over.append(function)


def go_on(function: Callable[[], object]) -> None:
    """Has `function` called in this tick if there is time left, otherwise in the next one.

    For what has much to do on the main thread, which it calls between two pieces.
    """
    post(function)
    _ensure_timer(soon=True)


def keep_ticking(reason: str) -> None:
    """Looks for what is posted, until `stop_ticking` with the same reason."""
    _followed.add(reason)
    _ensure_timer()


def stop_ticking(reason: str) -> None:
    _followed.discard(reason)


def each_second(function: Callable[[], object]) -> None:
    """Calls `function` about once a second while a panel is shown; undone with `no_more`."""
    _each_second.append(function)


def no_more(function: Callable[[], object]) -> None:
    if function in _each_second:
        _each_second.remove(function)


def shown(context: bpy.types.Context) -> None:
    """To be called in the `draw` of each panel: it is drawn again while it can be seen."""
    region = context.region
    if region is not None:
        _shown[region.as_pointer()] = 0
        _ensure_timer()


def is_shown() -> bool:
    """Whether any panel of ours can be seen."""
    return bool(_shown)


def redraw() -> None:
    """Has the panels drawn again that are shown."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.as_pointer() in _shown:
                    region.tag_redraw()


def step(budget: timedelta = BUDGET) -> bool:
    """Does what was handed over, for about as long as `budget`; True if there is more to do."""
    global _current  # noqa: PLW0603
    deadline = time.perf_counter() + budget.total_seconds()
    while True:
        if _current is None:
            if not _handed_over:
                return False
            _current = _started(_handed_over.popleft())
        if not _continues(_current):
            _current = None
        if time.perf_counter() >= deadline:
            return _current is not None or bool(_handed_over)


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


def _start(work: Work) -> None:
    global _threads  # noqa: PLW0603
    with _lock:
        _waiting.append(work)
        if _threads >= MOST_THREADS:
            return
        _threads += 1
    # Blender must be able to quit while a Manager hangs, so nobody waits for these.
    threading.Thread(target=_carry_out, name=f"flamenco: {work.name}", daemon=True).start()


def _carry_out() -> None:
    global _threads  # noqa: PLW0603
    while True:
        with _lock:
            if not _waiting:
                _threads -= 1
                return
            work = _waiting.popleft()
        work.carry_out()


def _tick() -> float | None:
    global _is_ticking  # noqa: PLW0603
    _is_ticking = True
    try:
        return _do_tick()
    finally:
        _is_ticking = False


def _do_tick() -> float | None:
    """Seconds until the next one; None if there is nothing left to look for."""
    global _next_look  # noqa: PLW0603
    has_more = step()
    now = time.monotonic()
    if now >= _next_look and not has_more:
        _next_look = now + IDLE_INTERVAL.total_seconds()
        # Blender would end the timer for good.
        _continues(_started(_look))
    if has_more:
        return 0.0
    if _under_way:
        return BUSY_INTERVAL.total_seconds()
    if _shown or _followed or _handed_over:
        return IDLE_INTERVAL.total_seconds()
    return None


def _look() -> None:
    """Forgets panels that are hidden, and draws the others again."""
    for region, looks in tuple(_shown.items()):
        if looks >= _LOOKS_UNTIL_HIDDEN:
            del _shown[region]
        else:
            _shown[region] = looks + 1
    if _shown:
        for function in tuple(_each_second):
            _continues(_started(function))
        redraw()


def _ensure_timer(*, soon: bool = False) -> None:
    """Starts the timer; `soon` also if it runs, but would not tick for a second."""
    if bpy.app.background:
        return
    if bpy.app.timers.is_registered(_tick):
        if not soon or _is_ticking:  # what a tick starts decides when the next one is
            return
        bpy.app.timers.unregister(_tick)
    first = BUSY_INTERVAL.total_seconds() if soon else 0.0
    # Persistent: opening another file does not end what is under way.
    bpy.app.timers.register(_tick, first_interval=first, persistent=True)


def register() -> None:
    """Nothing runs until something is asked for."""


def unregister() -> None:
    global _current  # noqa: PLW0603
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for work in tuple(_under_way):
        work.cancel()
    with _lock:
        _waiting.clear()
    _current = None
    for kept in (_handed_over, _followed, _each_second, _shown):
        kept.clear()
