"""Jobs: submitted, stored, and asked to change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flamenco_core.model.actions import ActionChoice
from flamenco_core.statuses import JobStatus

DEFAULT_PRIORITY = 50
LOWEST_PRIORITY = 0
HIGHEST_PRIORITY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStorageInfo:
    shaman_checkout_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedJob:
    name: str
    type: str
    type_etag: str | None = None
    priority: int = field(
        default=DEFAULT_PRIORITY, metadata={"minimum": LOWEST_PRIORITY, "maximum": HIGHEST_PRIORITY}
    )
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    submitter_platform: str
    """A `Platform`, or `manager` for "the same as the Manager's"."""
    storage: JobStorageInfo | None = None
    worker_tag: str | None = None
    initial_status: JobStatus | None = None
    rna_overrides: list[str] | None = None
    """Lines of Python that change the scene before each render; see `flamenco_core.rna_overrides`.
    An addition to Flamenco 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    name: str
    type: str
    priority: int
    settings: dict[str, Any]
    metadata: dict[str, str]
    submitter_platform: str
    storage: JobStorageInfo | None = None
    worker_tag: str | None = None
    id: str
    created: datetime
    updated: datetime
    status: JobStatus
    activity: str
    steps_completed: int
    steps_total: int
    delete_requested_at: datetime | None = None
    archived_at: datetime | None = None
    """Since when only its records are kept; it cannot be run again."""
    submitted_by: str | None = None
    """Who submitted it, as the audit log names people: `person:ana`."""
    finished_at: datetime | None = None
    """Since when it is completed, failed or cancelled."""
    rendered_at: datetime | None = None
    """When its last-rendered image changed last."""
    task_counts: dict[str, int] | None = None
    """How many tasks have each status; statuses without a task are left out."""
    stranded_task_types: list[str] | None = None
    """Types of its ready tasks that no worker of the farm may take, asleep or not: for want of the
    type, the job's tag or what they require, or since it is blocked. In lists if asked for."""
    actions: list[ActionChoice] | None = None
    """What can be done with it now, and why not the rest; in lists if asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsQueryResult:
    jobs: list[Job]
    next: str | None = None
    """The `cursor` for the next page, if there is a limit and more jobs than that."""
    total: int | None = None
    """How many there are on all pages, if that is known without counting them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetadataKeys:
    keys: list[str]
    next: str | None = None
    """To be given as `after` for those that follow; none if there are no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetadataValues:
    values: list[str]
    next: str | None = None
    """To be given as `after` for those that follow; none if there are no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatusChange:
    status: JobStatus
    reason: str
    compile_again: bool = False
    """With `requeueing`: all tasks are made anew, as the job type makes them now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeletionInfo:
    """What deleting a job would do."""

    shaman_checkout: bool
    """Whether the files that were sent for it are erased."""
    tasks: int | None = None
    """How many tasks are removed, with their history."""
    folders: list[str] | None = None
    """Which folders of the Manager are erased."""
    kept: str | None = None
    """What stays, as a sentence."""
    files: int | None = None
    """How many files are in those folders."""
    bytes: int | None = None
    """What they take on the disk; files of the content store are not counted, since they stay."""
    is_all_counted: bool | None = None
    """Whether there are no more files than were counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMassDeletionInfo:
    """What deleting finished jobs together would do."""

    jobs: int
    tasks: int
    """How many tasks are removed, with their history."""
    shaman_checkouts: int
    """For how many jobs files that were sent for them are erased."""
    folders: int
    """How many folders of the Manager are erased."""
    files: int
    bytes: int
    """What the files take on the disk; those of the content store stay, and are not counted."""
    is_all_counted: bool
    """Whether there are no more jobs and files than were counted."""
    kept: str
    """What stays, as a sentence."""
    job_ids: list[str]
    """The first hundred of the jobs, those longest unchanged first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRnaOverrides:
    """Lines of Python that change the scene before each render of a job."""

    rna_overrides: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMassDeletionSelection:
    last_updated_max: datetime | None = None
    """Finished jobs that have not changed since are meant; the time has to be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTagChange:
    """With neither, the job may run on any worker; the id counts if both are there."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPriorityChange:
    priority: int = field(metadata={"minimum": LOWEST_PRIORITY, "maximum": HIGHEST_PRIORITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLastRenderedImageInfo:
    """Where the thumbnails of a job are: each URL is `base`, a slash, and a suffix."""

    base: str
    """Begins with a slash, so that it is for the Manager's own address."""
    suffixes: list[str]
    """From large to small."""
