"""Workers come and go: registration, sign-on, sign-off, and what is asked of them meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from flamenco_core.errors import one_problem
from flamenco_core.events import WorkerChanged, WorkerRegistered
from flamenco_core.manager import sleeping, stranding, transitions
from flamenco_core.manager.unit import Unit
from flamenco_core.manager.worker_variables import variables_of
from flamenco_core.model import (
    RegisteredWorker,
    WorkerAbilities,
    WorkerRegistration,
    WorkerSignOn,
    WorkerStateChange,
)
from flamenco_core.rules.timeouts import asked_of_lost_worker
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import queues, reservations, tasks, workers
from flamenco_core.store.worker_slots import StoredSlot
from flamenco_core.store.workers import StoredWorker

OFFERS = ("prefetch", "reports", "slots", "state-wait")
"""What this Manager offers to workers beyond Flamenco 3's protocol, by names of its own:
reservations, `reportTasks`, several slots, and `wait` on the question for the worker's status."""


def register(unit: Unit, registration: WorkerRegistration, *, address: str) -> RegisteredWorker:
    """Makes a new worker, offline until it signs on.

    One that has not heard the answer asks again with the same secret, and gets the same one.
    """
    name = registration.name.strip()
    types = normal_task_types(registration.supported_task_types)
    uuid = workers.registered_with(unit.db, name, registration.secret)
    if uuid is None:
        uuid = _add(unit, registration, types, address=address)
    else:
        workers.set_address(unit.db, uuid, address)
    return RegisteredWorker(
        uuid=uuid,
        name=name,
        address=address,
        status=WorkerStatus.OFFLINE,
        platform=registration.platform,
        software="",
        supported_task_types=types,
    )


def _add(unit: Unit, registration: WorkerRegistration, types: list[str], *, address: str) -> str:
    """Returns the UUID of the new worker."""
    uuid = unit.new_id()
    worker_id = workers.add(
        unit.db,
        uuid=uuid,
        name=registration.name.strip(),
        secret=registration.secret,
        address=address,
        platform=registration.platform,
        now=unit.now,
    )
    before = queues.worker_match(unit.db, worker_id)
    workers.set_abilities(unit.db, worker_id, task_types=types, capabilities={})
    stranding.reconsider_jobs(unit, worker_id, before)
    unit.audit("worker.register", uuid, name=registration.name, address=address)
    unit.announce(WorkerRegistered(worker_id=uuid))
    return uuid


def sign_on(
    unit: Unit, worker_uuid: str, sign_on: WorkerSignOn, *, address: str
) -> WorkerStateChange:
    """Stores what a worker says of itself and tells it which status to take."""
    worker = workers.by_uuid(unit.db, worker_uuid)
    workers.sign_on(
        unit.db,
        worker.id,
        name=sign_on.name.strip(),
        software=sign_on.software_version,
        address=address,
        can_restart=bool(sign_on.can_restart),
        now=unit.now,
        steady=unit.steady,
    )
    _store_abilities(unit, worker, sign_on)
    unit.audit("worker.sign-on", worker.uuid, version=sign_on.software_version, address=address)
    _announce(unit, worker, WorkerStatus.STARTING)
    wanted = worker.status_requested or sleeping.scheduled_status(unit, worker.id)
    change = WorkerStateChange(status_requested=wanted or WorkerStatus.AWAKE)
    if sign_on.slots is None:
        return change
    # A worker that names its slots knows more than Flamenco 3's protocol.
    known = variables_of(unit, workers.by_uuid(unit.db, worker_uuid)).values
    return replace(
        change,
        offers=list(OFFERS),
        blender=known.get("blender"),
        blender_args=known.get("blenderArgs"),
    )


def change_abilities(unit: Unit, worker_uuid: str, abilities: WorkerAbilities) -> None:
    """A worker has found out more about its machine, or runs other slots than before.

    Raises:
        InvalidInput: if two slots have the same number.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    _store_abilities(unit, worker, abilities)
    unit.audit("worker.abilities", worker.uuid)
    _announce(unit, worker, worker.status)


def _store_abilities(
    unit: Unit, worker: StoredWorker, said: WorkerSignOn | WorkerAbilities
) -> None:
    slots = said.slots or []
    numbers = [slot.slot for slot in slots]
    if len(set(numbers)) < len(numbers):
        raise one_problem("slots", "two of them have the same number")
    before = queues.worker_match(unit.db, worker.id)
    workers.set_abilities(
        unit.db,
        worker.id,
        task_types=normal_task_types(said.supported_task_types),
        capabilities=said.capabilities or {},
        slots=[
            StoredSlot(
                slot=slot.slot,
                name=slot.name,
                task_types=frozenset(normal_task_types(slot.task_types)),
                capabilities=slot.capabilities or {},
            )
            for slot in slots
        ],
    )
    # Who says nothing about slots may have any.
    _return_unfit_tasks(unit, worker, None if said.slots is None else numbers or [0])
    stranding.reconsider_jobs(unit, worker.id, before)


def sign_off(unit: Unit, worker_uuid: str) -> None:
    """The worker's program ends: its tasks go back, and it is asked to go on as it was."""
    worker = workers.by_uuid(unit.db, worker_uuid)
    requested, is_lazy = worker.status_requested, worker.lazy_request
    if requested in (WorkerStatus.OFFLINE, WorkerStatus.RESTART):
        requested, is_lazy = None, False
    elif requested is None and worker.status in (WorkerStatus.AWAKE, WorkerStatus.ASLEEP):
        # Where it slept for a reason of its own, nobody wants it to sleep.
        requested = WorkerStatus.AWAKE if worker.status_reason else worker.status
    workers.set_status(
        unit.db, worker, WorkerStatus.OFFLINE, requested=requested, is_lazy=is_lazy, now=unit.now
    )
    return_tasks(unit, worker, "worker signed off")
    unit.audit("worker.sign-off", worker.uuid)
    _announce(unit, worker, WorkerStatus.OFFLINE)


