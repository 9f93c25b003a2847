"""Sends workers to sleep and wakes them, as their schedules say.

A worker is asked at the boundaries of its schedule only, so that what a person asks of it in
between stands until the next one.
"""

from __future__ import annotations

from flamenco_core import sleep_schedule
from flamenco_core.events import WorkerScheduleChanged, WorkerStatusRequested
from flamenco_core.manager.unit import Unit
from flamenco_core.model import WorkerSleepSchedule
from flamenco_core.sleep_schedule import SleepSchedule
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import sleep_schedules, workers
from flamenco_core.store.workers import StoredWorker

PIECE_SIZE = 50
"""Schedules that are looked at in one transaction."""


def set_schedule(unit: Unit, worker_uuid: str, wire: WorkerSleepSchedule) -> None:
    """Gives a worker a schedule, which counts at once.

    Raises:
        InvalidInput: with everything that is wrong with the schedule.
    """
    schedule = sleep_schedule.parse_schedule(wire)
    worker = workers.by_uuid(unit.db, worker_uuid)
    next_check = sleep_schedule.next_check(schedule, unit.now, unit.zone)
    sleep_schedules.put(unit.db, worker.id, schedule, next_check=next_check)
    unit.audit(
        "worker.sleep-schedule",
        worker.uuid,
        is_active=wire.is_active,
        days=wire.days_of_week,
        start=wire.start_time,
        end=wire.end_time,
    )
    unit.announce(WorkerScheduleChanged(worker_id=worker.uuid))
    _apply(unit, worker, schedule)


def check(unit: Unit) -> bool:
    """Looks at some schedules that have reached a boundary; returns whether there may be more."""
    due = sleep_schedules.due(unit.db, unit.now, limit=PIECE_SIZE)
    for worker_id in due:
        schedule = sleep_schedules.of_worker(unit.db, worker_id)
        if schedule is None:
            continue
        next_check = sleep_schedule.next_check(schedule, unit.now, unit.zone)
        sleep_schedules.set_next_check(unit.db, worker_id, next_check)
        _apply(unit, workers.by_id(unit.db, worker_id), schedule)
    return len(due) == PIECE_SIZE


def foresee(unit: Unit, *, after: int) -> int:
    """Makes schedules due whose boundaries are others now: the zone or the clock was changed.

    Takes some schedules of workers with a key above `after`; returns the last key, 0 when done.
    """
    page = sleep_schedules.upcoming(unit.db, unit.now, after=after, limit=PIECE_SIZE)
    for worker_id, stored in page:
        schedule = sleep_schedules.of_worker(unit.db, worker_id)
        if schedule is not None:
            next_check = sleep_schedule.next_check(schedule, unit.now, unit.zone)
            if next_check != stored:
                sleep_schedules.set_next_check(unit.db, worker_id, unit.now)
    return page[-1][0] if page else 0


def scheduled_status(unit: Unit, worker_id: int) -> WorkerStatus | None:
    """What a worker's schedule says now; None if it has none that is active."""
    schedule = sleep_schedules.of_worker(unit.db, worker_id)
    if schedule is None:
        return None
    return sleep_schedule.scheduled_status(schedule, unit.now, unit.zone)


def _apply(unit: Unit, worker: StoredWorker, schedule: SleepSchedule) -> None:
    scheduled = sleep_schedule.scheduled_status(schedule, unit.now, unit.zone)
    if scheduled is None or not sleep_schedule.to_request(
        scheduled,
        status=worker.status,
        requested=worker.status_requested,
        is_lazy=worker.lazy_request,
    ):
        return
    is_there_already = scheduled is worker.status
    wanted = None if is_there_already else scheduled
    workers.ask(unit.db, worker, wanted, is_lazy=False, now=unit.now)
    unit.audit("worker.scheduled", worker.uuid, status=scheduled.value)
    unit.announce(WorkerStatusRequested(worker_id=worker.uuid, status=scheduled, is_lazy=False))
