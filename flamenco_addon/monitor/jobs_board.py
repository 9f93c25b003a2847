"""The jobs that are watched: read once, then kept up to date by what the Manager tells of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from flamenco_core.errors import FlamencoError
from flamenco_core.frames import parse_frames
from flamenco_core.model import EventJobUpdate, Job
from flamenco_core.statuses import FINAL_JOB_STATUSES, JobStatus, TaskStatus

FRAMES_SETTING = "frames"
"""What job types that render frames call the setting, as Flamenco 3 does."""
_OTHER_STEPS = 2
"""So many steps of a job whose steps are frames may be something else, such as its video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """What a list shows of a job."""

    id: str
    name: str
    type: str
    status: JobStatus
    priority: int
    activity: str
    created: datetime
    updated: datetime
    steps_completed: int
    steps_total: int
    task_counts: Mapping[str, int] = field(default_factory=dict)
    frames_total: int | None = None
    """None if its job type renders no frames, or does not work on one frame at each step."""
    submitted_by: str = ""
    is_archived: bool = False
    is_being_deleted: bool = False

    @property
    def is_over(self) -> bool:
        return self.status in FINAL_JOB_STATUSES

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.status is JobStatus.COMPLETED:
            return 1.0
        return min(1.0, self.steps_completed / self.steps_total) if self.steps_total else 0.0

    @property
    def frames_done(self) -> int | None:
        if self.frames_total is None:
            return None
        if self.status is JobStatus.COMPLETED:
            return self.frames_total
        return min(self.steps_completed, self.frames_total)

    @property
    def tasks_total(self) -> int:
        return sum(self.task_counts.values())

    def tasks_with(self, *statuses: TaskStatus) -> int:
        return sum(self.task_counts.get(status.value, 0) for status in statuses)


def row_of(job: Job) -> JobRow:
    """What a list shows of a job that the Manager described in full."""
    return JobRow(
        id=job.id,
        name=job.name,
        type=job.type,
        status=job.status,
        priority=job.priority,
        activity=job.activity,
        created=job.created,
        updated=job.updated,
        steps_completed=job.steps_completed,
        steps_total=job.steps_total,
        task_counts=job.task_counts or {},
        frames_total=_frames_total(job),
        submitted_by=job.submitted_by or "",
        is_archived=job.archived_at is not None,
        is_being_deleted=job.delete_requested_at is not None,
    )


def _frames_total(job: Job) -> int | None:
    frames = job.settings.get(FRAMES_SETTING)
    if not isinstance(frames, str):
        return None
    try:
        total = len(parse_frames(frames))
    except FlamencoError:
        return None
    return total if 0 <= job.steps_total - total <= _OTHER_STEPS else None


@dataclass(slots=True)
class BoardChange:
    """What became of the rows since the last one was taken; later changes can be added to it."""

    rows: dict[str, JobRow] = field(default_factory=dict)
    """New ones, and those that are different now."""
    gone: set[str] = field(default_factory=set)
    order: list[str] | None = None
    """All jobs from top to bottom, if some came or went."""
    ended: list[JobRow] = field(default_factory=list)
    """Jobs that were seen to complete, fail or be cancelled, each time that happened."""
    images: set[str] = field(default_factory=set)
    """Jobs that have another last-rendered image."""

    def add(self, later: BoardChange) -> None:
        for job_id in later.gone:
            self.rows.pop(job_id, None)
        self.gone = (self.gone - later.rows.keys()) | later.gone
        self.rows |= later.rows
        self.order = self.order if later.order is None else later.order
        self.ended += later.ended
        self.images |= later.images

    def __bool__(self) -> bool:
        return bool(self.rows or self.gone or self.order is not None or self.ended or self.images)


class JobsBoard:
    """All rows, the newest job first; every change leaves a `BoardChange`."""

    def __init__(self) -> None:
        self._rows: dict[str, JobRow] = {}
        self._change = BoardChange()

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._rows))

    def row(self, job_id: str) -> JobRow | None:
        return self._rows.get(job_id)

    def take(self) -> BoardChange:
        """What changed since the last call."""
        change, self._change = self._change, BoardChange()
        return change

    def read(self, jobs: Iterable[Job], *, awaited: Container[str] = ()) -> None:
        """These are all jobs there are; told after something was missed, too.

        Jobs that were known to be at work and have ended meanwhile are told as ended, and so are
        those that are awaited and have ended before anything else was heard of them.
        """
        rows = {job.id: row_of(job) for job in jobs}
        for job_id in self._rows.keys() - rows.keys():
            self._change.rows.pop(job_id, None)
            self._change.gone.add(job_id)
        before, self._rows = self._rows, {}
        for job_id, row in rows.items():
            self._rows[job_id] = row
            self._note(before.get(job_id), row, is_awaited=job_id in awaited)
        self._sort()

    def add(self, job: Job, *, is_awaited: bool = False) -> None:
        """One more, or one that is described anew."""
        before = self._rows.get(job.id)
        row = self._rows[job.id] = row_of(job)
        self._note(before, row, is_awaited=is_awaited)
        if before is None:
            self._sort()

    def apply(self, update: EventJobUpdate) -> bool:
        """What the Manager tells of a job; False if that is not on the board."""
        before = self._rows.get(update.id)
        if before is None:
            return False
        if update.was_deleted:
            self.remove(update.id)
            return True
        row = replace(
            before,
            name=update.name or before.name,
            status=update.status,
            priority=update.priority,
            activity=update.activity if update.activity is not None else before.activity,
            updated=update.updated,
            steps_completed=update.steps_completed,
            steps_total=update.steps_total,
            task_counts=(
                update.task_counts if update.task_counts is not None else before.task_counts
            ),
            is_archived=update.archived_at is not None,
            is_being_deleted=update.delete_requested_at is not None,
        )
        self._rows[update.id] = row
        self._note(before, row)
        return True

    def remove(self, job_id: str) -> None:
        if self._rows.pop(job_id, None) is not None:
            self._change.rows.pop(job_id, None)
            self._change.gone.add(job_id)
            self._change.order = list(self._rows)

    def image_changed(self, job_id: str) -> None:
        if job_id in self._rows:
            self._change.images.add(job_id)

    def _note(self, before: JobRow | None, row: JobRow, *, is_awaited: bool = False) -> None:
        if before == row:
            return
        self._change.gone.discard(row.id)
        self._change.rows[row.id] = row
        if row.is_over and (is_awaited if before is None else before.status is not row.status):
            self._change.ended.append(row)

    def _sort(self) -> None:
        ordered = sorted(self._rows.values(), key=lambda row: (row.created, row.id), reverse=True)
        self._rows = {row.id: row for row in ordered}
        self._change.order = list(self._rows)
