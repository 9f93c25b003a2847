"""The part of `Manager` with which people look after workers."""

from __future__ import annotations

from flamenco_core import model
from flamenco_core.manager import sleeping
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.sleep_schedule import format_schedule
from flamenco_core.store import sleep_schedules, workers
from flamenco_core.store.audit import MANAGER, Actor


class WorkerCare(OpenFarm):
    """Schedules of workers."""

    def sleep_schedule(self, worker_id: str) -> model.WorkerSleepSchedule | None:
        """When a worker is to sleep; None if it was never given a schedule."""
        worker = workers.by_uuid(self._db, worker_id)
        schedule = sleep_schedules.of_worker(self._db, worker.id)
        return None if schedule is None else format_schedule(schedule)

    def set_sleep_schedule(
        self, worker_id: str, schedule: model.WorkerSleepSchedule, *, actor: Actor
    ) -> None:
        """Gives a worker a schedule, which counts at once.

        Raises:
            InvalidInput: with everything that is wrong with the schedule.
        """
        with self._unit(actor) as unit:
            sleeping.set_schedule(unit, worker_id, schedule)

    def check_sleep_schedules(self) -> bool:
        """Asks workers to sleep or wake whose schedule has reached a boundary.

        Call it once a minute, and again at once when it returns that there is more to do.
        """
        with self._unit(MANAGER) as unit:
            return sleeping.check(unit)
