"""How often a worker talks to its Manager."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flamenco_worker.config import DEFAULT_MAY_I_RUN
from flamenco_worker.host_reports import SAMPLE_EVERY, SEND_EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times between requests, and before one is given up."""

    task_wait: timedelta = timedelta(seconds=52)
    """How long the Manager may hold a request for a task before it says that there is none; less
    than the minute after which many proxies give up. Of several slots each waits longer."""
    longest_task_wait: timedelta = timedelta(minutes=5)
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(seconds=20)
    """Before a request is made again, where the Manager is away, answers with errors, or answers
    at once that there is no task (Flamenco 3); it doubles from the first to the longest."""
    while_asleep: timedelta = timedelta(seconds=5)
    """The first pause between questions for the status, where the Manager does not hold them."""
    while_unready: timedelta = timedelta(seconds=30)
    """Before a look whether the storage is there again, or the disks have room."""
    may_i_run: timedelta = DEFAULT_MAY_I_RUN
    host_sample: timedelta = SAMPLE_EVERY
    host_report: timedelta = SEND_EVERY
    flush_at_end: timedelta = timedelta(seconds=5)
    """How long updates may still be sent when the worker ends; the rest goes with the next run."""
    sign_off: timedelta = timedelta(seconds=3)

    def task_wait_of_each(self, slots: int) -> timedelta:
        """How long each of so many slots may wait, so that all together ask as seldom as one."""
        return min(self.longest_task_wait, self.task_wait * slots)
