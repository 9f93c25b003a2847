"""Carries out changes of status, with what follows for the job and for its other tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flamenco_core import task_logs
from flamenco_core.events import JobChanged, TaskLogAppended, TasksChanged
from flamenco_core.manager import dependants
from flamenco_core.manager.dependants import CHANGE_COST, Budget, Told
from flamenco_core.manager.failing_jobs import share_if_any_failed
from flamenco_core.manager.task_changes import announce, change_alone, requeue_alone
from flamenco_core.manager.unit import Unit
from flamenco_core.rules import lifecycle
from flamenco_core.rules.lifecycle import JobMove, TaskSweep
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import dependency_groups, failures, jobs, logs, queues, reservations, tasks
from flamenco_core.store.audit import MANAGER, Actor
from flamenco_core.store.jobs import StoredJob
from flamenco_core.store.tasks import StoredTask

SWEEP_SIZE = 200
"""Tasks changed in one transaction, which keeps it well below 50 ms."""


def change_task(
    unit: Unit,
    task: StoredTask,
    status: TaskStatus,
    *,
    activity: str | None = None,
    is_sign_of_life: bool = False,
) -> None:
    """Gives one task another status, and its job the one that follows from that."""
    change_alone(
        unit, task, status, activity=activity, is_bulk=True, is_sign_of_life=is_sign_of_life
    )
    job = jobs.by_id(unit.db, task.job_id)
    announce(unit, job, task, status)
    told = dependants.tell(unit, job, Budget(SWEEP_SIZE * CHANGE_COST))
    if told is Told.ALL_KNEW:
        _follow(unit, job)
    elif told is Told.ALL_KNOW_NOW:
        _follow(unit, jobs.by_id(unit.db, job.id))


def follow_job(unit: Unit, job_id: int) -> None:
    """Gives a job the status that fits the tasks it has now, once all of them know theirs."""
    if dependency_groups.next_untold(unit.db, job_id) is None:
        _follow(unit, jobs.by_id(unit.db, job_id))


def follow_start(unit: Unit, job: StoredJob) -> None:
    """A task of a job was handed out, which only matters to one that is not active yet."""
    if job.status is not JobStatus.ACTIVE:
        follow_job(unit, job.id)


def _follow(unit: Unit, job: StoredJob) -> None:
    move = _next_move(unit, job)
    if move is not None:
        change_job(unit, job, move.status, reason=move.reason)


def _next_move(unit: Unit, job: StoredJob) -> JobMove | None:
    # While a task is active, it makes no difference how many are ready.
    ready = 0 if job.counts[TaskStatus.ACTIVE] else _ready_count(unit, job.id)
    return lifecycle.job_status_after(
        job.status,
        job.counts,
        ready=ready,
        share=share_if_any_failed(unit.db, job, unit.config),
    )


def _ready_count(unit: Unit, job_id: int) -> int:
    return queues.ready_count(unit.db, job_id) + reservations.any_of_job(unit.db, job_id)


def change_job(
    unit: Unit,
    job: StoredJob,
    status: JobStatus,
    *,
    reason: str,
    requeue_everything: bool = False,
    actor: Actor = MANAGER,
) -> None:
    """Gives a job a status and starts to change its tasks accordingly; `settle` goes on.

    `actor` is who asked for just that; what follows from something else is the Manager's own.
    """
    sweep = lifecycle.SWEEPS.get(status)
    ready = jobs.set_status(
        unit.db,
        job,
        status,
        activity=reason,
        unsettled=sweep is not None,
        requeue_everything=requeue_everything,
        now=unit.now,
    )
    _note(unit, actor, job, status, reason)
    unit.announce(JobChanged(job_id=job.uuid, status=status, previous_status=job.status))
    unit.announce_ready(ready)
    if sweep is not None:
        settle(unit, job.uuid)


def settle(unit: Unit, job_uuid: str) -> None:
    """Goes on with what a job's tasks have to be told, and ends its transition.

    Changes at most `SWEEP_SIZE` tasks: call it again while the job is unsettled.
    """
    job = jobs.by_uuid(unit.db, job_uuid)
    _settle(unit, job, Budget(SWEEP_SIZE * CHANGE_COST))


def _settle(unit: Unit, job: StoredJob, budget: Budget) -> None:
    # What was asked before the present status comes first.
    if dependants.tell(unit, job, budget) is Told.SOME_DO_NOT_KNOW:
        return
    if not job.unsettled:
        follow_job(unit, job.id)
        return
    sweep = lifecycle.REQUEUE_EVERYTHING if job.requeue_everything else lifecycle.SWEEPS[job.status]
    _sweep(unit, job, sweep, budget)
    if budget.changes and dependants.tell(unit, job, budget) is not Told.SOME_DO_NOT_KNOW:
        _end_transition(unit, jobs.by_uuid(unit.db, job.uuid), sweep.then)


def _sweep(unit: Unit, job: StoredJob, sweep: TaskSweep, budget: Budget) -> None:
    changed = 0
    for status in sorted(sweep.from_statuses):
        batch = tasks.of_job(unit.db, job.id, status, limit=budget.changes)
        for task in batch:
            change_alone(
                unit, task, sweep.to_status, activity=f"The job is {job.status}", is_bulk=True
            )
        budget.spend_on_changes(len(batch))
        changed += len(batch)
    if changed:
        unit.announce(TasksChanged(job_id=job.uuid, status=sweep.to_status, count=changed))


def requeue_task(
    unit: Unit, task: StoredTask, *, reason: str, with_dependants: bool = True
) -> None:
    """Queues a task again, and with it whatever was built on its result.

    If that is much, `settle` goes on with it.
    """
    if with_dependants:
        # What is running uses the old result: its worker learns that it has lost the task.
        dependency_groups.demand_rework(unit.db, task.id)
    requeue_alone(unit, task, reason=reason)
    job = jobs.by_id(unit.db, task.job_id)
    dependants.tell(unit, job, Budget(SWEEP_SIZE * CHANGE_COST))
    job = jobs.by_id(unit.db, task.job_id)
    if job.status not in (JobStatus.QUEUED, JobStatus.ACTIVE):
        change_job(unit, job, JobStatus.QUEUED, reason=f"task {task.name} was queued again")


def queue_now(unit: Unit, task: StoredTask, *, with_dependants: bool) -> None:
    """Ends the waiting of a queued task, and queues again what was built on its old result."""
    if task.is_held_back:
        release(unit, task)
    if with_dependants:
        dependency_groups.demand_rework(unit.db, task.id)
        job = jobs.by_id(unit.db, task.job_id)
        dependants.tell(unit, job, Budget(SWEEP_SIZE * CHANGE_COST))


def requeue_failed(unit: Unit, job: StoredJob, failed: Sequence[StoredTask]) -> None:
    """Queues failed tasks of a job again; nothing that depends on them can have been done."""
    for task in failed:
        failures.forget_task(unit.db, task.id)
        change_alone(
            unit, task, TaskStatus.QUEUED, activity="Queued again after it failed", is_bulk=True
        )
    unit.announce(TasksChanged(job_id=job.uuid, status=TaskStatus.QUEUED, count=len(failed)))
    follow_job(unit, job.id)


def return_task(unit: Unit, task: StoredTask, *, reason: str) -> None:
    """Takes an active task from its worker, without calling that a failure."""
    job = jobs.by_id(unit.db, task.job_id)
    status = lifecycle.held_back(TaskStatus.QUEUED, job.status)
    add_log_line(unit, task, f"Task was {status} by the Manager: {reason}")
    change_task(unit, task, status, activity=reason)


def queue_later(unit: Unit, task: StoredTask, *, wait: timedelta, activity: str) -> None:
    """Queues an active task so that nobody gets it for a while; `release_expired` ends that."""
    job = jobs.by_id(unit.db, task.job_id)
    status = lifecycle.held_back(TaskStatus.QUEUED, job.status)
    until = unit.steady + wait if status is TaskStatus.QUEUED else None
    change_alone(unit, task, status, activity=activity, held_until=until)
    follow_job(unit, task.job_id)


def release(unit: Unit, task: StoredTask) -> None:
    """Ends the reservation of a task, so that anybody may have it."""
    job = jobs.by_id(unit.db, task.job_id)
    status = lifecycle.held_back(task.status, job.status)
    change_alone(unit, task, status, is_bulk=True)
    announce(unit, job, task, status)
    unit.audit("task.release", task.uuid, attempt=task.attempt)


def release_expired(unit: Unit) -> None:
    """Frees tasks whose time of being reserved, or held back, is over: at most `SWEEP_SIZE`."""
    for task in reservations.expired(unit.db, now=unit.steady, limit=SWEEP_SIZE):
        release(unit, task)


def add_log_line(unit: Unit, task: StoredTask, text: str) -> None:
    """Writes a line of the Manager's own into the log of the present attempt."""
    line = task_logs.dated(unit.now, text)
    append_log(unit, task, task.attempt, line)


