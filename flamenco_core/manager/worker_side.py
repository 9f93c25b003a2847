"""The part of `Manager` that workers call."""

from __future__ import annotations

from flamenco_core import model, wire
from flamenco_core.manager import hand_out, rendered_images, task_updates, worker_sessions
from flamenco_core.manager.hand_out import NoTask
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.manager.task_updates import UpdateAnswer
from flamenco_core.rules.scheduling import MustChangeStatus, NotAwake
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store.audit import MANAGER, Actor


class WorkerSide(OpenFarm):
    """Registration, sessions, hand-outs and reports."""

    def register_worker(
        self, registration: model.WorkerRegistration, *, address: str
    ) -> model.RegisteredWorker:
        """Makes a new worker; raises `InvalidInput` if it has no name, secret or platform."""
        with self._unit(MANAGER) as unit:
            return worker_sessions.register(unit, wire.checked(registration), address=address)

    def sign_on(
        self, worker_id: str, sign_on: model.WorkerSignOn, *, address: str
    ) -> model.WorkerStateChange:
        with self._unit(Actor.worker(worker_id)) as unit:
            return worker_sessions.sign_on(unit, worker_id, wire.checked(sign_on), address=address)

    def sign_off(self, worker_id: str) -> None:
        with self._unit(Actor.worker(worker_id)) as unit:
            worker_sessions.sign_off(unit, worker_id)

    def worker_state(self, worker_id: str) -> WorkerStatus | None:
        """The status that a worker is asked to take, if any; a sign of life too."""
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            return worker_sessions.poll(unit, worker_id)

    def worker_state_changed(
        self, worker_id: str, status: WorkerStatus, *, reason: str = ""
    ) -> None:
        """A worker has taken a status; with a `reason`, by itself."""
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            worker_sessions.state_changed(
                unit, worker_id, wire.from_json(status, WorkerStatus), reason
            )

    def worker_abilities_changed(self, worker_id: str, abilities: model.WorkerAbilities) -> None:
        """A worker has found out more about its machine, or has other slots now.

        Raises:
            InvalidInput: if two slots have the same number.
        """
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            worker_sessions.change_abilities(unit, worker_id, abilities)

    def report_tasks(
        self, worker_id: str, report: model.TaskReport
    ) -> tuple[
        list[UpdateAnswer], model.AssignedTask | NoTask | MustChangeStatus | NotAwake | None
    ]:
        """Takes in several updates, in their order, and hands out the next task if that is asked.

        Every update has an answer of its own; none keeps the others from being stored.
        """
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            together: task_updates.Together = set()
            answers = [
                task_updates.update_or_answer(
                    unit, worker_id, reported.task, reported.update, together
                )
                for reported in report.updates
            ]
            if report.request is None:
                return answers, None
            return answers, hand_out.next_task_if_awake(unit, worker_id, report.request)

    def next_task(
        self, worker_id: str, request: model.TaskRequest | None = None
    ) -> model.AssignedTask | NoTask | MustChangeStatus:
        """Hands out a task, or says why there is none.

        Raises:
            Conflict: if the worker is not awake.
        """
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            return hand_out.next_task(unit, worker_id, request or model.TaskRequest())

    def update_task(self, worker_id: str, task_id: str, update: model.TaskUpdate) -> UpdateAnswer:
        """Takes in what a worker says of a task; a late update is answered, not raised."""
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            return task_updates.update_task(unit, worker_id, task_id, update)

    def may_keep_running(self, worker_id: str, task_id: str) -> model.MayKeepRunning:
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            return task_updates.may_keep_running(unit, worker_id, task_id)

    def job_of_output(self, worker_id: str, task_id: str) -> str:
        """The UUID of the job that a worker's image of a task is for.

        Raises:
            Conflict: if the task is not the worker's (any more), or its job is being deleted.
        """
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            return rendered_images.job_of_output(unit, worker_id, task_id)

    def refuse_image(self, job_id: str) -> None:
        """Raises `Conflict` if a job is being deleted, so that no thumbnails may be written."""
        with self._unit(MANAGER) as unit:
            rendered_images.refuse_image(unit, job_id)

    def image_rendered(self, job_id: str) -> None:
        """A job has new thumbnails on disk (see `last_rendered`): it is the last that rendered.

        Raises:
            Conflict: if the job is being deleted.
        """
        with self._unit(MANAGER) as unit:
            rendered_images.remember(unit, job_id)
