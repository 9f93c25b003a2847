"""The part of `Manager` that makes jobs of submissions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from flamenco_core import model, wire
from flamenco_core.errors import CompileError, FlamencoError, NotFound, Problem
from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.manager import replacing, submission
from flamenco_core.manager.jobs_at_hand import refuse_job_action
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.manager.submission import JobStoring
from flamenco_core.manager.submission_keys import known_job, submission_key
from flamenco_core.rules.actions import JobAction
from flamenco_core.store import jobs, overrides
from flamenco_core.store.audit import MANAGER, Actor
from flamenco_core.store.submission_keys import SubmissionKey


class Submitting(OpenFarm):
    """Compiling jobs and storing them, for the first time or again."""

    def job(self, job_id: str) -> model.Job:
        return wire.from_json(self._reader.job(job_id), model.Job)

    def rna_overrides(self, job_id: str) -> list[str]:
        """The lines of Python that are carried out before each render of a job."""
        return overrides.of_job(self._db, jobs.by_uuid(self._db, job_id).id)

    def compile_job(self, submitted: model.SubmittedJob) -> CompiledJob:
        """Turns a submission into tasks; stores nothing.

        Raises:
            NotFound: if there is no such job type.
            WrongEtag: if the job type is not the one that the submitter knows.
            InvalidInput: if the submission or its settings do not fit, or the job type refuses
                them.
            CompileError: if the job type fails, takes too long or needs too much memory.
            Unavailable: if its process cannot be started.
        """
        submitted = submission.with_variables(wire.checked(submitted), self.config)
        job_id, created = self._new_id(), self._clock()
        process = self._compile_process()
        if process is not None:
            return process.compile(submitted, job_id, created)
        try:
            return compile_job(
                self._job_types, submitted, job_id=job_id, created=created, new_id=self._new_id
            )
        except MemoryError:
            problem = Problem("type", f"the job type “{submitted.type}” needed too much memory")
        raise CompileError("The job could not be compiled", problems=[problem])

    def submit_job(
        self,
        submitted: model.SubmittedJob,
        *,
        idempotency_key: str | None = None,
        actor: Actor = MANAGER,
    ) -> model.Job:
        """Compiles and stores a job, or returns the one that was submitted with this key before.

        Raises what `compile_job` does, and `Conflict` if the key came with something else then.
        """
        key = submission_key(idempotency_key, submitted) if idempotency_key else None
        known = self.known_submission(key) if key else None
        if known is not None:
            return self.job(known)
        compiled = self.compile_job(submitted)
        for step in self.storing(compiled, key=key, actor=actor):
            step()
        return self.job(compiled.id)

    def known_submission(self, key: SubmissionKey) -> str | None:
        """The UUID of the job that was submitted with a key, which may be deleted by now.

        Raises:
            KeyUsedTwice: if the key came with another submission.
        """
        return known_job(self._db, key, now=self._clock())

    def storing(
        self,
        compiled: CompiledJob,
        *,
        replaces: str | None = None,
        key: SubmissionKey | None = None,
        actor: Actor,
    ) -> Iterator[Callable[[], None]]:
        """The steps that store a compiled job, each a short transaction of its own.

        For whoever has other things to do between them; call each before taking the next. With
        `replaces`, the last one gives it the place and the UUID of that job, which is removed;
        it raises `Conflict` if that is not possible any more. With `key` it also remembers that
        this job was made for that one.
        """
        for step in JobStoring(compiled, replaces=replaces, key=key).steps():

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
