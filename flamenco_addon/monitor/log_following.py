"""Follows the log of a task, from its beginning on, and keeps the pieces until they are taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from flamenco_core.client import AccountsClient, FarmEvent

from .follower import Follower, OpenClient, Wanted

PIECE = 32 * 1024
"""Characters that are handed over at once."""
LONGEST = 2 * 1024 * 1024
"""Bytes of an attempt's log that are shown: the last ones of a longer log."""


class LogFollowing(Follower):
    """Gives out every line of a task's log once, over attempts and lost connections."""

    def __init__(
        self, open_client: OpenClient, deliver: Callable[[], object], task_id: str
    ) -> None:
        super().__init__(open_client, deliver, "log")
        self.task_id = task_id
        self._given: dict[int, int] = {}
        """How far each attempt's log was given out, in bytes."""
        self._pieces: deque[str] = deque()

    def take(self) -> str:
        """The next piece, on the main thread; empty if there is none."""
        with self._lock:
            if self._pieces:
                return self._pieces.popleft()
            self._taken()
            return ""

    def has_news(self) -> bool:
        return bool(self._pieces)

    def wanted(self) -> Wanted:
        return Wanted((f"tasks/{self.task_id}/log",))

    def read(self, client: AccountsClient) -> None:
        last = client.fetch_task(self.task_id).attempt or 0
        for attempt in range(1, last + 1):
            self._catch_up(client, attempt)

    def fold(self, client: AccountsClient, event: FarmEvent) -> None:
        update = event.data
        if event.type != "task-log" or update.attempt is None or update.start is None:
            return
        given = self._given.get(update.attempt, 0)
        content = update.log.encode()
        if update.start > given:
            self._catch_up(client, update.attempt)
        elif update.start + len(content) > given:
            self._given[update.attempt] = update.start + len(content)
            self._give(content[given - update.start :])

    def _catch_up(self, client: AccountsClient, attempt: int) -> None:
        given = self._given.get(attempt, 0)
        content = client.fetch_attempt_log(self.task_id, attempt, start=given)
        self._given[attempt] = given + len(content)
        if len(content) > LONGEST:
            content = content[-LONGEST:].partition(b"\n")[2]
        self._give(content)

    def _give(self, content: bytes) -> None:
        text = content.decode("utf-8", "replace")
        with self._lock:
            self._pieces.extend(text[start : start + PIECE] for start in range(0, len(text), PIECE))
