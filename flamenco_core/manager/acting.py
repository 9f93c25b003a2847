"""The part of `Manager` that does what is asked for by the name of an action."""

from __future__ import annotations

from flamenco_core import wire
from flamenco_core.manager import named_actions
from flamenco_core.manager.submitting import Submitting
from flamenco_core.model.action_requests import JobActionRequest, TaskActionRequest
from flamenco_core.model.actions import JobAction, TaskAction, WorkerAction
from flamenco_core.store.audit import Actor


class Acting(Submitting):
    """Actions on jobs and tasks by their names; `ask_worker` is that for workers."""

    def act_on_job(self, job_id: str, request: JobActionRequest, *, actor: Actor) -> None:
        """Does what `job_actions` says is possible; `settle` goes on if it has many tasks.

        Raises:
            Conflict: if it is not possible now.
            InvalidInput: if a value is missing that the action needs, or cannot be used.
        """
        request = wire.checked(request)
        if request.action is JobAction.COMPILE_AGAIN:
            self.compile_again(job_id, actor=actor)
            return
        while self.act_on_some_of_job(job_id, request, actor=actor):
            pass

    def act_on_some_of_job(self, job_id: str, request: JobActionRequest, *, actor: Actor) -> bool:
        """Like `act_on_job`, a short transaction; returns whether it is to be called again.

        Compiles nothing again: that takes longer.
        """
        with self._unit(actor) as unit:
            return named_actions.act_on_job(unit, job_id, request)

    def job_refusal(self, job_id: str, action: JobAction) -> str:
        """Why an action is not possible for a job now, in few words; empty if it is."""
        return named_actions.job_refusal(self._db, job_id, action)

    def task_refusal(self, task_id: str, action: TaskAction) -> str:
        """The same for a task."""
        return named_actions.task_refusal(self._db, task_id, action)

    def worker_refusal(self, worker_id: str, action: WorkerAction) -> str:
        """The same for a worker."""
        return named_actions.worker_refusal(self._db, worker_id, action)

    def act_on_task(self, task_id: str, request: TaskActionRequest, *, actor: Actor) -> None:
        """Does what `task_actions` says is possible.

        Raises:
            Conflict: if it is not possible now.
            InvalidInput: if it is no request that could be made.
        """
        with self._unit(actor) as unit:
            named_actions.act_on_task(unit, task_id, wire.checked(request))
