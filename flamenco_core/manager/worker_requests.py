"""What people ask of workers, and how a worker is let go for good."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core.errors import Conflict, one_problem
from flamenco_core.events import WorkerDeleted, WorkerStatusRequested
from flamenco_core.manager import stranding, worker_sessions
from flamenco_core.manager.unit import Unit
from flamenco_core.model import HostSample, WorkerStatusChangeRequest
from flamenco_core.rules import actions
from flamenco_core.rules.actions import WorkerAction, WorkerFacts
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import host_statistics, queues, sleep_schedules, tags, workers
from flamenco_core.store.workers import StoredWorker


def worker_facts(worker: StoredWorker) -> WorkerFacts:
    return WorkerFacts(
        status=worker.status,
        status_requested=worker.status_requested,
        can_restart=worker.can_restart,
    )


def request_status(unit: Unit, worker_uuid: str, request: WorkerStatusChangeRequest) -> None:
    """Asks a worker to take a status; asking for the one it has takes back what was asked.

    Raises:
        InvalidInput: if the status is none that can be asked for.
        Conflict: if this worker cannot take it now.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    if request.status is worker.status:
        _store(unit, worker, None, is_lazy=False)
        return
    action = actions.action_for(request.status)
    if action is None:
        raise one_problem("status", f"a worker cannot be asked to become {request.status}")
    _refuse(worker, action)
    _store(unit, worker, request.status, is_lazy=request.is_lazy)


def take_action(unit: Unit, worker_uuid: str, action: WorkerAction, *, is_lazy: bool) -> None:
    """Asks a worker for something by its name, lazily (after its task) or now.

    Raises:
        Conflict: if that is not possible now.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    _refuse(worker, action)
    if action is WorkerAction.DELETE:
        delete(unit, worker_uuid)
    elif action is WorkerAction.WITHDRAW:
        _store(unit, worker, None, is_lazy=False)
    else:
        wanted = actions.STATUS_WANTED[action]
        _store(unit, worker, wanted, is_lazy=is_lazy or action is WorkerAction.PAUSE)


def delete(unit: Unit, worker_uuid: str) -> None:
    """Lets a worker go for good: its tasks go back, and its credentials count no more.

    What it did stays known by its name. Its program has to register anew to be a worker again.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    worker_sessions.return_tasks(unit, worker, f"worker {worker.name} is being deleted")
    before = queues.worker_match(unit.db, worker.id)
    tags.set_of_worker(unit.db, worker.id, [])
    sleep_schedules.drop(unit.db, worker.id)
    host_statistics.forget(unit.db, worker.id)
    workers.set_abilities(unit.db, worker.id, task_types=[], capabilities={})
    workers.delete(unit.db, worker, now=unit.now)
    unit.audit("worker.delete", worker.uuid, name=worker.name)
    unit.announce(WorkerDeleted(worker_id=worker.uuid))
    stranding.reconsider_jobs(unit, worker.id, before, is_deleted=True)


def store_host_statistics(unit: Unit, worker_uuid: str, samples: Sequence[HostSample]) -> None:
    """Adds to what is known of a worker's machine; raises `InvalidInput` for too many samples."""
    worker = workers.by_uuid(unit.db, worker_uuid)
    if len(samples) > host_statistics.SAMPLES_AT_ONCE:
        limit = host_statistics.SAMPLES_AT_ONCE
        raise one_problem("samples", f"there are {len(samples)}; at most {limit} can be stored")
    host_statistics.store(unit.db, worker.id, samples, now=unit.now)


def _refuse(worker: StoredWorker, action: WorkerAction) -> None:
    reason = actions.worker_refusal(action, worker_facts(worker))
    if reason:
        raise Conflict(f"Worker {worker.name} cannot be asked to {action}: {reason}")


def _store(unit: Unit, worker: StoredWorker, wanted: WorkerStatus | None, *, is_lazy: bool) -> None:
    """Stores what is asked of a worker, and tells it in case it waits for a task."""
    workers.ask(unit.db, worker, wanted, is_lazy=is_lazy, now=unit.now)
    if wanted is not None:
        # What it has not begun yet it shall not begin any more.
        worker_sessions.release_reserved(unit, worker)
    status = wanted or worker.status
    unit.audit("worker.request", worker.uuid, status=status.value, is_lazy=is_lazy)
    unit.announce(WorkerStatusRequested(worker_id=worker.uuid, status=status, is_lazy=is_lazy))
