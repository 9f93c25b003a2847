"""Carries out what is asked for by the name of an action, as the tables of actions have it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from flamenco_core.errors import Conflict, one_problem
from flamenco_core.manager import people, removal, tagging
from flamenco_core.manager.jobs_at_hand import job_facts, refuse_job_action, task_facts
from flamenco_core.manager.unit import Unit
from flamenco_core.manager.worker_requests import worker_facts
from flamenco_core.model import JobPriorityChange, JobStatusChange, JobTagChange, TaskStatusChange
from flamenco_core.model.action_requests import JobActionRequest, TaskActionRequest
from flamenco_core.model.actions import JobAction, TaskAction, WorkerAction
from flamenco_core.rules import actions
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import jobs, tasks, workers

_STATUS_FOR = {
    JobAction.CANCEL: JobStatus.CANCEL_REQUESTED,
    JobAction.PAUSE: JobStatus.PAUSE_REQUESTED,
    JobAction.REQUEUE: JobStatus.REQUEUEING,
}
_TASK_STATUS_FOR = {
    TaskAction.CANCEL: TaskStatus.CANCELED,
    TaskAction.REQUEUE: TaskStatus.QUEUED,
}


def check_request(request: JobActionRequest) -> None:
    """Raises `InvalidInput` if a value is missing that the action needs."""
    if request.action is JobAction.SET_PRIORITY and request.priority is None:
        raise one_problem("priority", "is missing", "say which priority the job is to have")
    if request.action is JobAction.SET_OVERRIDES and request.rna_overrides is None:
        raise one_problem("rna_overrides", "is missing", "give the lines, or an empty list")


def job_refusal(db: sqlite3.Connection, job_uuid: str, action: JobAction) -> str:
    """Why an action is not possible for a job now, in few words; empty if it is."""
    return actions.job_refusal(action, job_facts(jobs.by_uuid(db, job_uuid)))


def task_refusal(db: sqlite3.Connection, task_uuid: str, action: TaskAction) -> str:
    """The same for a task."""
    task = tasks.by_uuid(db, task_uuid)
    return actions.task_refusal(action, task_facts(task, jobs.by_id(db, task.job_id)))


def worker_refusal(db: sqlite3.Connection, worker_uuid: str, action: WorkerAction) -> str:
    """The same for a worker."""
    return actions.worker_refusal(action, worker_facts(workers.by_uuid(db, worker_uuid)))


def act_on_job(unit: Unit, job_uuid: str, request: JobActionRequest) -> bool:
    """Does what is asked of a job, except compiling it again; returns whether some is left to do.

    Raises:
        Conflict: if that is not possible now.
        InvalidInput: if a value is missing that the action needs, or cannot be used.
    """
    check_request(request)
    refuse_job_action(jobs.by_uuid(unit.db, job_uuid), request.action)
    if request.action is JobAction.REQUEUE_FAILED:
        return people.requeue_failed_tasks(unit, job_uuid)
    _JOB_ACTIONS[request.action](unit, job_uuid, request)
    return False


def act_on_task(unit: Unit, task_uuid: str, request: TaskActionRequest) -> None:
    """Does what is asked of a task; raises `Conflict` if that is not possible now."""
    if refusal := task_refusal(unit.db, task_uuid, request.action):
        name = tasks.by_uuid(unit.db, task_uuid).name
        raise Conflict(f"The task {name!r} cannot be asked to {request.action}: {refusal}")
    change = TaskStatusChange(
        status=_TASK_STATUS_FOR[request.action],
        reason=_reason(request),
        with_dependants=request.with_dependants,
    )
    people.set_task_status(unit, task_uuid, change)


def _change_status(unit: Unit, job_uuid: str, request: JobActionRequest) -> None:
    change = JobStatusChange(status=_STATUS_FOR[request.action], reason=_reason(request))
    people.set_job_status(unit, job_uuid, change)


def _set_priority(unit: Unit, job_uuid: str, request: JobActionRequest) -> None:
    if request.priority is not None:
        people.set_job_priority(unit, job_uuid, JobPriorityChange(priority=request.priority))


_JOB_ACTIONS: Mapping[JobAction, Callable[[Unit, str, JobActionRequest], object]] = {
    JobAction.CANCEL: _change_status,
    JobAction.PAUSE: _change_status,
    JobAction.REQUEUE: _change_status,
    JobAction.ARCHIVE: lambda unit, job_uuid, _: removal.archive(unit, job_uuid),
    JobAction.DELETE: lambda unit, job_uuid, request: removal.delete(
        unit, job_uuid, leave_files=request.leave_files
    ),
    JobAction.SET_PRIORITY: _set_priority,
    JobAction.SET_TAG: lambda unit, job_uuid, request: tagging.set_job_tag(
        unit, job_uuid, JobTagChange(name=request.tag)
    ),
    JobAction.SET_OVERRIDES: lambda unit, job_uuid, request: people.set_rna_overrides(
        unit, job_uuid, request.rna_overrides or []
    ),
}


def _reason(request: JobActionRequest | TaskActionRequest) -> str:
    return request.reason or f"Somebody asked to {request.action}"
