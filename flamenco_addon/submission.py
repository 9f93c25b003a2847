"""One submission on its way: looked at, saved as a copy, packed, and made into jobs.

`Submission.steps` is all of it, read from top to bottom. It runs on Blender's main thread; what
takes time is yielded as a function for another thread, and `BREATHER` stands between pieces of what
only the main thread can do. `submission_drivers` carries it out, in the background of a window or
at once for a script.

The artist's file is only read: changes that are not saved go along in a copy elsewhere. Each job
has a key that makes one job of it however often it is sent, so that a Manager which dies in the
middle can be asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from flamenco_core.client import ManagerClient, ManagerUnreachable
from flamenco_core.client.credentials_file import found_token
from flamenco_core.errors import FlamencoError
from flamenco_core.model import Job, JobStorageInfo, SubmittedJob
from flamenco_core.model.forecast import JobPlan
from flamenco_core.packing import PackOutcome, PackRequest, PackRun
from flamenco_core.packing.pack_request import FailureKind, PackFailure

from . import connection, packing_process, projects
from .job_planning import BLENDFILE, PlannedJob
from .language import tr
from .monitor.manager_sentences import said, said_all
from .preflight import checking, file_checks, findings, gathering
from .preflight.facts import CacheFacts, FileFacts
from .sent_copy import save_copy
from .submission_looking import Looked, look

log = logging.getLogger(__name__)

TIMEOUT = timedelta(seconds=60)
"""For each request: compiling a large job takes the Manager some seconds."""

_LOOKS_AT_PACKING = timedelta(seconds=0.2)
_REDRAW = timedelta(seconds=0.15)
"""What Blender gets to draw what is announced before it is busy."""


class Stage(StrEnum):
    CHECKING = "checking"
    ASKING = "asking"
    """Warnings wait for the artist's decision."""
    SAVING = "saving"
    PACKING = "packing"
    SUBMITTING = "submitting"
    DONE = "done"
    STOPPED = "stopped"
    """Pre-flight found errors."""
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset({Stage.DONE, Stage.STOPPED, Stage.FAILED, Stage.CANCELLED})


@dataclass(frozen=True, slots=True)
class AskArtist:
    """Yielded when warnings are to be decided on: send True to go on."""

    warnings: tuple[findings.Finding, ...]


class Breather(Enum):
    """Yielded where Blender may go on first."""

    BREATHER = "breather"


BREATHER = Breather.BREATHER

OffThread = Callable[[], Any]
Steps = Generator["OffThread | AskArtist | Breather", Any, None]

_FILES_AT_ONCE = 25
"""In one piece of work on the main thread: a fraction of a millisecond."""


class Cancelled(FlamencoError):
    """The artist wants no job after all."""

    def __init__(self) -> None:
        super().__init__("the submission was cancelled")


