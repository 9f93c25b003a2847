"""Takes in jobs: compiles them in the helper process, and stores them in short steps.

A large job takes many transactions. Between them other requests are served, and until the last
one the job is under construction, which nobody gets work from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from flamenco_core.errors import FlamencoError, InvalidInput, NotFound, Problem
from flamenco_core.job_types.compile_process import MAX_HELPERS, CompileProcess
from manager_service.threads import Threads

if TYPE_CHECKING:
    from pathlib import Path

    from flamenco_core.job_types.compiled import CompiledJob
    from flamenco_core.manager import Actor
    from flamenco_core.model import SubmittedJob
    from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)


class Submissions:
    """Job types, and the way of a job from its submission to the database."""

    def __init__(self, farm: WriteThread, scripts: Path) -> None:
        """`scripts` is the folder of the farm's own job types."""
        self.compiler = CompileProcess([scripts])
        self.threads = Threads("compiling", MAX_HELPERS)
        self._farm = farm
        self._storing: set[asyncio.Task[None]] = set()

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

    async def store(self, job: CompiledJob, actor: Actor, *, replaces: str | None = None) -> None:
        """Stores a job; when this returns, all of it is on disk.

        With `replaces` it takes the place of the job with that UUID. If the request is cancelled
        (its client has gone), the job is stored all the same.
        """
        storing = asyncio.create_task(self._store(job, actor, replaces))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)
        await asyncio.shield(storing)

    async def stop(self) -> None:
        """Lets what is being stored end, and stops compiling."""
        if self._storing:
            await asyncio.wait(self._storing)
        await asyncio.to_thread(self.compiler.close)  # lets go of what the threads wait for
        await asyncio.to_thread(self.threads.close)

    async def _store(self, job: CompiledJob, actor: Actor, replaces: str | None) -> None:
        steps = await self._farm.run(
            lambda manager: manager.storing(job, replaces=replaces, actor=actor)
        )
        try:
            # Finding the next step of a large job takes a while, too.
            while step := await self.threads.run(lambda: next(steps, None)):
                await self._take(step)
        except FlamencoError:
            await self._drop(job.id)
            raise

    async def _take(self, step: Callable[[], None]) -> None:
        await self._farm.run(lambda _: step())

    async def _drop(self, job_id: str) -> None:
        try:
            await self._farm.run(lambda manager: manager.drop_unfinished_job(job_id))
        except NotFound:
            pass  # not even its first step was stored
        except FlamencoError as error:
            logger.warning("Job %s stays half stored until the next start: %s", job_id, error)
