"""Waiting for a job's end, with a progress bar where there is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.command_line.output import progress_bars
from flamenco_core.errors import InvalidInput
from flamenco_core.model import Job
from flamenco_core.statuses import JobStatus, TaskStatus

POLL_INTERVAL = timedelta(seconds=1)
PATIENCE_WITH_MANAGER = timedelta(minutes=10)
"""A Manager that restarts, or a network that is away for a while, ends no waiting."""

_ENDED = frozenset([JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED])
_MAX_TASKS_NAMED = 5


@dataclass(frozen=True, slots=True)
class JobEnd:
    job: Job
    reason: str
    """Why it did not complete; empty if it did."""


def wait_for_job(
    client: ManagerClient,
    job: Job,
    *,
    quiet: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> JobEnd:
    """Wait until the job is completed, failed or cancelled.

    Raises `ManagerUnreachable` when the Manager was away for too long, `InvalidInput` when
    something else answered in its place for as long, `ManagerRefused` when the job is gone.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with progress_bars(*columns, quiet=quiet, transient=False) as progress:
        bar = progress.add_task(str(job.status), total=job.steps_total or None)
        last_heard = monotonic()
        while job.status not in _ENDED:
            sleep(POLL_INTERVAL.total_seconds())
            try:
                job = client.fetch_job(job.id)
            except (ManagerUnreachable, ManagerRefused, InvalidInput) as error:
                # Invalid is another's page that came in the place of the Manager's answer.
                is_passing = not isinstance(error, ManagerRefused) or error.status >= 500
                away = monotonic() - last_heard
                if not is_passing or away > PATIENCE_WITH_MANAGER.total_seconds():
                    raise
                progress.update(bar, description="the Manager does not answer, trying again")
                continue
            last_heard = monotonic()
            progress.update(
                bar,
                description=str(job.status),
                completed=job.steps_completed,
                total=job.steps_total or None,
            )
    return JobEnd(job, _reason(client, job))


def _reason(client: ManagerClient, job: Job) -> str:
    if job.status is JobStatus.COMPLETED:
        return ""
    reason = f"the job is {job.status}"
    if job.activity:
        reason += f": {job.activity}"
    return reason + _failed_tasks(client, job)


def _failed_tasks(client: ManagerClient, job: Job) -> str:
    failed = [
        task
        for task in client.fetch_job_tasks(job.id)
        if task.status in (TaskStatus.FAILED, TaskStatus.SOFT_FAILED)
    ]
    lines = []
    for summary in failed[:_MAX_TASKS_NAMED]:
        task = client.fetch_task(summary.id)
        lines.append(f"\n  task {task.name} is {task.status}: {task.activity or 'no reason given'}")
        lines.append(f"\n    its log: flamenco task-log {task.id}")
    if len(failed) > _MAX_TASKS_NAMED:
        lines.append(f"\n  and {len(failed) - _MAX_TASKS_NAMED} more tasks")
    return "".join(lines)
