"""What a running task has to say, gathered into few updates."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from flamenco_core.model import AssignedTask, TaskUpdate
from flamenco_core.statuses import TaskStatus

LOG_CHUNK = 10 * 1024
"""Characters. As much log text is sent at once, also before its time."""
LONGEST_LINE = 40 * 1024
"""Characters. Longer lines are cut, so that no update grows without bound."""
REPORT_EVERY = timedelta(seconds=2)
"""How long text, steps and activity are gathered."""


class TaskReporter:
    """Turns log lines, steps and activities into updates of one attempt at a task.

    Safe to use from several threads. `tick` is to be called every now and then, so that a silent
    program does not keep back what it has said before.
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
        self._sent_at = clock()

    @property
    def steps(self) -> int:
        return self._steps

    def started(self) -> None:
        self._send_update(TaskUpdate(taskStatus=TaskStatus.ACTIVE, activity="Started"))

    def log(self, text: str) -> None:
        """Adds to the task's log; a line end is put behind it."""
        with self._lock:
            for start in range(0, max(1, len(text)), LONGEST_LINE):
                line = text[start : start + LONGEST_LINE]
                self._lines.append(line)
                self._size += len(line) + 1
                if self._size > LOG_CHUNK:
                    self.flush()

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

    def flush(self) -> None:
        """Sends what has been gathered."""
        with self._lock:
            update = self._gathered()
            if update != TaskUpdate():
                self._send_update(update)

    def completed(self) -> None:
        self.flush()
        self._send_update(TaskUpdate(taskStatus=TaskStatus.COMPLETED, activity="Completed"))

    def failed(self, reason: str) -> None:
        self.log(f"task failed: {reason}")
        self.flush()
        self._send_update(TaskUpdate(taskStatus=TaskStatus.FAILED, activity=f"Failed: {reason}"))

    def _gathered(self) -> TaskUpdate:
        text = "".join(f"{line}\n" for line in self._lines)
        steps = self._steps if self._steps != self._steps_sent else None
        update = TaskUpdate(log=text or None, activity=self._activity, steps_completed=steps)
        self._lines, self._size, self._activity = [], 0, None
        self._steps_sent = self._steps
        return update

    def _send_update(self, update: TaskUpdate) -> None:
        with self._lock:
            self._sent_at = self._clock()
            self._send(
                self._task.uuid,
                TaskUpdate(
                    taskStatus=update.taskStatus,
                    activity=update.activity,
                    log=update.log,
                    steps_completed=update.steps_completed,
                    attempt=self._task.attempt,
                ),
            )
