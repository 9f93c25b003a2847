"""What workers and the Manager say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from flamenco_core.model.tasks import Command
from flamenco_core.statuses import TaskStatus, WorkerStatus

_NOT_NEGATIVE = {"minimum": 0, "maximum": 2**53}
_SECONDS = {"minimum": 0, "maximum": 1_000_000_000}
_PERCENT = {"minimum": 0, "maximum": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRegistration:
    name: str = field(metadata={"minLength": 1})
    secret: str = field(metadata={"minLength": 1})
    platform: str = field(metadata={"minLength": 1})
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


MOST_SLOTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSlot:
    """One of the places of a worker at each of which one task runs at a time."""

    slot: int = field(metadata={"minimum": 0})
    name: str = field(default="", metadata={"maxLength": 100})
    task_types: list[str]
    capabilities: dict[str, str] | None = None
    """What it has other than the whole worker, or more; `device`, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAbilities:
    """What a worker can do; all of it, in place of what it said before."""

    supported_task_types: list[str]
    capabilities: dict[str, str] | None = None
    """What the machine has, as key and value (`blender`, `device` …); a value may list several
    with commas between them."""
    slots: list[WorkerSlot] | None = field(default=None, metadata={"maxItems": MOST_SLOTS})
    """Absent or empty: one for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSignOn:
    name: str
    supported_task_types: list[str]
    software_version: str
    can_restart: bool | None = None
    capabilities: dict[str, str] | None = None
    """See `WorkerAbilities`; so is the next."""
    slots: list[WorkerSlot] | None = field(default=None, metadata={"maxItems": MOST_SLOTS})


LIMITS: dict[str, tuple[int, int]] = {"threads": (1, 1024), "oom_score_adjust": (-1000, 1000)}
"""What a worker may be limited in, each with its least and its greatest value: processor threads
of a render; how readily Linux ends its commands when memory runs short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSettings:
    """What the Manager says of one slot; what it leaves out is as for the whole worker."""

    name: str = field(default="", metadata={"maxLength": 100})
    task_types: list[str] | None = None
    devices: list[str] | None = None
    """What to render on: `cpu`, `gpu`, `optix:1` …"""
    threads: int | None = field(default=None, metadata={"minimum": 1, "maximum": 1024})
    """Of the processor, for a render."""
    memory_limit: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """Bytes that the programs of a task may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedSettings:
    """What the Manager tells a worker about its set-up; more than the worker's own configuration
    says where both say something."""

    etag: str
    """Changes with the settings, and only with them."""
    programs: dict[str, str] = field(default_factory=dict)
    """Which program to run where a command names only `blender`, `ffmpeg` or the like."""
    slots: int | None = field(default=None, metadata={"minimum": 1, "maximum": MOST_SLOTS})
    """How many tasks to run at the same time."""
    slot_settings: list[SlotSettings] | None = field(
        default=None, metadata={"maxItems": MOST_SLOTS}
    )
    """What each of these slots takes, in the order of their numbers; absent if that is the
    worker's own affair."""
    limits: dict[str, int] = field(default_factory=dict)
    """`threads` of a render, `oom_score_adjust` of commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStateChange:
    status_requested: WorkerStatus
    settings: ProvisionedSettings | None = None
    """At sign-on, if the farm has settings for its workers."""
    offers: list[str] | None = None
    """At sign-on of a worker that names its slots: what it may use beyond Flamenco 3's protocol."""
    blender: str | None = None
    """With `offers`: the program that the worker's tasks get for `{blender}`, if there is one."""
    blender_args: str | None = None
    """With `offers`: the same for `{blenderArgs}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStateChanged:
    status: WorkerStatus
    reason: str | None = field(default=None, metadata={"maxLength": 1000})
    """Why the worker took the status by itself; absent if it was asked to."""


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
    settings_etag: str | None = None
    """Of the worker's present settings, if the farm has some; see `ProvisionedSettings`."""


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
    update_id: str | None = field(default=None, metadata={"maxLength": 64})
    """Any text that differs from update to update. An update that is sent again, since its answer
    was lost, counts once."""
    statistics: TaskStatistics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedUpdate:
    task: str
    update: TaskUpdate


MOST_UPDATES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """Several updates at once, and perhaps a request for the next task."""

    updates: list[ReportedUpdate] = field(metadata={"maxItems": MOST_UPDATES})
    """In their order; of one task or of several."""
    request: TaskRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOutcome:
    """What became of one update: as if it had been sent alone."""

    status: int
    """Of HTTP: 204 stored, 400 cannot be used, 404 there is no such task, 409 not this worker's."""
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTask:
    """The answer to the request in a report; empty if there is nothing to do now."""

    task: AssignedTask | None = None
    status_requested: WorkerStatus | None = None
    """The worker is to take this status first."""
    not_awake: WorkerStatus | None = None
    """The worker gets no tasks with the status that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReportAnswer:
    updates: list[UpdateOutcome]
    """One for each, in the same order."""
    next: NextTask | None = None
    """Only if a task was asked for."""


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
    network_received: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """Bytes a second, lately; so are the next three."""
    network_sent: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    disk_read: int | None = field(default=None, metadata=_NOT_NEGATIVE)
    """From disks of this machine, not over the network."""
    disk_written: int | None = field(default=None, metadata=_NOT_NEGATIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MayKeepRunning:
    mayKeepRunning: bool
    reason: str
    statusChangeRequested: bool
