"""What a farm is made of, as it travels between programs.

The fields carry the names of the wire (Flamenco 3's API where it has the field), `None` means
"absent". Fields that Flamenco 3 does not know are optional, so that its clients are not disturbed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flamenco_core.statuses import FarmStatus, JobStatus, TaskStatus, WorkerStatus

DEFAULT_PRIORITY = 50
LOWEST_PRIORITY = 0
HIGHEST_PRIORITY = 100

_NOT_NEGATIVE = {"minimum": 0, "maximum": 2**53}
_SECONDS = {"minimum": 0, "maximum": 1_000_000_000}
_PERCENT = {"minimum": 0, "maximum": 100}


class Platform(StrEnum):
    """The operating systems that paths and programs are told apart by, named as in Go."""

    LINUX = "linux"
    WINDOWS = "windows"
    DARWIN = "darwin"


class Audience(StrEnum):
    """Whom the value of a variable is meant for."""

    WORKERS = "workers"
    USERS = "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlamencoVersion:
    version: str
    shortversion: str
    name: str
    git: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStorageLocation:
    location: str
    audience: Audience
    platform: str
    shamanEnabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerVariable:
    value: str
    is_twoway: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerConfiguration:
    storageLocation: str
    shamanEnabled: bool
    isFirstRun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmStatusReport:
    status: FarmStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorProblem:
    """One entry of `Error.problems`; see `flamenco_core.errors.Problem`."""

    where: str
    what: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The one shape of every error answer."""

    code: int
    """The HTTP status once more."""
    message: str
    problems: list[ErrorProblem]


class SettingType(StrEnum):
    STRING = "string"
    INT32 = "int32"
    FLOAT = "float"
    BOOL = "bool"


class SettingSubtype(StrEnum):
    FILE_PATH = "file_path"
    DIR_PATH = "dir_path"
    FILE_NAME = "file_name"
    HASHED_FILE_PATH = "hashed_file_path"


