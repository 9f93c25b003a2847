"""`Manager`: a farm, opened for writing. One method carries out one decision."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flamenco_core import model, wire
from flamenco_core.errors import FlamencoError, NotFound
from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.manager import (
    backups,
    forecast,
    hand_out,
    log_files,
    people,
    rendered_images,
    replacing,
    submission,
    task_updates,
    timeouts,
    transitions,
    upkeep,
    worker_sessions,
)
from flamenco_core.manager.forecast import PlannedTask, WhyNot
from flamenco_core.manager.hand_out import NoTask
from flamenco_core.manager.job_care import JobCare
from flamenco_core.manager.jobs_at_hand import job_facts, refuse_job_action, task_facts
from flamenco_core.manager.submission import JobStoring
from flamenco_core.manager.task_updates import UpdateAnswer
from flamenco_core.manager.upkeep import Finding
from flamenco_core.manager.worker_care import WorkerCare
from flamenco_core.rules import actions
from flamenco_core.rules.actions import Choice, JobAction
from flamenco_core.rules.scheduling import MustChangeStatus
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import jobs, overrides, queues, tasks, workers
from flamenco_core.store.audit import MANAGER, Actor
from flamenco_core.store.queues import WorkerMatch


class _TakenBackError(Exception):
    """Ends a unit of work of which nothing is to be kept."""


class Manager(JobCare, WorkerCare):
    """The engine of a farm: synchronous, for one thread, in a script or inside the service.

    What a method has returned is on disk. Every method that names a job, task or worker that
    does not exist raises `NotFound`.
    """

    def job(self, job_id: str) -> model.Job:
        return wire.from_json(self._reader.job(job_id), model.Job)

    def tasks(self, job_id: str) -> list[model.TaskSummary]:
        """The tasks of a job, in their order."""
        return [wire.from_json(task, model.TaskSummary) for task in self._reader.tasks(job_id)]

    def task_log(self, task_id: str) -> str:
        """The log of all attempts at a task."""
        return self._reader.task_log(task_id)

    def job_types(self) -> list[model.AvailableJobType]:
        return self._job_types.available()

    def compile_job(self, submitted: model.SubmittedJob) -> CompiledJob:
        """Turns a submission into tasks, in this process; stores nothing.

        Raises:
            NotFound: if there is no such job type.
            WrongEtag: if the job type is not the one that the submitter knows.
            InvalidInput: if settings do not fit, or the job type refuses them.
        """
        return compile_job(
            self._job_types,
            submission.with_variables(submitted, self.config),
            job_id=self._new_id(),
            created=self._clock(),
            new_id=self._new_id,
        )

    def submit_job(self, submitted: model.SubmittedJob, *, actor: Actor = MANAGER) -> model.Job:
        """Compiles and stores a job. Raises what `compile_job` does."""
        compiled = self.compile_job(submitted)
        for step in self.storing(compiled, actor=actor):
            step()
        return self.job(compiled.id)

    def storing(
        self, compiled: CompiledJob, *, replaces: str | None = None, actor: Actor
    ) -> Iterator[Callable[[], None]]:
        """The steps that store a compiled job, each a short transaction of its own.

        For whoever has other things to do between them; call each before taking the next. With
        `replaces`, the last one gives it the place and the UUID of that job, which is removed;
        it raises `Conflict` if that is not possible any more.
        """
        for step in JobStoring(compiled, replaces=replaces).steps():

            def run(step: submission.Step = step) -> None:
                with self._unit(actor) as unit:
                    step(unit)

            yield run

    def drop_unfinished_job(self, job_id: str) -> None:
        """Removes a job when one of its storing steps failed."""
        with self._unit(MANAGER) as unit:
            submission.drop_unfinished(unit, job_id)

    def resubmission(self, job_id: str) -> model.SubmittedJob:
        """What is to be compiled to make the tasks of a job anew.

        Raises:
            Conflict: if it cannot be compiled again now.
        """
        refuse_job_action(jobs.by_uuid(self._db, job_id), JobAction.COMPILE_AGAIN)
        return replacing.submission_of(self.job(job_id), self.rna_overrides(job_id))

    def compile_again(self, job_id: str, *, actor: Actor) -> None:
        """Queues a job from the start with new tasks, as its job type makes them now.

        Its logs of before stay with it; its attempts are counted anew.

        Raises:
            Conflict: if it cannot be compiled again now.
            InvalidInput: if the job type does not take its settings (any more).
        """
        compiled = self.compile_job(self.resubmission(job_id))
        try:
            for step in self.storing(compiled, replaces=job_id, actor=actor):
                step()
        except FlamencoError:
            with contextlib.suppress(NotFound):
                self.drop_unfinished_job(compiled.id)
            raise

    def set_job_status(self, job_id: str, change: model.JobStatusChange, *, actor: Actor) -> None:
        """Cancels, pauses or requeues a job. `settle` goes on if it has many tasks.

        Raises:
            Conflict: if the job's status does not allow that.
            InvalidInput: if it is to be compiled again without being queued again.
        """
        if change.compile_again:
            people.refuse_compiling_without_queueing(change)
            self.compile_again(job_id, actor=actor)
            return
        with self._unit(actor) as unit:
            people.set_job_status(unit, job_id, change)

    def set_job_priority(
        self, job_id: str, change: model.JobPriorityChange, *, actor: Actor
    ) -> None:
        with self._unit(actor) as unit:
            people.set_job_priority(unit, job_id, change)

    def rna_overrides(self, job_id: str) -> list[str]:
        """The lines of Python that are carried out before each render of a job."""
        return overrides.of_job(self._db, jobs.by_uuid(self._db, job_id).id)

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
            people.set_task_status(unit, task_id, change)

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

    def register_worker(
        self, registration: model.WorkerRegistration, *, address: str
    ) -> model.RegisteredWorker:
        with self._unit(MANAGER) as unit:
            return worker_sessions.register(unit, registration, address=address)

    def sign_on(
        self, worker_id: str, sign_on: model.WorkerSignOn, *, address: str
    ) -> model.WorkerStateChange:
        with self._unit(Actor.worker(worker_id)) as unit:
            return worker_sessions.sign_on(unit, worker_id, sign_on, address=address)

    def sign_off(self, worker_id: str) -> None:
        with self._unit(Actor.worker(worker_id)) as unit:
            worker_sessions.sign_off(unit, worker_id)

    def worker_state(self, worker_id: str) -> WorkerStatus | None:
        """The status that a worker is asked to take, if any; a sign of life too."""
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            return worker_sessions.poll(unit, worker_id)

    def worker_state_changed(self, worker_id: str, status: WorkerStatus) -> None:
        self.worker_seen(worker_id)
        with self._unit(Actor.worker(worker_id)) as unit:
            worker_sessions.state_changed(unit, worker_id, status)

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

    def check_timeouts(self) -> bool:
        """Gives up on some workers and tasks of which nothing was heard for too long.

        Call it once a minute, and again at once when it returns that there is more to do. For
        the first minutes after the farm was opened it does nothing.
        """
        with self._unit(MANAGER) as unit:
            self._write_last_seen()
            return timeouts.check(unit, running_for=self._steady.running_for)

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
        planned: list[PlannedTask] = []
        with contextlib.suppress(_TakenBackError), self._unit(MANAGER) as unit:
            planned = forecast.plan(unit, worker_ids)
            raise _TakenBackError
        return planned

    def check(self, *, repair: bool = False, whole_file: bool = False) -> list[Finding]:
        """Recomputes what the farm keeps counted, and says what differs; empty if all is well.

        Reads all tasks, and with `whole_file` every page of the file, which takes long. With
        `repair` it also mends, and lets jobs become what their tasks then say.

        Raises:
            StorageError: if the file is too damaged to be read.
        """
        if repair:
            return upkeep.repair(lambda: self._unit(MANAGER), whole_file=whole_file)
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

    def waiting_log_chunks(self, *, limit: int) -> list[log_files.WaitingChunk]:
        """Log text that is not in a file yet; see `log_files`."""
        return log_files.waiting(self._db, limit=limit)

    def drop_log_chunks(self, chunks: Sequence[log_files.WaitingChunk]) -> None:
        """Forgets log text that is on disk in its file."""
        with self.unit_of_work():
            log_files.drop(self._db, chunks)

    def _resume(self) -> None:
        """Ends what a crash cut off, and looks at the clock and the zone there are now."""
        self.foresee_sleep_schedules()
        while half_stored := jobs.half_stored(self._db, limit=10):
            for job_id in half_stored:
                self.drop_unfinished_job(job_id)
        while waiting := self.unsettled_jobs():
            for job_id in waiting:
                self.settle(job_id)
