"""What follows when a worker fails at a task."""

from __future__ import annotations

from flamenco_core.durations import format_duration
from flamenco_core.manager import transitions
from flamenco_core.manager.unit import Unit
from flamenco_core.rules.failure_classes import (
    FailureClass,
    FailurePolicy,
    classify,
    policy_after,
)
from flamenco_core.rules.failures import FailureLimits, after_failure
from flamenco_core.rules.lifecycle import held_back
from flamenco_core.statuses import SCHEDULABLE_JOB_STATUSES, JobStatus, TaskStatus
from flamenco_core.store import failures, jobs, logs, queues, tasks
from flamenco_core.store.tasks import StoredTask
from flamenco_core.store.workers import StoredWorker


def end_attempt(unit: Unit, worker: StoredWorker, task: StoredTask, *, activity: str) -> None:
    """Ends an attempt that its worker says has failed, as its log tells it to.

    `activity` is what the worker says of it, and the last line that is looked at.
    """
    tail = logs.tail(unit.db, task.id, task.attempt)
    found = classify(f"{tail}\n{activity}", unit.failure_classes)
    if found is None:
        fail(unit, worker, task, activity)
        return
    waited = failures.times_waited(unit.db, task, found.name)
    failures.classify_attempt(unit.db, task, found.name, sentence=found.sentence)
    activity = f"{found.sentence} ({activity})"
    match policy_after(found, waited):
        case FailurePolicy.WAIT:
            _wait(unit, task, found, waited, activity)
        case FailurePolicy.FATAL:
            text = f"Task failed ({found.name}), and would fail on any other worker"
            transitions.add_log_line(unit, task, text)
            transitions.change_task(unit, task, TaskStatus.FAILED, activity=activity)
        case FailurePolicy.TRY_ELSEWHERE:
            fail(unit, worker, task, activity)


def fail(unit: Unit, worker: StoredWorker, task: StoredTask, activity: str) -> None:
    """Ends an attempt as a failure of its worker, with all that follows from that."""
    failures.record(unit.db, task, worker.id, now=unit.now)
    config = unit.config
    decision = after_failure(
        failures.facts(unit.db, task, worker.id),
        FailureLimits(config.blocklist_threshold, config.task_fail_after_softfail_count),
    )
    transitions.add_log_line(unit, task, decision.explanation)
    if decision.block_worker:
        failures.block(unit.db, task, worker.id, now=unit.now)
        text = f"Worker {worker.name} failed too often and gets no more such tasks of this job"
        transitions.add_log_line(unit, task, text)
    job = jobs.by_id(unit.db, task.job_id)
    status = held_back(decision.task_status, job.status)
    transitions.change_task(unit, task, status, activity=activity)
    if decision.block_worker:
        _give_up_what_nobody_could_do(unit, task)


def _give_up_what_nobody_could_do(unit: Unit, task: StoredTask) -> None:
    """With a worker blocked, the job may have tasks left that no worker would ever get."""
    job = jobs.by_id(unit.db, task.job_id)
    if job.status not in SCHEDULABLE_JOB_STATUSES:
        return
    if not failures.workers_left(unit.db, task):
        task_type = queues.type_of(unit.db, task.task_class_id)
        reason = f"no worker is left that may run its {task_type} tasks"
        transitions.change_job(unit, job, JobStatus.FAILED, reason=reason)
        return
    give_up_stranded(unit, job.id)


def give_up_stranded(unit: Unit, job_id: int, *, even_if_nobody_may: bool = True) -> bool:
    """Fails tasks that wait for another worker where none is left; returns whether there were any.

    Unless `even_if_nobody_may`, those wait on that no worker may take at all, tried or not.
    Looks at `SWEEP_SIZE` of the job's tasks.
    """
    found = False
    for waiting in tasks.of_job(
        unit.db, job_id, TaskStatus.SOFT_FAILED, limit=transitions.SWEEP_SIZE
    ):
        # One that fails may have ended the job, and with it the others.
        present = tasks.by_id(unit.db, waiting.id)
        if present.status is not TaskStatus.SOFT_FAILED:
            continue
        is_anybodys = even_if_nobody_may or failures.workers_left(unit.db, present)
        if is_anybodys and not failures.workers_that_could_try(unit.db, present):
            found = True
            text = "no worker is left that could try it"
            transitions.change_task(unit, present, TaskStatus.FAILED, activity=text)
    return found


def _wait(unit: Unit, task: StoredTask, found: FailureClass, waited: int, activity: str) -> None:
    """Nobody's failure: the task goes back to the queue, and is held there for a while."""
    transitions.add_log_line(
        unit,
        task,
        f"Task waits for {format_duration(found.wait)} because of {found.name}, "
        f"time {waited + 1} of {found.times}",
    )
    transitions.queue_later(unit, task, wait=found.wait, activity=activity)
