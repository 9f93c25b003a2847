"""The part of `Manager` with which people steer jobs and tasks, and what follows from that."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core import model, wire
from flamenco_core.manager import block_lists, people, transitions
from flamenco_core.manager.jobs_at_hand import job_facts, task_facts
from flamenco_core.manager.submitting import Submitting
from flamenco_core.model.block_lists import JobBlocklistEntry, WorkerBlock
from flamenco_core.rules import actions
from flamenco_core.rules.actions import Choice
from flamenco_core.store import jobs, tasks
from flamenco_core.store.audit import MANAGER, Actor


class JobSteering(Submitting):
    """Cancelling, pausing, queueing again, and whatever else people ask of jobs that run."""

    def set_job_status(self, job_id: str, change: model.JobStatusChange, *, actor: Actor) -> None:
        """Cancels, pauses or requeues a job. `settle` goes on if it has many tasks.

        Raises:
            Conflict: if the job's status does not allow that.
            InvalidInput: if it is to be compiled again without being queued again.
        """
        change = wire.checked(change)
        if change.compile_again:
            people.refuse_compiling_without_queueing(change)
            self.compile_again(job_id, actor=actor)
            return
        with self._unit(actor) as unit:
            people.set_job_status(unit, job_id, change)

    def set_job_priority(
        self, job_id: str, change: model.JobPriorityChange, *, actor: Actor
    ) -> None:
        """Raises `InvalidInput` if that is no priority."""
        with self._unit(actor) as unit:
            people.set_job_priority(unit, job_id, wire.checked(change))

    def set_rna_overrides(self, job_id: str, lines: Sequence[str], *, actor: Actor) -> list[str]:
        """Replaces them, for all tasks handed out from now on; returns them as they are kept.

        Raises:
            InvalidInput: if they are no valid Python; the problem tells line and column.
        """
        with self._unit(actor) as unit:
            return people.set_rna_overrides(unit, job_id, lines)

    def set_task_status(
        self, task_id: str, change: model.TaskStatusChange, *, actor: Actor
    ) -> None:
        """Cancels a task, or queues it again together with what depends on it.

        Raises:
            Conflict: if the status of the task or of its job does not allow that.
        """
        with self._unit(actor) as unit:
            people.set_task_status(unit, task_id, wire.checked(change))

    def block_list(self, job_id: str) -> list[JobBlocklistEntry]:
        """Which workers get no more tasks of a type from a job, by their names."""
        return block_lists.of_job(self._db, job_id)

    def blocks_of_worker(self, worker_id: str) -> list[WorkerBlock]:
        """Which jobs give a worker no more tasks of a type, the newest jobs first."""
        return block_lists.of_worker(self._db, worker_id)

    def remove_from_block_list(
        self, job_id: str, entries: Sequence[JobBlocklistEntry], *, actor: Actor
    ) -> None:
        """Opens a job to workers again; entries that are not there are fine."""
        with self._unit(actor) as unit:
            block_lists.remove(unit, job_id, entries)

    def job_actions(self, job_id: str) -> list[Choice]:
        """What can be done with a job now, and why not the rest."""
        return actions.job_choices(job_facts(jobs.by_uuid(self._db, job_id)))

    def task_actions(self, task_id: str) -> list[Choice]:
        """What can be done with a task now, and why not the rest."""
        task = tasks.by_uuid(self._db, task_id)
        return actions.task_choices(task_facts(task, jobs.by_id(self._db, task.job_id)))

    def unsettled_jobs(self, *, limit: int = 10) -> list[str]:
        """Jobs whose tasks do not all fit the job's status yet; `settle` each."""
        return jobs.unsettled(self._db, limit=limit)

    def settle(self, job_id: str) -> None:
        """Changes some more tasks of a job that was cancelled, paused, requeued or failed."""
        with self._unit(MANAGER) as unit:
            transitions.settle(unit, job_id)

    def release_expired(self) -> None:
        """Frees tasks that were reserved and not started in time; no failure of anybody."""
        with self._unit(MANAGER) as unit:
            transitions.release_expired(unit)
