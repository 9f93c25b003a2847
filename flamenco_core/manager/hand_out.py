"""Gives a worker's slot its next task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flamenco_core.errors import Conflict
from flamenco_core.events import TaskProgressed
from flamenco_core.manager import task_changes, transitions, upstream_news, worker_sessions
from flamenco_core.manager.unit import Unit
from flamenco_core.manager.worker_variables import variables_of
from flamenco_core.model import AssignedTask, Command, TaskRequest
from flamenco_core.rna_overrides import with_overrides
from flamenco_core.rules import scheduling
from flamenco_core.rules.scheduling import MustChangeStatus, NotAwake
from flamenco_core.statuses import SCHEDULABLE_JOB_STATUSES, TaskStatus
from flamenco_core.store import jobs, queues, reservations, tasks, workers
from flamenco_core.store.jobs import StoredJob
from flamenco_core.store.queues import WorkerMatch
from flamenco_core.store.tasks import StoredTask
from flamenco_core.store.workers import StoredWorker


@dataclass(frozen=True, slots=True)
class NoTask:
    """There is nothing for this worker now; `match` says which ready tasks would change that."""

    match: WorkerMatch


def next_task(
    unit: Unit, worker_uuid: str, request: TaskRequest
) -> AssignedTask | NoTask | MustChangeStatus:
    """Decides and assigns.

    Raises:
        Conflict: if the worker is not awake.
    """
    answer = next_task_if_awake(unit, worker_uuid, request)
    if isinstance(answer, NotAwake):
        name = workers.by_uuid(unit.db, worker_uuid).name
        raise Conflict(f"Worker {name} is {answer.status}, and only gets tasks when awake")
    return answer


def next_task_if_awake(
    unit: Unit, worker_uuid: str, request: TaskRequest
) -> AssignedTask | NoTask | MustChangeStatus | NotAwake:
    """The same, with an answer instead of an exception."""
    worker = worker_sessions.found_again(unit, workers.by_uuid(unit.db, worker_uuid))
    answer = scheduling.gate(worker.status, worker.status_requested)
    if answer is not None:
        return answer
    of_slot = tasks.of_slot(unit.db, worker.id, request.slot)
    lost = _lost_task(unit, of_slot, request)
    if lost is not None:
        return _assigned(unit, worker, lost)
    reserved = next((task for task in of_slot if task.status is not TaskStatus.ACTIVE), None)
    if reserved is not None and request.prefetch:
        return _assigned(unit, worker, reserved)
    if reserved is not None and start_reserved(unit, worker, reserved):
        return _assigned(unit, worker, tasks.by_id(unit.db, reserved.id))
    match = queues.worker_match(unit.db, worker.id, request.slot)
    task = _pick(unit, worker, match)
    if task is None:
        return NoTask(match)
    hand_over = _reserve if request.prefetch else _assign
    return hand_over(unit, worker, task, request.slot)


def start_reserved(unit: Unit, worker: StoredWorker, task: StoredTask) -> bool:
    """Makes a reserved task its slot's; releases it and says False if it cannot run now."""
    if not reservations.start(unit.db, task, now=unit.now, steady=unit.steady):
        transitions.release(unit, task)
        return False
    job = jobs.by_id(unit.db, task.job_id)
    _announce_start(unit, worker, job, task, tasks.by_id(unit.db, task.id))
    return True


def _lost_task(
    unit: Unit, of_slot: Iterable[StoredTask], request: TaskRequest
) -> StoredTask | None:
    """A task that the slot has, and does not know it has: the answer was lost."""
    known = {(held.task, held.attempt) for held in request.holding}
    for task in of_slot:
        if task.status is TaskStatus.ACTIVE and (task.uuid, task.attempt) not in known:
            if jobs.by_id(unit.db, task.job_id).status in SCHEDULABLE_JOB_STATUSES:
                return task
            transitions.return_task(unit, task, reason="its worker does not know it")
    return None


def _pick(unit: Unit, worker: StoredWorker, match: WorkerMatch) -> StoredTask | None:
    job_id: int | None = None
    candidates: list[StoredTask] = []
    for job in queues.walk(unit.db, worker.id, match):
        if job_id is not None and job.job_id != job_id and candidates:
            break
        job_id = job.job_id
        first = tasks.first_ready(unit.db, worker.id, job)
        if first is not None:
            candidates.append(first)
    return scheduling.first_task(candidates)


def _assign(unit: Unit, worker: StoredWorker, task: StoredTask, slot: int) -> AssignedTask:
    assigned = tasks.assign(
        unit.db, task, worker_id=worker.id, slot=slot, now=unit.now, steady=unit.steady
    )
    if assigned is None:
        raise RuntimeError(f"task {task.uuid} was found ready and is not")
    job = jobs.by_id(unit.db, task.job_id)
    _announce_start(unit, worker, job, task, assigned)
    return _assigned_of(unit, worker, job, assigned)


def _reserve(unit: Unit, worker: StoredWorker, task: StoredTask, slot: int) -> AssignedTask:
    until = unit.steady + scheduling.RESERVATION
    attempt = reservations.reserve(
        unit.db, task, worker_id=worker.id, slot=slot, until=until, now=unit.now
    )
    unit.audit("task.reserve", task.uuid, worker=worker.uuid, slot=slot, attempt=attempt)
    unit.announce(TaskProgressed(task_id=task.uuid))
    return _assigned(unit, worker, tasks.by_id(unit.db, task.id))


def _announce_start(
    unit: Unit, worker: StoredWorker, job: StoredJob, before: StoredTask, task: StoredTask
) -> None:
    text = f"Task assigned to worker {worker.name} ({worker.uuid}), attempt {task.attempt}"
    transitions.add_log_line(unit, task, text)
    task_changes.announce(unit, job, before, task.status)
    upstream_news.note_status(unit, task, task.status, text)
    unit.audit("task.assign", task.uuid, worker=worker.uuid, slot=task.slot, attempt=task.attempt)
    transitions.follow_start(unit, job)


def _assigned(unit: Unit, worker: StoredWorker, task: StoredTask) -> AssignedTask:
    return _assigned_of(unit, worker, jobs.by_id(unit.db, task.job_id), task)


def _assigned_of(
    unit: Unit, worker: StoredWorker, job: StoredJob, task: StoredTask
) -> AssignedTask:
    variables = variables_of(unit, worker)
    recipe = tasks.recipe(unit.db, task.id)
    return AssignedTask(
        uuid=task.uuid,
        job=job.uuid,
        name=task.name,
        status=task.status,
        priority=task.priority,
        job_priority=job.priority,
        job_type=job.type,
        task_type=recipe.task_type,
        commands=[
            with_overrides(
                Command(
                    name=command["name"],
                    parameters=variables.expand(command["parameters"]),
                    total_step_count=command["total_step_count"],
                ),
                recipe.overrides,
            )
            for command in recipe.commands
        ],
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
        attempt=task.attempt,
        slot=task.slot,
    )
