"""Gives one task another status, without what follows for its job and for other tasks."""

from __future__ import annotations

from datetime import datetime

from flamenco_core.events import TaskChanged
from flamenco_core.manager import upstream_news
from flamenco_core.manager.unit import Unit
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import failures, jobs, queues, tasks
from flamenco_core.store.jobs import StoredJob
from flamenco_core.store.tasks import StoredTask


def change_alone(
    unit: Unit,
    task: StoredTask,
    status: TaskStatus,
    *,
    activity: str | None = None,
    is_bulk: bool = False,
    held_until: datetime | None = None,
    is_sign_of_life: bool = False,
) -> None:
    """With `is_bulk`, the caller announces it; with `is_sign_of_life`, its worker asked for it."""
    ready = tasks.set_status(
        unit.db,
        task,
        status,
        now=unit.now,
        activity=activity,
        held_until=held_until,
        is_sign_of_life=is_sign_of_life,
    )
    unit.announce_ready(ready)
    if status is not task.status:
        upstream_news.note_status(unit, task, status, activity)
    if not is_bulk:
        announce(unit, jobs.by_id(unit.db, task.job_id), task, status)


def announce(unit: Unit, job: StoredJob, task: StoredTask, status: TaskStatus) -> None:
    """Tells that a task has got a status; `task` is as it was before."""
    unit.announce(
        TaskChanged(job_id=job.uuid, task_id=task.uuid, status=status, previous_status=task.status)
    )


def requeue_alone(unit: Unit, task: StoredTask, *, reason: str) -> None:
    """Queues a task again as if it had never been tried."""
    failures.forget_task(unit.db, task.id)
    change_alone(unit, task, TaskStatus.QUEUED, activity=reason)
    if task.status is TaskStatus.SOFT_FAILED and task.is_free:
        # It was ready, but not for those who had failed at it, and may wait for a task now.
        unit.announce_ready(queues.ready_anew(unit.db, task.job_id, task.task_class_id))