def state_changed(unit: Unit, worker_uuid: str, status: WorkerStatus, reason: str = "") -> None:
    """The worker has taken a status; what was asked of it is fulfilled if it is that one.

    With a `reason` it has done so by itself, which fulfils nothing.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    requested, is_lazy = worker.status_requested, worker.lazy_request
    if requested is status and not reason:
        requested, is_lazy = None, False
    elif requested is None and _slept_into_its_schedule(unit, worker, status):
        requested = WorkerStatus.ASLEEP
    workers.set_status(
        unit.db,
        worker,
        status,
        requested=requested,
        is_lazy=is_lazy,
        now=unit.now,
        reason=reason,
    )
    if status is not WorkerStatus.AWAKE:
        said = f": {reason}" if reason else ""
        return_tasks(unit, worker, f"worker {worker.name} became {status}{said}")
    unit.audit("worker.status", worker.uuid, status=status.value, reason=reason)
    _announce(unit, worker, status)


def _slept_into_its_schedule(unit: Unit, worker: StoredWorker, status: WorkerStatus) -> bool:
    """Whether a worker that slept by itself wakes up in a time when it should be asleep."""
    was_resting = worker.status is WorkerStatus.ASLEEP and worker.status_reason
    if not was_resting or status is not WorkerStatus.AWAKE:
        return False
    return sleeping.scheduled_status(unit, worker.id) is WorkerStatus.ASLEEP


def lose(unit: Unit, worker: StoredWorker, reason: str) -> None:
    """Nothing is heard of a worker any more: its tasks go back until it is found again."""
    requested, is_lazy = asked_of_lost_worker(
        worker.status, worker.status_requested, worker.lazy_request
    )
    workers.set_status(
        unit.db,
        worker,
        WorkerStatus.ERROR,
        requested=requested,
        is_lazy=is_lazy,
        now=unit.now,
        reason=reason,
        is_lost=True,
    )
    return_tasks(unit, worker, reason)
    unit.audit("worker.lose", worker.uuid, reason=reason)
    _announce(unit, worker, WorkerStatus.ERROR)


def found_again(unit: Unit, worker: StoredWorker) -> StoredWorker:
    """A worker asks for a task; if it was in error, it is awake by that.

    Also if it had reported the error itself: Flamenco 3's workers say no more than that.
    """
    if worker.status is not WorkerStatus.ERROR:
        return worker
    return _recover(unit, worker, WorkerStatus.AWAKE)


def poll(unit: Unit, worker_uuid: str) -> WorkerStatus | None:
    """What a worker is asked to become.

    One that was lost and is to sleep is asleep, and found again by that: only workers that sleep,
    or that have reported an error themselves, ask.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    if worker.is_lost and worker.status_requested is WorkerStatus.ASLEEP:
        worker = _recover(unit, worker, WorkerStatus.ASLEEP)
    return worker.status_requested


def normal_task_types(task_types: list[str]) -> list[str]:
    """Task types are compared without regard to case and surrounding blanks, on both sides."""
    return sorted({kind.strip().lower() for kind in task_types if kind.strip()})


def _recover(unit: Unit, worker: StoredWorker, status: WorkerStatus) -> StoredWorker:
    is_fulfilled = worker.status_requested is status
    workers.set_status(
        unit.db,
        worker,
        status,
        requested=None if is_fulfilled else worker.status_requested,
        is_lazy=False if is_fulfilled else worker.lazy_request,
        now=unit.now,
    )
    unit.audit("worker.recover", worker.uuid, status=status.value)
    _announce(unit, worker, status)
    return workers.by_uuid(unit.db, worker.uuid)


def return_tasks(unit: Unit, worker: StoredWorker, reason: str) -> None:
    """Takes all tasks from a worker, without calling that a failure."""
    for task in tasks.held_by_worker(unit.db, worker.id):
        transitions.return_task(unit, task, reason=reason)
    release_reserved(unit, worker)


def release_reserved(unit: Unit, worker: StoredWorker) -> None:
    """Gives back what is kept for slots of a worker and not begun."""
    for task in reservations.of_worker(unit.db, worker.id):
        transitions.release(unit, task)


def _return_unfit_tasks(unit: Unit, worker: StoredWorker, slots: Collection[int] | None) -> None:
    """A program that came back with other abilities will not ask for what it had before."""
    for task in tasks.held_by_worker(unit.db, worker.id):
        match = queues.worker_match(unit.db, worker.id, task.slot)
        is_gone = slots is not None and task.slot not in slots
        if is_gone or task.task_class_id not in match.task_classes:
            transitions.return_task(unit, task, reason="its worker takes no such tasks now")


def _announce(unit: Unit, worker: StoredWorker, status: WorkerStatus) -> None:
    unit.announce(
        WorkerChanged(worker_id=worker.uuid, status=status, previous_status=worker.status)
    )
