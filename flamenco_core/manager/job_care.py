"""The part of `Manager` with which people put jobs away: archiving and deletion."""

from __future__ import annotations

from datetime import datetime

from flamenco_core import model
from flamenco_core.errors import Conflict, InvalidInput, StorageError
from flamenco_core.manager import file_work, people, removal, retention
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.shaman import ShamanStore
from flamenco_core.store import removal as stored_removal
from flamenco_core.store.audit import MANAGER, Actor
from flamenco_core.store.removal import Intent


class JobCare(OpenFarm):
    """Archiving, deletion, and queueing what failed again.

    What is decided here is carried out in pieces: by the service in the background, in a script
    by `finish_removals`.
    """

    def requeue_failed_tasks(self, job_id: str, *, actor: Actor) -> bool:
        """Queues some of a job's failed tasks again; returns whether there may be more.

        Raises:
            Conflict: if the job is not queued or active, or none of its tasks has failed.
        """
        with self._unit(actor) as unit:
            return people.requeue_failed_tasks(unit, job_id)

    def archive_job(self, job_id: str, *, actor: Actor) -> None:
        """Keeps what a job was and how it went, and drops what only running it needs.

        Raises:
            Conflict: if the job is not done or paused, or is put away already.
        """
        with self._unit(actor) as unit:
            removal.archive(unit, job_id)

    def delete_job(self, job_id: str, *, leave_files: bool = False, actor: Actor) -> None:
        """Stops a job and removes it with its logs and its checkout, but not what it rendered.

        Raises:
            Conflict: if the job is still being stored.
        """
        with self._unit(actor) as unit:
            removal.delete(unit, job_id, leave_files=leave_files)

    def what_deletion_would_do(self, job_id: str) -> model.JobDeletionInfo:
        """What deleting a job removes, and what it leaves."""
        return removal.what_deletion_would_do(self._db, self.config, job_id)

    def delete_finished_jobs(self, last_updated: datetime, *, actor: Actor) -> int:
        """Deletes some of the jobs that are done and have not changed since; says how many.

        Call it until it returns 0. The time is rounded up to a whole second.
        """
        with self._unit(actor) as unit:
            return removal.delete_finished(unit, removal.until_whole_second(last_updated))

    def finished_jobs(self, last_updated: datetime, *, limit: int) -> list[str]:
        """The jobs that `delete_finished_jobs` would delete, those longest unchanged first."""
        until = removal.until_whole_second(last_updated)
        return stored_removal.finished_before(self._db, until, limit=limit)

    def old_jobs(self, *, limit: int) -> list[str]:
        """The jobs that `delete_old_jobs` would delete, those that were done first before others.

        None unless the configuration has a `job_retention`.
        """
        with self._unit(MANAGER) as unit:
            return retention.old_jobs(unit, limit=limit)

    def delete_old_jobs(self) -> int:
        """Deletes some of the jobs that are done for longer than `job_retention`; says how many.

        Call it until it returns 0. In the first minutes after the farm was opened it does nothing.
        """
        with self._unit(MANAGER) as unit:
            return retention.delete_old_jobs(unit, running_for=self._steady.running_for)

    def archive_old_jobs(self) -> int:
        """Archives some jobs that were done long ago, if the configuration says so.

        Call it from time to time, and again at once until it returns zero.
        """
        with self._unit(MANAGER) as unit:
            return retention.archive_old_jobs(unit, running_for=self._steady.running_for)

    def removals(self, *, limit: int = 10) -> list[int]:
        """Ids of what is to be done in the database for archived and deleted jobs."""
        found = stored_removal.open_intents(self._db, on_files=False, limit=limit)
        return [intent.id for intent in found]

    def go_on_removing(self, removal_id: int) -> None:
        """Does the next piece of one of `removals`."""
        with self._unit(MANAGER) as unit:
            removal.go_on(unit, removal_id)

    def file_work(self, *, limit: int, after: int = 0) -> list[Intent]:
        """Files of deleted jobs that are to be erased, from the id after `after` on."""
        return stored_removal.open_intents(self._db, on_files=True, limit=limit, after=after)

    def file_work_done(self, work: Intent) -> None:
        with self._unit(MANAGER) as unit:
            removal.file_work_done(unit, work)

    def file_work_failed(self, work: Intent, error: Exception) -> bool:
        """Returns whether it is left to a person now; else it is to be tried again later."""
        with self._unit(MANAGER) as unit:
            return removal.file_work_failed(
                unit, work, str(error), is_final=file_work.is_final(error)
            )

    def finish_removals(self) -> None:
        """Carries out all that is left of archiving and deleting jobs, in this thread."""
        while removals := self.removals():
            for removal_id in removals:
                self.go_on_removing(removal_id)
        config, after = self.config, 0
        shaman = (
            ShamanStore(config.file_store, config.job_storage) if config.shaman_enabled else None
        )
        while works := self.file_work(limit=100, after=after):
            for work in works:
                after = work.id
                try:
                    file_work.carry_out(work, log_storage=config.local_storage, shaman=shaman)
                except (StorageError, Conflict, InvalidInput) as error:
                    self.file_work_failed(work, error)
                else:
                    self.file_work_done(work)
