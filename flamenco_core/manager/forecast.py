"""Explains and foretells hand-outs, without changing anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from flamenco_core.errors import Conflict
from flamenco_core.manager import hand_out
from flamenco_core.manager.unit import Unit
from flamenco_core.model import AssignedTask, HeldTask, TaskRequest
from flamenco_core.rules.eligibility import Reason, reasons_against
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import facts, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """What stands between a worker and the tasks of one type of a job."""

    task_type: str
    reasons: list[Reason]
    """Empty if the worker would get such a task when it asks and nothing goes before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """Where a task would go if the worker asked now, with what it has already in hand."""

    worker_id: str
    task: AssignedTask


def why_not(db: sqlite3.Connection, worker_uuid: str, job_uuid: str) -> list[WhyNot]:
    """For each kind of task of a job, why a worker does not get one. Raises `NotFound`."""
    worker_id, worker = facts.worker(db, worker_uuid)
    job_id, job = facts.job(db, job_uuid)
    return [
        WhyNot(task_type=task_class.task_type, reasons=reasons_against(worker, job, task_class))
        for task_class in facts.task_classes(db, job_id, worker_id)
    ]


def plan(unit: Unit, worker_uuids: Sequence[str]) -> list[PlannedTask]:
    """Hands a task to each worker in turn; for a transaction that is taken back afterwards."""
    planned: list[PlannedTask] = []
    for worker_uuid in worker_uuids:
        task = _next_for(unit, worker_uuid)
        if task is not None:
            planned.append(PlannedTask(worker_id=worker_uuid, task=task))
    return planned


def _next_for(unit: Unit, worker_uuid: str) -> AssignedTask | None:
    worker_id, worker = facts.worker(unit.db, worker_uuid)
    if worker.status is WorkerStatus.ERROR:
        return None  # asking would make it awake, and it does not ask
    holding = [
        HeldTask(task=task.uuid, attempt=task.attempt)
        for task in tasks.held_by_worker(unit.db, worker_id)
    ]
    try:
        answer = hand_out.next_task(unit, worker_uuid, TaskRequest(holding=holding))
    except Conflict:
        return None
    return answer if isinstance(answer, AssignedTask) else None
