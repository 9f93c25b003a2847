"""The part of `Manager` that tells what would happen, and why nothing does."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core import model
from flamenco_core.manager import forecast, job_plan
from flamenco_core.manager import why_not as reasons
from flamenco_core.manager.forecast import PlannedTask, WhyNot
from flamenco_core.manager.submitting import Submitting
from flamenco_core.model.forecast import FarmPlan, JobPlan, JobWhyNot
from flamenco_core.store import queues, workers
from flamenco_core.store.audit import MANAGER
from flamenco_core.store.queues import WorkerMatch

MOST_WORKERS = 1_000
"""Workers that `job_why_not` looks at in one call."""


class Forecasting(Submitting):
    """The scheduler's reasons, and what it would do next."""

    def worker_match(self, worker_id: str) -> WorkerMatch:
        """Which ready tasks concern a worker."""
        return queues.worker_match(self._db, workers.by_uuid(self._db, worker_id).id)

    def why_not(self, worker_id: str, job_id: str) -> list[WhyNot]:
        """For each kind of task of a job, what keeps a worker from getting one."""
        return forecast.why_not(self._db, worker_id, job_id)

    def job_why_not(self, job_id: str, *, after: str | None = None) -> JobWhyNot:
        """What keeps the farm's workers from a job: reasons, counted, and then for each worker.

        Give `next` of the answer as `after` for those that follow, if there are any.
        """
        return reasons.job_why_not(self._db, job_id, self.config, after=after, limit=MOST_WORKERS)

    def job_plan(self, job_id: str) -> JobPlan:
        """Who could work on a job, who would begin now, and how long it may take."""
        return job_plan.plan_of_stored(self._db, job_id)

    def plan_job(self, submitted: model.SubmittedJob) -> JobPlan:
        """What would become of a job if it were submitted now; nothing is stored.

        Raises what `compile_job` does.
        """
        return job_plan.plan_of_compiled(self._db, self.compile_job(submitted))

    def farm_plan(self) -> FarmPlan:
        """What all workers that have nothing to do would get now, one after the other."""
        return job_plan.farm_plan(self._db)

    def plan(self, worker_ids: Sequence[str]) -> list[PlannedTask]:
        """Which task each of these workers would get if they asked now, in this order.

        Nothing changes: the hand-outs are tried and taken back.
        """
        with self._trial(MANAGER) as unit:
            return forecast.plan(unit, worker_ids)
