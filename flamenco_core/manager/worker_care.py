"""The part of `Manager` with which people look after workers."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco_core import model, wire
from flamenco_core.manager import retention, sleeping, tagging, worker_requests
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.rules import actions
from flamenco_core.rules.actions import Choice, WorkerAction
from flamenco_core.sleep_schedule import format_schedule
from flamenco_core.store import sleep_schedules, workers
from flamenco_core.store.audit import MANAGER, Actor


class WorkerCare(OpenFarm):
    """What is asked of workers, their schedules and their tags."""

    def worker_actions(self, worker_id: str) -> list[Choice]:
        """What can be asked of a worker now, and why not the rest."""
        worker = workers.by_uuid(self._db, worker_id)
        return actions.worker_choices(worker_requests.worker_facts(worker))

    def ask_worker(
        self, worker_id: str, action: WorkerAction, *, is_lazy: bool = False, actor: Actor
    ) -> None:
        """Wakes a worker, sends it to sleep, and so on: lazily (after its task) or now.

        Raises:
            Conflict: if that is not possible now; `worker_actions` says what is.
            InvalidInput: if it is nothing that can be asked of workers.
        """
        with self._unit(actor) as unit:
            request = wire.checked(model.WorkerActionRequest(action=action, is_lazy=is_lazy))
            worker_requests.take_action(unit, worker_id, request.action, is_lazy=request.is_lazy)

    def request_worker_status(
        self, worker_id: str, request: model.WorkerStatusChangeRequest, *, actor: Actor
    ) -> None:
        """Asks for a status; asking for the one the worker has takes back what was asked.

        Raises:
            InvalidInput: if the status is none that can be asked for.
            Conflict: if the worker cannot take it now.
        """
        with self._unit(actor) as unit:
            worker_requests.request_status(unit, worker_id, wire.checked(request))

    def delete_worker(self, worker_id: str, *, actor: Actor) -> None:
        """Lets a worker go for good; its tasks are queued again."""
        with self._unit(actor) as unit:
            worker_requests.delete(unit, worker_id)

    def forget_old_workers(self) -> int:
        """Lets some workers go that were not seen for long, if the configuration says so.

        Call it from time to time, and again at once until it returns zero.
        """
        with self._unit(MANAGER) as unit:
            self._write_last_seen()
            return retention.forget_old_workers(unit, running_for=self._steady.running_for)

    def store_host_statistics(self, worker_id: str, samples: Sequence[model.HostSample]) -> None:
        """Takes in what a worker's machine was doing; a sign of life too, and not audited.

        Kept are one sample a second for an hour, and the means of each minute for thirty days.

        Raises:
            InvalidInput: if there are more than 1,000 samples.
        """
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            worker_requests.store_host_statistics(unit, worker_id, samples)

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
            sleeping.set_schedule(unit, worker_id, wire.checked(schedule))

    def check_sleep_schedules(self) -> bool:
        """Asks workers to sleep or wake whose schedule has reached a boundary.

        Call it once a minute, and again at once when it returns that there is more to do.
        """
        with self._unit(MANAGER) as unit:
            return sleeping.check(unit)

    def foresee_sleep_schedules(self) -> None:
        """Makes schedules due whose boundaries moved with the zone; done when a farm is opened."""
        with self._unit(MANAGER) as unit:
            last = sleeping.foresee(unit, after=0)
        while last:
            with self._unit(MANAGER) as unit:
                last = sleeping.foresee(unit, after=last)

    def create_tag(self, tag: model.WorkerTag, *, actor: Actor) -> model.WorkerTag:
        """Makes a worker tag, with the UUID that is given or a new one.

        Raises:
            InvalidInput: if the name or another field cannot be used.
            Conflict: if there is a tag of this name or UUID already.
        """
        with self._unit(actor) as unit:
            return tagging.create(unit, wire.checked(tag))

    def update_tag(self, tag_id: str, change: model.WorkerTag, *, actor: Actor) -> None:
        """Renames a tag, and describes it anew if the change has a description.

        Raises:
            InvalidInput: if the name or another field cannot be used.
            Conflict: if another tag has this name.
        """
        with self._unit(actor) as unit:
            tagging.update(unit, tag_id, wire.checked(change))

    def delete_tag(self, tag_id: str, *, actor: Actor) -> None:
        """Raises `Conflict` if there are jobs that would run on any worker without the tag."""
        with self._unit(actor) as unit:
            tagging.delete(unit, tag_id)

    def set_worker_tags(
        self, worker_id: str, change: model.WorkerTagChangeRequest, *, actor: Actor
    ) -> None:
        """Gives a worker these tags and no others; raises `InvalidInput` for unknown ones."""
        with self._unit(actor) as unit:
            tagging.set_worker_tags(unit, worker_id, wire.checked(change))

    def set_job_tag(self, job_id: str, change: model.JobTagChange, *, actor: Actor) -> None:
        """Lets a job run on workers with another tag only; without id and name, on any worker.

        Raises:
            InvalidInput: if there is no such tag.
            Conflict: if the job is archived, or being deleted.
        """
        with self._unit(actor) as unit:
            tagging.set_job_tag(unit, job_id, wire.checked(change))
