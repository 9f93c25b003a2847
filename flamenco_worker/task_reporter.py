"""What a running task has to say, gathered into few updates."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from flamenco_core.errors import StorageError
from flamenco_core.model import AssignedTask, TaskStatistics, TaskUpdate
from flamenco_core.statuses import TaskStatus

log = logging.getLogger(__name__)

LOG_CHUNK = 10 * 1024
"""Characters. As much log text is sent at once, also before its time."""
LONGEST_LINE = 40 * 1024
"""Characters. Longer lines are cut, so that no update grows without bound."""
REPORT_EVERY = timedelta(seconds=2)
"""How long text, steps and activity are gathered."""
MOST_HELD_BACK = 200
"""Updates. While they cannot be passed on, for a full disk, more of them make the oldest go."""
_GAP = "[text is missing here: this worker could not keep it]\n"


class TaskReporter:
    """Turns log lines, steps and activities into updates of one attempt at a task.

    Safe to use from several threads. `tick` is to be called every now and then, so that a silent
    program does not keep back what it has said before.

    What `send` does not take (it raises `StorageError`) is held back and tried again.
    """

    def __init__(
        self,
        task: AssignedTask,
        send: Callable[[str, TaskUpdate], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._send = send
        self._clock = clock
        self._lock = threading.RLock()
        self._lines: list[str] = []
        self._size = 0
        self._activity: str | None = None
        self._steps = 0
        self._steps_sent = 0
        self._statistics: TaskStatistics | None = None
        self._sent_at = clock()
        self._held_back: list[TaskUpdate] = []

    @property
    def steps(self) -> int:
        return self._steps

    def started(self) -> None:
        self._say(TaskStatus.ACTIVE, "Started")

    def log(self, text: str) -> None:
        """Adds to the task's log; a line end is put behind it."""
        with self._lock:
            for start in range(0, max(1, len(text)), LONGEST_LINE):
                line = text[start : start + LONGEST_LINE]
                self._lines.append(line)
                self._size += len(line) + 1
                if self._size > LOG_CHUNK:
                    self._flush_soon()

    def activity(self, text: str) -> None:
        """The newest counts; it is sent with the next chunk."""
        with self._lock:
            self._activity = text

    def step(self) -> None:
        """Counts one more step; never more than the task has."""
        self.count_steps(self._steps + 1)

    def count_steps(self, steps: int) -> None:
        """Says how many steps are done in all."""
        with self._lock:
            self._steps = min(max(self._steps, steps), self._task.steps_total)

    def tick(self) -> None:
        """Sends what has been gathered, if that is old enough."""
        with self._lock:
            if self._clock() - self._sent_at >= REPORT_EVERY.total_seconds():
                self.flush()

    def flush(self) -> bool:
        """Sends what has been gathered; returns whether nothing is held back any more."""
        with self._lock:
            self._gather()
            self._sent_at = self._clock()
            while self._held_back:
                try:
                    self._send(self._task.uuid, self._held_back[0])
                except StorageError as error:
                    log.warning("what task %s says has to wait: %s", self._task.name, error)
                    return False
                del self._held_back[0]
            return True

    def add_statistics(self, statistics: TaskStatistics) -> None:
        """Goes with the next update; to be called once, before the last one.

        A Manager that counts no attempts, as Flamenco 3's, has no use for them and gets none.
        """
        if self._task.attempt is not None:
            with self._lock:
                self._statistics = statistics

    def completed(self) -> None:
        self._say(TaskStatus.COMPLETED, "Completed")

    def failed(self, reason: str) -> None:
        self.log(f"task failed: {reason}")
        self._say(TaskStatus.FAILED, f"Failed: {reason}")

    def _say(self, status: TaskStatus, activity: str) -> None:
        """A status is an update of its own, behind all that was said before it."""
        with self._lock:
            self._gather()
            self._hold(TaskUpdate(taskStatus=status, activity=activity))
            self.flush()

    def _flush_soon(self) -> None:
        """Like `flush`; leaves it to the next tick where the last try has failed."""
        if self._held_back:
            self._gather()
        else:
            self.flush()

    def _gather(self) -> None:
        text = "".join(f"{line}\n" for line in self._lines)
        steps = self._steps if self._steps != self._steps_sent else None
        update = TaskUpdate(
            log=text or None,
            activity=self._activity,
            steps_completed=steps,
            statistics=self._statistics,
        )
        self._lines, self._size, self._activity, self._statistics = [], 0, None, None
        self._steps_sent = self._steps
        if update != TaskUpdate():
            self._hold(update)

    def _hold(self, update: TaskUpdate) -> None:
        self._held_back.append(
            replace(
                update,
                activity=update.activity and printable(update.activity),
                log=update.log and printable(update.log),
                attempt=self._task.attempt,
            )
        )
        if len(self._held_back) > MOST_HELD_BACK:
            # The first one may say that the task has started.
            del self._held_back[1]
            self._held_back[1] = replace(self._held_back[1], log=_GAP)


def printable(text: str) -> str:
    """`text` with a question mark for each character that a Manager may refuse.

    File names that are not UTF-8 come with lone surrogates, the output of programs with NUL.
    """
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
