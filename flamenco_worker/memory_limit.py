"""Ends a program before it takes more of the machine's memory than it may have.

The system's own limits do not serve here: they count addresses, of which drivers of graphics cards
reserve terabytes, or they let an allocation fail, on which Blender crashes without a word.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import psutil

from flamenco_worker.readiness import size_text

LOOK_EVERY = timedelta(seconds=1)


@contextmanager
def watching_memory(
    pid: Callable[[], int], limit: int | None, too_much: Callable[[str], None]
) -> Iterator[None]:
    """Within the block, `too_much` is called with a sentence when a program and what it has
    started have more than `limit` bytes together.

    `pid` gives the program's number, 0 before it is started.
    """
    if limit is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_EVERY.total_seconds()):
            size = memory_of(pid())
            if size > limit:
                has, may_have = size_text(size), size_text(limit)
                too_much(f"It took {has} of memory, and may have {may_have}")
                return

    thread = threading.Thread(target=watch, name="memory-limit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def memory_of(pid: int) -> int:
    """Bytes of a program and what it has started; 0 if it does not run."""
    size = 0
    if pid:
        with suppress(psutil.Error):
            program = psutil.Process(pid)
            for process in (program, *program.children(recursive=True)):
                with suppress(psutil.Error):
                    size += process.memory_info().rss
    return size
