"""`Manager`: a farm, opened for writing. One method carries out one decision."""

from __future__ import annotations

from pathlib import Path

from flamenco_core import model
from flamenco_core.manager import backups, timeouts, upkeep
from flamenco_core.manager.account_care import AccountCare
from flamenco_core.manager.acting import Acting
from flamenco_core.manager.forecasting import Forecasting
from flamenco_core.manager.job_care import JobCare
from flamenco_core.manager.job_steering import JobSteering
from flamenco_core.manager.log_care import LogCare
from flamenco_core.manager.looking import Looking
from flamenco_core.manager.records import Records
from flamenco_core.manager.upkeep import Finding
from flamenco_core.manager.upstream_side import UpstreamSide
from flamenco_core.manager.worker_care import WorkerCare
from flamenco_core.manager.worker_side import WorkerSide
from flamenco_core.store import jobs
from flamenco_core.store.audit import MANAGER


class Manager(
    Acting,
    JobSteering,
    JobCare,
    WorkerCare,
    WorkerSide,
    Forecasting,
    AccountCare,
    UpstreamSide,
    Records,
    LogCare,
    Looking,
):
    """The engine of a farm: synchronous, for one thread, in a script or inside the service.

    What a method has returned is on disk. Every method that names a job, task or worker that
    does not exist raises `NotFound`.
    """

    def job_types(self) -> list[model.AvailableJobType]:
        """Those that can be used; raises `Unavailable` if their scripts cannot be run now."""
        return (self._compile_process() or self._job_types).available()

    def check_timeouts(self) -> bool:
        """Gives up on some workers and tasks of which nothing was heard for too long.

        Call it once a minute, and again at once when it returns that there is more to do. For
        the first minutes after the farm was opened it does nothing.
        """
        with self._unit(MANAGER) as unit:
            self._write_last_seen()
            return timeouts.check(unit, running_for=self._steady.running_for)

    def check(self, *, repair: bool = False, whole_file: bool = False) -> list[Finding]:
        """Recomputes what the farm keeps counted, and says what differs; empty if all is well.

        Reads all tasks, and with `whole_file` every page of the file, which takes long. With
        `repair` it also mends, and lets jobs become what their tasks then say.

        Raises:
            StorageError: if the file is too damaged to be read.
        """
        if repair:
            return upkeep.repair(self._db, lambda: self._unit(MANAGER), whole_file=whole_file)
        return upkeep.check(self._db, whole_file=whole_file)

    def backup(self, target: str | Path) -> None:
        """Copies the farm, as of the last commit, to a file that is complete or not there.

        It reads on a connection of its own, so that a program with other threads had better call
        `backups.back_up` in one of those. `verify_backup` looks whether the copy is good.

        Raises:
            StorageError: if the copy cannot be written, or `target` is something else already
                than a backup of this farm.
        """
        backups.back_up(self.file, Path(target))

    def _resume(self) -> None:
        """Ends what a crash cut off, and looks at the clock and the zone there are now."""
        self.foresee_sleep_schedules()
        self.note_upstream_link()
        while half_stored := jobs.half_stored(self._db, limit=10):
            for job_id in half_stored:
                self.drop_unfinished_job(job_id)
        while waiting := self.unsettled_jobs():
            for job_id in waiting:
                self.settle(job_id)