def append_log(unit: Unit, task: StoredTask, attempt: int, text: str) -> None:
    """Adds text to the log of an attempt at a task."""
    appended = logs.append(unit.db, task.id, attempt, text)
    if appended is not None:
        unit.announce(
            TaskLogAppended(
                task_id=task.uuid, attempt=attempt, start=appended.start, text=appended.text
            )
        )


def _note(unit: Unit, actor: Actor, job: StoredJob, status: JobStatus, reason: str) -> None:
    unit.audit_by(
        actor, "job.status", job.uuid, status=status.value, before=job.status.value, reason=reason
    )


def _end_transition(unit: Unit, job: StoredJob, then: JobStatus) -> None:
    """All tasks fit; a pause goes on until its last active task is done."""
    status, reason = then, job.activity
    if job.status is JobStatus.PAUSE_REQUESTED:
        move = _next_move(unit, job)
        status, reason = (move.status, move.reason) if move else (job.status, job.activity)
    ready = jobs.set_status(
        unit.db,
        job,
        status,
        activity=reason,
        unsettled=False,
        requeue_everything=False,
        now=unit.now,
    )
    unit.announce_ready(ready)
    if status is not job.status:
        _note(unit, MANAGER, job, status, reason)
        unit.announce(JobChanged(job_id=job.uuid, status=status, previous_status=job.status))
    if status is JobStatus.QUEUED:
        follow_job(unit, job.id)
