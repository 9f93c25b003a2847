"""What the scheduler would do, and why it does not do something else."""

from __future__ import annotations

from dataclasses import dataclass

from flamenco_core.failure_share import ShareSource


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotReason:
    """Why not, for a person."""

    condition: str
    """Stable name of the condition that does not hold, for programs."""
    what: str
    remedy: str
    """What would change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotTasks:
    """What stands between a worker and the tasks of one kind of a job."""

    task_type: str
    requirements: dict[str, str]
    """What these tasks ask of a worker beyond their type."""
    reasons: list[WhyNotReason]
    """Empty if the worker would get such a task when it asks and nothing goes before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerWhyNot:
    worker_id: str
    worker_name: str
    gets_tasks: bool
    """Whether nothing stands between the worker and at least one kind of task."""
    tasks: list[WhyNotTasks]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotCount:
    """A reason, and for how many workers it is true."""

    condition: str
    workers: int
    task_types: list[str]
    """The task types for which it is true."""
    what: str
    """As it is said of the first of these workers."""
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailureLimit:
    """At which share of failed tasks a job fails, and how far it is."""

    summary: str
    """The rest of this in a sentence for people."""
    percentage: int
    source: ShareSource
    failed: int
    """Tasks that have failed for good."""
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWhyNot:
    """Why workers get nothing of a job: the reasons counted, then each worker."""

    job_id: str
    job_name: str
    note: str | None = None
    """What is true of the job whatever the workers are, such as that it is archived."""
    failure_limit: JobFailureLimit | None = None
    workers_looked_at: int
    workers_that_get_tasks: int
    reasons: list[WhyNotCount]
    """Of the workers that were looked at and get nothing; the most frequent first."""
    workers: list[WorkerWhyNot]
    next: str | None = None
    """The worker to go on after for the next page; absent if these were the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHandOut:
    """A task and the worker that would get it if it asked now; each free slot asks."""

    worker_id: str
    worker_name: str
    job_id: str | None = None
    """Absent for a job that is not submitted."""
    job_name: str
    task_id: str | None = None
    task_name: str
    task_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmPlan:
    """Who would get what if all workers that are free asked now."""

    hand_outs: list[PlannedHandOut]
    free_workers: int
    """Workers that are awake and have nothing to do, or a slot that has; at most a thousand slots
    are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """Who could work on a job, who would begin now, and how long it may take."""

    summary: str
    """The rest of this in a sentence for people."""
    able_workers: int
    """Workers that can take some of its tasks, whatever they are doing now."""
    awake_workers: int
    """Those of them that are awake."""
    free_workers: int
    """Those of them that are awake and have nothing to do, or a slot that has."""
    tasks_waiting: int
    """Tasks that are still to be done, apart from those that run."""
    hand_outs: list[PlannedHandOut]
    """The tasks of this job that free workers would get now."""
    missing_task_types: list[str]
    """Task types that no worker can take: the job cannot end without them."""
    first_task_seconds: float | None = None
    """How long until the first task is done; absent if nobody is free or it is not known."""
    all_tasks_seconds: float | None = None
    """How long all waiting tasks take on the workers that are awake, if nothing else runs."""
