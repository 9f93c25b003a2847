"""The part of `Manager` that tells what would happen, and why nothing does."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core.manager import forecast
from flamenco_core.manager.forecast import PlannedTask, WhyNot
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.store import queues, workers
from flamenco_core.store.audit import MANAGER
from flamenco_core.store.queues import WorkerMatch


class Forecasting(OpenFarm):
    """The scheduler's reasons, and what it would do next."""

    def worker_match(self, worker_id: str) -> WorkerMatch:
        """Which ready tasks concern a worker."""
        return queues.worker_match(self._db, workers.by_uuid(self._db, worker_id).id)

    def why_not(self, worker_id: str, job_id: str) -> list[WhyNot]:
        """For each kind of task of a job, what keeps a worker from getting one."""
        return forecast.why_not(self._db, worker_id, job_id)

    def plan(self, worker_ids: Sequence[str]) -> list[PlannedTask]:
        """Which task each of these workers would get if they asked now, in this order.

        Nothing changes: the hand-outs are tried and taken back.
        """
        with self._trial(MANAGER) as unit:
            return forecast.plan(unit, worker_ids)