class Submission:
    """What happens between a press of Submit and the jobs on the farm."""

    def __init__(
        self, jobs: list[PlannedJob], *, dry_run: bool = False, always_copies: bool = False
    ) -> None:
        """With `always_copies` what is open is sent even if Blender takes it for saved, as it does
        after changes that a script made.
        """
        self.planned = jobs
        self.always_copies = always_copies
        self.dry_run = dry_run
        self.stage = Stage.CHECKING
        self.findings: list[findings.Finding] = []
        self.message = ""
        """For people: how it ended, or what it waits for."""
        self.jobs: list[Job] = []
        """Those that are on the farm."""
        self.plans: tuple[JobPlan, ...] = ()
        """Of a dry run: what would become of each job."""
        self.pack_run: PackRun | None = None
        self.outcome: PackOutcome | None = None
        self.can_try_again = False
        """Whether the jobs may be sent once more, without a danger of having them twice."""
        self._url = connection.current().url
        self._token = ""
        self._client: ManagerClient | None = None
        self._is_cancelled = False

    @property
    def is_over(self) -> bool:
        return self.stage in ENDS

    @property
    def is_hopeless(self) -> bool:
        """Whether nobody on the farm could do all of it, as far as a dry run tells."""
        return any(plan.missing_task_types or not plan.able_workers for plan in self.plans)

    @property
    def name(self) -> str:
        """Of its jobs, in quotes."""
        first = tr("“{name}”").format(name=self.planned[0].job.name)
        others = len(self.planned) - 1
        return tr("{name} and {count} more").format(name=first, count=others) if others else first

    def cancel(self) -> None:
        """Returns at once; `is_over` says when everything is taken back.

        A job that is being sent is waited for, since only its answer says what to take back.
        """
        self._is_cancelled = True
        if self.pack_run is not None:
            self.pack_run.cancel()
        if self._client is not None and self.stage is Stage.CHECKING:
            self._client.abort()

    def steps(self) -> Steps:
        """Everything; ends in one of `ENDS` and raises nothing."""
        try:
            yield from self._carry_out()
        except Cancelled:
            yield from self._take_back()
            self.stage = Stage.CANCELLED
            self.message = tr("Cancelled; nothing was left on the farm.")
        except FlamencoError as error:
            yield from self._end_with(error)
        except Exception as error:  # a mistake of ours must not leave the panel waiting
            log.exception("The submission failed")
            yield from self._end_with(FlamencoError(f"{type(error).__name__}: {error}"))

    def _end_with(self, error: FlamencoError) -> Steps:
        if self._is_cancelled and self.stage is Stage.SUBMITTING:
            text = tr("Cancelled, but the Manager may have the job: {reason}")
            self.stage, self.message = Stage.FAILED, text.format(reason=said(str(error)))
        elif self._is_cancelled:
            yield from self._take_back()
            self.stage, self.message = Stage.CANCELLED, tr("Cancelled.")
        else:
            if not self.can_try_again:
                yield from self._discard_pack()
            self.stage, self.message = Stage.FAILED, said(str(error))

    def try_again(self) -> Steps:
        """Sends the jobs once more, with the keys that they had."""
        self.can_try_again = False
        try:
            yield from self._submit()
        except FlamencoError as error:
            self.stage, self.message = Stage.FAILED, said(str(error))

    def _carry_out(self) -> Steps:
        yield from self._check()
        if self.is_over:
            return
        warnings = tuple(findings.warnings(self.findings))
        if warnings:
            self.stage, self.message = Stage.ASKING, tr("Warnings wait for your decision")
            if not (yield AskArtist(warnings)):
                raise Cancelled
        if self._sends_file:
            yield BREATHER
            self._check_cancelled()
            yield from self._pack()
        if not self.is_over:
            yield from self._submit()

    def _check(self) -> Steps:
        self.stage, self.message = Stage.CHECKING, tr("Looking at the scene")
        yield BREATHER
        caches = self._caches() if self._sends_file else ()
        yield BREATHER
        files = (yield from self._files()) if self._sends_file else ()
        self._check_cancelled()
        file = bpy.data.filepath
        project: Path | None = (yield projects.search(Path(file))) if file else None
        facts = self._gather(caches, project)
        yield BREATHER
        first = checking.find(facts)
        # What is wrong here already is not shown to the Manager, who would only say it again.
        asks = not findings.errors(first)
        looked: Looked = yield lambda: look(
            self.planned, files, self._new_client if asks else None, is_dry_run=self.dry_run
        )
        self._check_cancelled()
        self.plans = looked.plans
        if looked.is_outdated:
            connection.refresh()
        yield BREATHER
        self.findings = checking.find(self._with(facts, looked))
        bad = findings.errors(self.findings)
        if bad:
            self._stop(bad)
        elif self.dry_run:
            self.stage = Stage.DONE
            forecasts = " ".join(said_all(plan.summary) for plan in self.plans)
            self.message = forecasts or tr("The Manager would take this.")

    @property
    def _sends_file(self) -> bool:
        return any(job.has_blend for job in self.planned)

    def _caches(self) -> tuple[CacheFacts, ...]:
        names = dict.fromkeys(job.variant.scene for job in self.planned)
        scenes = [bpy.data.scenes[name] for name in names if name in bpy.data.scenes]
        return tuple(cache for scene in scenes for cache in gathering.gather_caches(scene))

    @staticmethod
    def _files() -> Generator[Breather, None, tuple[FileFacts, ...]]:
        """Thousands of files take Blender's main thread some milliseconds, so not all at once."""
        found: list[FileFacts] = []
        for file in gathering.gather_files():
            found.append(file)
            if len(found) % _FILES_AT_ONCE == 0:
                yield BREATHER
        return tuple(found)

    def _gather(self, caches: tuple[CacheFacts, ...], project: Path | None) -> checking.Facts:
        return checking.Facts(
            session=gathering.gather_session(),
            farm=gathering.gather_farm(),
            jobs=tuple(job.facts for job in self.planned),
            caches=caches,
            project=project,
        )

    @staticmethod
    def _with(facts: checking.Facts, looked: Looked) -> checking.Facts:
        farm = facts.farm
        if looked.unreachable:
            farm = replace(farm, is_connected=False, sentence=looked.unreachable)
        jobs = facts.jobs
        if looked.problems:
            jobs = tuple(
                replace(job, problems=(*job.problems, *problems))
                for job, problems in zip(jobs, looked.problems, strict=True)
            )
        return replace(facts, farm=farm, jobs=jobs, missing=looked.missing)

    def _pack(self) -> Steps:
        request = PackRequest(
            blend=Path(bpy.data.filepath),
            job_name=self.planned[0].job.name,
            manager_url=self._url,
            token=found_token(self._url) or "",
            project=projects.project_of(Path(bpy.data.filepath)),
        )
        if bpy.data.is_dirty or self.always_copies:
            self.stage, self.message = Stage.SAVING, tr("Saving a copy for the farm")
            yield _wait
            self._check_cancelled()
            copy = save_copy()
            request = replace(
                request, blend=copy, stands_for=request.blend, blend_is_temporary=True
            )
        self.stage, self.message = Stage.PACKING, tr("Looking for files")
        run = self.pack_run = packing_process.start(request)
        while not run.is_over:
            yield lambda: run.wait(_LOOKS_AT_PACKING.total_seconds())
        if run.failure is not None:
            self._take_failure(run.failure)
            return
        self.outcome = run.outcome
        self._check_cancelled()
        if run.is_cancelled or run.outcome is None:
            raise Cancelled

    def _take_failure(self, failure: PackFailure) -> None:
        """Missing files that only packing has found, in linked files above all, are findings, too.

        Raises `FlamencoError` for everything else.
        """
        if failure.kind is not FailureKind.MISSING_FILES:
            raise FlamencoError(failure.message, problems=failure.problems)
        self.findings = findings.by_severity(
            [*self.findings, *file_checks.packing_findings(failure.problems)]
        )
        self._stop(findings.errors(self.findings))

    def _stop(self, bad: list[findings.Finding]) -> None:
        self.stage = Stage.STOPPED
        several = tr("{count} things stop the job").format(count=len(bad))
        self.message = str(bad[0]) if len(bad) == 1 else several

    def _submit(self) -> Steps:
        self.stage = Stage.SUBMITTING
        self.message = tr("Submitting {name}").format(name=self.name)
        for planned in self.planned[len(self.jobs) :]:
            send = partial(self._send, self._with_delivery(planned), planned.key)
            try:
                self.jobs.append((yield send))
            except ManagerUnreachable:
                # The Manager may have the job without our knowing. Nothing is taken back, and
                # the same key finds out.
                self.can_try_again = not self._is_cancelled
                raise
            self._check_cancelled()
        self.stage = Stage.DONE
        count = len(self.jobs)
        text = tr("Submitted {name}") if count == 1 else tr("Submitted {count} jobs: {name}")
        self.message = text.format(name=self.name, count=count)

    def _with_delivery(self, planned: PlannedJob) -> SubmittedJob:
        outcome = self.outcome
        if outcome is None or not planned.has_blend:
            return planned.job
        checkout = outcome.shaman_checkout_id
        return replace(
            planned.job,
            settings={**planned.job.settings, BLENDFILE: outcome.blendfile},
            storage=JobStorageInfo(shaman_checkout_id=checkout) if checkout else None,
        )

    def _send(self, job: SubmittedJob, key: str) -> Job:
        with self._new_client() as client:
            return client.submit_job(job, idempotency_key=key)

    def _new_client(self) -> ManagerClient:
        self._client = ManagerClient(self._url, timeout=TIMEOUT)
        return self._client

    def _check_cancelled(self) -> None:
        if self._is_cancelled:
            raise Cancelled

    def _take_back(self) -> Steps:
        """Removes jobs that are on the farm already, and then what was sent for them."""
        jobs, self.jobs = self.jobs, []
        if jobs:
            yield lambda: self._delete(jobs)
        else:
            yield from self._discard_pack()

    def _delete(self, jobs: list[Job]) -> None:
        try:
            with self._new_client() as client:
                for job in jobs:
                    client.delete_job(job.id)
        except FlamencoError:
            self.jobs = jobs

    def _discard_pack(self) -> Steps:
        outcome, self.outcome = self.outcome, None
        if outcome is not None and not self.jobs:
            token = found_token(self._url) or ""

            def discard() -> None:
                try:
                    packing_process.discard(outcome, self._url, token)
                except FlamencoError:
                    return  # the Manager collects what no job uses

            yield discard


def _wait() -> None:
    import time

    time.sleep(_REDRAW.total_seconds())
