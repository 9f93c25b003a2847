"""What attempts took, what machines were doing, and how the farm is as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flamenco_core.model.worker_protocol import HostSample


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSums:
    """Sums over attempts that have ended."""

    attempts: int
    completed: int
    failed: int
    measured: int
    """How many came with times of loading, rendering and saving."""
    warm: int
    """How many ran in a Blender that was there already."""
    run_seconds: float
    load_seconds: float
    render_seconds: float
    save_seconds: float
    output_count: int
    peak_memory: int
    """Bytes, the most of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindStatistics(StatisticsSums):
    """Of the attempts at tasks of one type, in jobs of one type."""

    job_type: str
    task_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindStatisticsList:
    sums: list[KindStatistics]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatistics(StatisticsSums):
    """Of all attempts at a job's tasks that have ended."""

    task_counts: dict[str, int] | None = None
    """How many tasks have each status; absent if the job is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What an attempt took and made; what is not known is left out."""

    task_id: str
    attempt: int
    job_id: str
    worker_id: str
    job_name: str
    job_type: str
    task_name: str
    task_type: str
    worker_name: str
    outcome: str | None = None
    """The status that the task had then; absent if the attempt goes on."""
    failure_class: str | None = None
    """Why it failed, such as `out-of-memory`, if its log tells."""
    device: str | None = None
    run_seconds: float | None = None
    load_seconds: float | None = None
    render_seconds: float | None = None
    save_seconds: float | None = None
    peak_memory: int | None = None
    samples: int | None = None
    output_count: int | None = None
    output_files: list[str] | None = None
    """The first hundred of them."""
    is_warm: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptList:
    attempts: list[Attempt]
    next: str | None = None
    """The `cursor` for the next page, if there is a limit and there are more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStatistics:
    """A frame that was rendered; of an attempt at several frames, each has an equal part."""

    frame: int
    task_id: str
    attempt: int
    worker_id: str
    seconds: float | None = None
    """Of running, all told."""
    render_seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStatisticsList:
    frames: list[FrameStatistics]


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmOverview:
    """How many of everything there are, by status; statuses that nothing has are left out."""

    jobs: dict[str, int]
    tasks: dict[str, int]
    """Of jobs that are not done."""
    workers: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSamples:
    """What a worker's machine was doing lately."""

    samples: list[HostSample]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPoint:
    """What a machine was doing at a time, or in the minute that began then."""

    time: datetime
    cpu_percent: float | None = None
    memory_used: float | None = None
    gpu_percent: float | None = None
    gpu_memory_used: float | None = None
    disk_free: float | None = None
    network_received: float | None = None
    network_sent: float | None = None
    disk_read: float | None = None
    disk_written: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPoints:
    points: list[HostPoint]
