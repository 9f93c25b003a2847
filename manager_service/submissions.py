"""Takes in jobs: compiles them in the helper process, and stores them in short steps.

A large job takes many transactions. Between them other requests are served, and until the last
one the job is under construction, which nobody gets work from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from flamenco_core.errors import InvalidInput, NotFound, Problem
from flamenco_core.job_types.compile_process import MAX_HELPERS, CompileProcess
from flamenco_core.manager.submission_keys import refuse_other
from manager_service.checkouts_in_hand import CheckoutsInHand
from manager_service.threads import Threads

if TYPE_CHECKING:
    from pathlib import Path

    from flamenco_core.job_types.compiled import CompiledJob
    from flamenco_core.manager import Actor
    from flamenco_core.model import SubmittedJob
    from flamenco_core.store.submission_keys import SubmissionKey
    from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _KeyedSubmission:
    """A submission with an idempotency key that goes on at this moment."""

    fingerprint: str
    task: asyncio.Task[str]


class Submissions:
    """Job types, and the way of a job from its submission to the database."""

    def __init__(self, farm: WriteThread, scripts: Path) -> None:
        """`scripts` is the folder of the farm's own job types."""
        self.compiler = CompileProcess([scripts])
        self.threads = Threads("compiling", MAX_HELPERS)
        self.checkouts = CheckoutsInHand()
        self._farm = farm
        self._storing: set[asyncio.Task[None]] = set()
        self._keyed: dict[str, _KeyedSubmission] = {}

    async def compile(self, submitted: SubmittedJob) -> CompiledJob:
        """Turns a submitted job into tasks; nothing is stored.

        Raises:
            InvalidInput: with all problems of the submission.
            WrongEtag: if the job type has changed since the submitter asked for it.
            Unavailable: if too many jobs are being compiled.
        """
        job_id, created = str(uuid4()), datetime.now(UTC)
        try:
            return await self.threads.run(lambda: self.compiler.compile(submitted, job_id, created))
        except NotFound as error:
            # What was posted to does exist: it is a value in the body that is wrong.
            problem = Problem("type", error.message)
            raise InvalidInput(error.message, problems=[problem, *error.problems]) from None

    async def submit(
        self, submitted: SubmittedJob, actor: Actor, *, key: SubmissionKey | None = None
    ) -> str:
        """Compiles and stores a job; returns its UUID once all of it is on disk.

        A job that was submitted with the same key before is not made again. If that is being
        done at this moment, both requests get the same answer. Raises what `compile` does, and
        `KeyUsedTwice` if the key came with another submission, and `Conflict` if the job's
        checkout is being erased.
        """
        if key is None:
            return await self._compile_and_store(submitted, actor)
        going_on = self._keyed.get(key.key)
        if going_on is None:
            task = asyncio.create_task(self._submit_once(submitted, actor, key))
            going_on = self._keyed[key.key] = _KeyedSubmission(key.fingerprint, task)
            task.add_done_callback(lambda _: self._forget(key))
        refuse_other(key, going_on.fingerprint)
        # A request that is cancelled must not take the other's answer with it.
        return await asyncio.shield(going_on.task)

    async def compile_again(self, job_id: str, actor: Actor) -> None:
        """Makes all tasks of a job anew, and queues it.

        Raises:
            Conflict: if it cannot be compiled again now.
            InvalidInput: if its job type does not take its settings (any more).
        """
        again = await self._farm.run(lambda manager: manager.resubmission(job_id))
        await self.store(await self.compile(again), actor, replaces=job_id)

    def _forget(self, key: SubmissionKey) -> None:
        """From now on the database knows the key, unless there is no job for it."""
        task = self._keyed.pop(key.key).task
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("The submission with the key %s failed: %s", key.key, error)

    async def _submit_once(self, submitted: SubmittedJob, actor: Actor, key: SubmissionKey) -> str:
        known = await self._farm.run(lambda manager: manager.known_submission(key))
        if known is not None:
            return known
        return await self._compile_and_store(submitted, actor, key)

    async def _compile_and_store(
        self, submitted: SubmittedJob, actor: Actor, key: SubmissionKey | None = None
    ) -> str:
        with self.checkouts.submitting(_checkout(submitted)):
            compiled = await self.compile(submitted)
            await self.store(compiled, actor, key=key)
        return compiled.id

    async def store(
        self,
        job: CompiledJob,
        actor: Actor,
        *,
        replaces: str | None = None,
        key: SubmissionKey | None = None,
    ) -> None:
        """Stores a job; when this returns, all of it is on disk.

        With `replaces` it takes the place of the job with that UUID; `key` is remembered for it.
        If the request is cancelled (its client has gone), the job is stored all the same.
        """
        storing = asyncio.create_task(self._store_with_checkout(job, actor, replaces, key))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        await asyncio.shield(storing)

    async def stop(self) -> None:
        """Lets what is being stored end, and stops compiling."""
        if self._storing:
            await asyncio.wait(self._storing)
        await asyncio.to_thread(self.compiler.close)  # lets go of what the threads wait for
        if self._keyed:
            await asyncio.wait([submission.task for submission in self._keyed.values()])
        await asyncio.to_thread(self.threads.close)

    async def _store_with_checkout(
        self, job: CompiledJob, actor: Actor, replaces: str | None, key: SubmissionKey | None
    ) -> None:
        """Goes on, with the job's checkout in hand, after whoever asked for it was cancelled."""
        with self.checkouts.submitting(_checkout(job)):
            await self._store(job, actor, replaces, key)

    async def _store(
        self, job: CompiledJob, actor: Actor, replaces: str | None, key: SubmissionKey | None
    ) -> None:
        steps = await self._farm.run(
            lambda manager: manager.storing(job, replaces=replaces, key=key, actor=actor)
        )
        try:
            # Finding the next step of a large job takes a while, too.
            while step := await self.threads.run(lambda: next(steps, None)):
                await self._take(step)
        except Exception:
            await self._drop(job.id)
            raise

    async def _take(self, step: Callable[[], None]) -> None:
        await self._farm.run(lambda _: step())

    async def _drop(self, job_id: str) -> None:
        try:
            await self._farm.run(lambda manager: manager.drop_unfinished_job(job_id))
        except NotFound:
            pass  # not even its first step was stored
        except Exception as error:  # noqa: BLE001 - it is the first failure that is told
            logger.warning("Job %s stays half stored until the next start: %s", job_id, error)


def _checkout(job: SubmittedJob | CompiledJob) -> str | None:
    return job.storage.shaman_checkout_id if job.storage is not None else None
