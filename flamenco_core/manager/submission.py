"""Taking in a job: its paths get variables, and once compiled it is stored.

It is stored in pieces, so that no transaction holds up the others for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from flamenco_core.config import Config
from flamenco_core.events import JobChanged
from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.manager import replacing
from flamenco_core.manager.submission_keys import remember_key
from flamenco_core.manager.unit import Unit
from flamenco_core.model import Audience, SubmittedJob
from flamenco_core.store import jobs, overrides
from flamenco_core.store.jobs import JobUnderConstruction
from flamenco_core.store.submission_keys import SubmissionKey

PIECE_SIZE = 800
"""Tasks (or parents of tasks) stored in one transaction, which keeps it well below 50 ms."""

SAME_PLATFORM = "manager"
"""What a submitter writes whose platform is the Manager's."""

Step = Callable[[Unit], None]


def with_variables(submitted: SubmittedJob, config: Config) -> SubmittedJob:
    """The submission with what its job keeps: paths that mean the same on every platform.

    Settings and metadata are taken to hold paths as workers on the submitter's platform see them.
    """
    platform = submitted.submitter_platform
    if platform == SAME_PLATFORM:
        platform = config.platform
    table = config.variables_for(Audience.WORKERS, platform)
    return replace(
        submitted,
        submitter_platform=platform,
        settings=table.abbreviate(submitted.settings),
        metadata=table.abbreviate(submitted.metadata),
    )


class JobStoring:
    """The steps that store one job, each for a transaction of its own, in this order.

    Until the last one is done the job is `under-construction`; if the program ends before that,
    the job is dropped at the next start, as if it had never been submitted.
    """

    def __init__(
        self,
        job: CompiledJob,
        *,
        replaces: str | None = None,
        key: SubmissionKey | None = None,
        besides: Sequence[Step] = (),
    ) -> None:
        """What the last step also does: `replaces` is the UUID of a job whose place this one
        takes, and `key` is remembered for the job. The steps `besides` come right before it.
        """
        self._job = job
        self._replaces = replaces
        self._key = key
        self._besides = besides
        self._construction: JobUnderConstruction | None = None

    def steps(self) -> Iterator[Step]:
        """At least one; a small job needs no more. Take the next after the last was done.

        One that was taken back can be done again.
        """
        job = self._job
        pieces = [
            range(start, min(start + PIECE_SIZE, len(job.tasks)))
            for start in range(0, len(job.tasks), PIECE_SIZE)
        ]
        parents = sum(len(group) for group in {tuple(task.depends_on) for task in job.tasks})
        if len(pieces) <= 1 and parents <= PIECE_SIZE:
            yield self._all
            return
        yield self._begin
        for piece in pieces:
            groups = dict(self._under_construction.groups)
            yield partial(self._add_tasks, positions=piece, groups_before=groups)
        for group in list(self._under_construction.groups):
            for start in range(0, len(group), PIECE_SIZE):
                part = group[start : start + PIECE_SIZE]
                yield partial(self._add_parents, group=group, part=part)
        yield from self._besides
        yield self._finish

    @property
    def _under_construction(self) -> JobUnderConstruction:
        assert self._construction is not None, "the first step was not done"  # noqa: S101
        return self._construction

    def _all(self, unit: Unit) -> None:
        self._begin(unit)
        self._add_tasks(unit, range(len(self._job.tasks)), {})
        for group in self._under_construction.groups:
            self._add_parents(unit, group, group)
        for step in self._besides:
            step(unit)
        self._finish(unit)

    def _begin(self, unit: Unit) -> None:
        self._construction = jobs.begin(unit.db, self._job, submitted_by=unit.actor.name)
        overrides.put(unit.db, self._construction.id, self._job.rna_overrides)

    def _add_tasks(
        self, unit: Unit, positions: range, groups_before: Mapping[tuple[int, ...], int]
    ) -> None:
        # The step is done again if its transaction was taken back, and its groups with it.
        self._under_construction.groups = dict(groups_before)
        jobs.add_tasks(unit.db, self._job, self._under_construction, positions)

    def _add_parents(self, unit: Unit, group: tuple[int, ...], part: tuple[int, ...]) -> None:
        jobs.add_dependencies(unit.db, self._under_construction, group, part)

    def _finish(self, unit: Unit) -> None:
        job = jobs.by_uuid(unit.db, self._job.id)
        status = self._job.status
        if self._key is not None:
            remember_key(unit, self._key, job.uuid)
        if self._replaces is not None:
            job = replacing.take_place(unit, job, self._replaces)
        ready = jobs.set_status(
            unit.db,
            job,
            status,
            activity="submitted" if self._replaces is None else "compiled again",
            unsettled=False,
            requeue_everything=False,
            now=unit.now,
        )
        unit.audit("job.submit", job.uuid, name=job.name, type=job.type, status=status.value)
        unit.announce(JobChanged(job_id=job.uuid, status=status))
        unit.announce_ready(ready)


def drop_unfinished(unit: Unit, job_uuid: str) -> None:
    """Removes a job whose storing was cut off."""
    job = jobs.by_uuid(unit.db, job_uuid)
    jobs.drop(unit.db, job)
    unit.audit("job.drop", job_uuid, reason="its submission was cut off")