class SettingVisibility(StrEnum):
    VISIBLE = "visible"
    HIDDEN = "hidden"
    SUBMISSION = "submission"
    WEB = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingEvalInfo:
    showLinkButton: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableJobSetting:
    key: str
    type: SettingType
    subtype: SettingSubtype | None = None
    choices: list[str] | None = None
    propargs: dict[str, Any] | None = None
    description: Any = None
    label: Any = None
    default: Any = None
    eval: str | None = None
    evalInfo: SettingEvalInfo | None = None
    visible: SettingVisibility | None = None
    required: bool | None = None
    editable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableJobType:
    name: str
    label: str
    description: str | None = None
    settings: list[AvailableJobSetting]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableJobTypes:
    job_types: list[AvailableJobType]


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
    task_counts: dict[str, int] | None = None
    """How many tasks have each status; statuses without a task are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsQueryResult:
    jobs: list[Job]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetadataKeys:
    keys: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMetadataValues:
    values: list[str]


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
class Command:
    name: str
    parameters: dict[str, Any]
    total_step_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWorker:
    id: str
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    id: str
    name: str
    status: TaskStatus
    index_in_job: int
    priority: int
    task_type: str
    updated: datetime
    worker: TaskWorker | None = None
    steps_completed: int
    steps_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTasksSummary:
    tasks: list[TaskSummary]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    id: str
    created: datetime
    updated: datetime
    job_id: str
    index_in_job: int
    name: str
    status: TaskStatus
    priority: int
    task_type: str
    activity: str
    commands: list[Command]
    steps_completed: int
    steps_total: int
    worker: TaskWorker | None = None
    last_touched: datetime | None = None
    failed_by_workers: list[TaskWorker]
    attempt: int | None = None
    """How often the task has been handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatusChange:
    status: TaskStatus
    reason: str
    with_dependants: bool = True
    """Whether queueing a task again also queues what was made from its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLogInfo:
    task_id: str
    job_id: str
    url: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLastRenderedImageInfo:
    """Where the thumbnails of a job are: each URL is `base`, a slash, and a suffix."""

    base: str
    """Begins with a slash, so that it is for the Manager's own address."""
    suffixes: list[str]
    """From large to small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRegistration:
    name: str = field(metadata={"minLength": 1})
    secret: str = field(metadata={"minLength": 1})
    platform: str
    supported_task_types: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredWorker:
    uuid: str
    name: str
    address: str
    status: WorkerStatus
    platform: str
    software: str
    supported_task_types: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSignOn:
    name: str
    supported_task_types: list[str]
    software_version: str
    can_restart: bool | None = None
    capabilities: dict[str, str] | None = None
    """What the machine has, as key and value (`blender.version`, `device` …)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStateChange:
    status_requested: WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStateChanged:
    status: WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTask:
    """A task that a slot knows it has."""

    task: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """The optional body of a request for a task."""

    slot: int = field(default=0, metadata={"minimum": 0})
    holding: list[HeldTask] = field(default_factory=list)
    prefetch: bool = False
    """Reserve the slot's next task while it still has one. The answer's status is `queued`; it
    becomes the slot's when the worker reports `active`, or asks for a task without `prefetch`,
    before the reservation expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedTask:
    uuid: str
    job: str
    name: str
    status: TaskStatus
    priority: int
    job_priority: int
    job_type: str
    task_type: str
    commands: list[Command]
    steps_completed: int
    steps_total: int
    attempt: int | None = None
    """Send this back with each update, so that a late one cannot be taken for a fresh one."""
    slot: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatistics:
    """What an attempt at a task took and made, by the worker's own measure.

    A field replaces what was said of it before in the same attempt; absent ones stay.
    """

    run_seconds: float | None = field(default=None, metadata=_SECONDS)
    """From the start of the attempt to its end."""
    load_seconds: float | None = field(default=None, metadata=_SECONDS)
    render_seconds: float | None = field(default=None, metadata=_SECONDS)
    save_seconds: float | None = field(default=None, metadata=_SECONDS)
    peak_memory: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """Bytes that all processes of the attempt had at most; the highest that was said counts."""
    device: str | None = None
    """What rendered, such as `CPU` or the name of a graphics card."""
    samples: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    output_files: list[str] | None = None
    """What the attempt wrote."""
    is_warm: bool | None = None
    """Whether it ran in a Blender that was still open from an earlier task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUpdate:
    taskStatus: TaskStatus | None = None
    activity: str | None = None
    log: str | None = None
    steps_completed: int | None = field(default=None, metadata={"minimum": 0})
    attempt: int | None = None
    statistics: TaskStatistics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSample:
    """What a worker's machine was doing at a moment; absent is what cannot be measured there."""

    age_seconds: float = field(default=0, metadata=_SECONDS)
    """How long before it was sent it was taken."""
    cpu_percent: float | None = field(default=None, metadata=_PERCENT)
    """Of all cores together."""
    memory_used: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """Bytes, of all programs together."""
    gpu_percent: float | None = field(default=None, metadata=_PERCENT)
    """Of the busiest graphics card."""
    gpu_memory_used: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """Bytes, on the fullest graphics card."""
    disk_free: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """Bytes, where the worker keeps its temporary files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MayKeepRunning:
    mayKeepRunning: bool
    reason: str
    statusChangeRequested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatusChangeRequest:
    status: WorkerStatus
    is_lazy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTag:
    id: str | None = None
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTagList:
    tags: list[WorkerTag]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTagChangeRequest:
    tag_ids: list[str]
    """All tags that the worker is to have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSleepSchedule:
    is_active: bool
    days_of_week: str
    """Short names with blanks between them (`mo tu we`); empty for every day."""
    start_time: str
    """`HH:MM`, or empty for the beginning of the day."""
    end_time: str
    """`HH:MM`, or empty for the end of the day; before the start, it is on the day after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSummary:
    id: str
    name: str
    status: WorkerStatus
    status_change: WorkerStatusChangeRequest | None = None
    last_seen: datetime | None = None
    version: str
    can_restart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerList:
    workers: list[WorkerSummary]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTask:
    id: str
    name: str
    status: TaskStatus
    index_in_job: int
    priority: int
    task_type: str
    updated: datetime
    worker: TaskWorker | None = None
    steps_completed: int
    steps_total: int
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    id: str
    name: str
    status: WorkerStatus
    status_change: WorkerStatusChangeRequest | None = None
    last_seen: datetime | None = None
    version: str
    can_restart: bool
    ip_address: str
    platform: str
    supported_task_types: list[str]
    task: WorkerTask | None = None
    tags: list[WorkerTag] | None = None


class ShamanFileStatus(StrEnum):
    UNKNOWN = "unknown"
    UPLOADING = "uploading"
    STORED = "stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanFileSpec:
    sha: str = field(metadata={"pattern": "^[0-9a-f]{64}$"})
    """SHA-256 in lower-case hexadecimal."""
    size: int = field(metadata={"minimum": 0})
    """Bytes."""
    path: str
    """Where the file goes in the checkout: relative, with forward slashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanRequirementsRequest:
    files: list[ShamanFileSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanFileSpecWithStatus:
    sha: str
    size: int
    path: str
    status: ShamanFileStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanRequirementsResponse:
    files: list[ShamanFileSpecWithStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanSingleFileStatus:
    status: ShamanFileStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanCheckout:
    files: list[ShamanFileSpec]
    checkoutPath: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanCheckoutResult:
    checkoutPath: str
