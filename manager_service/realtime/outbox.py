"""What waits to be sent to one client: bounded, so that a slow one costs no memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

MOST_BYTES = 2**20
MOST_FRAMES = 500


class Outbox:
    """Frames in their order, sent by `run`, which alone talks to the client."""

    def __init__(self, *, most_bytes: int = MOST_BYTES, most_frames: int = MOST_FRAMES) -> None:
        self._most_bytes = most_bytes
        self._most_frames = most_frames
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._is_closed = False
        self._changed = asyncio.Event()
        self._sent = asyncio.Event()

    def put(self, frames: Iterable[bytes]) -> bool:
        """Adds frames; if they are too many, takes none of them and says False.

        A single frame is always taken when nothing waits.
        """
        added = list(frames)
        size = sum(map(len, added))
        is_too_much = (
            self._bytes + size > self._most_bytes
            or len(self._frames) + len(added) > self._most_frames
        )
        if is_too_much and self._frames:
            return False
        self._frames.extend(added)
        self._bytes += size
        self._changed.set()
        return True

    async def room(self) -> None:
        """Returns once at most half of what may wait does, or nothing is to come any more."""
        while not self._is_closed and (
            2 * len(self._frames) > self._most_frames or 2 * self._bytes > self._most_bytes
        ):
            self._sent.clear()
            await self._sent.wait()

    def replace(self, frame: bytes) -> None:
        """Throws away what waits, and sends this instead."""
        self._frames.clear()
        self._frames.append(frame)
        self._bytes = len(frame)
        self._changed.set()

    def close(self) -> None:
        """Lets `run` return once everything is sent."""
        self._is_closed = True
        self._changed.set()
        self._sent.set()

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Sends what comes until `close`; raises what `send` raises."""
        while self._frames or not self._is_closed:
            if not self._frames:
                self._changed.clear()
                await self._changed.wait()
                continue
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            self._sent.set()
            await send(frame)
