"""May this worker take something of this job, and if not, why not.

Each condition is one entry of `CONDITIONS`: whom it speaks of, when it holds, what is said when it
does not, and what would change that. The scheduler's statements test the same conditions by
index; a property test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flamenco_core.requirements import lacking
from flamenco_core.statuses import SCHEDULABLE_JOB_STATUSES, JobStatus, WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """One of a worker's slots."""

    task_types: frozenset[str]
    capabilities: Mapping[str, str]
    """All that it has, also what the whole worker has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker, as far as it matters here."""

    name: str
    status: WorkerStatus
    status_requested: WorkerStatus | None
    task_types: frozenset[str]
    capabilities: Mapping[str, str]
    tags: frozenset[str]
    """Names."""
    slots: tuple[SlotFacts, ...] = ()
    """Empty for a worker with one slot for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskClassFacts:
    """The tasks of one job that ask the same of a worker."""

    task_type: str
    requirements: Mapping[str, str]
    unfinished: int
    """Tasks that are queued, soft-failed or paused."""
    ready: int
    """Those of them that depend on nothing unfinished and are not reserved."""
    ready_and_untried: int
    """Those of the ready ones at which this worker has not failed; at least 1 counts as any."""
    is_blocked: bool
    """Whether this worker is on the job's block list for the task type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job, as far as it matters here."""

    name: str
    status: JobStatus
    tag: str | None
    """Name of the tag that workers need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why not, for a person."""

    condition: str
    """Stable name of the condition, for programs."""
    what: str
    remedy: str
    """What would change it."""


Say = Callable[[WorkerFacts, JobFacts, TaskClassFacts], str]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must be so before a worker gets a task of a job."""

    name: str
    holds: Callable[[WorkerFacts, JobFacts, TaskClassFacts], bool]
    what: Say
    remedy: Say


CONDITIONS: tuple[Condition, ...] = (
    Condition(
        "worker-awake",
        lambda worker, _job, _class: worker.status is WorkerStatus.AWAKE,
        lambda worker, _job, _class: _asleep_or_lost(worker),
        lambda worker, _job, _class: _how_to_wake(worker),
    ),
    Condition(
        "worker-not-asked-away",
        # A request to wake up is none to go away; it is the worker's status that stands in the way.
        lambda worker, _job, _class: (
            worker.status_requested is None
            or (
                worker.status_requested is WorkerStatus.AWAKE
                and worker.status is not WorkerStatus.AWAKE
            )
        ),
        lambda worker, _job, _class: (
            f"worker {worker.name} is asked to become {worker.status_requested}"
        ),
        lambda worker, _job, _class: f"ask it to stay {worker.status}",
    ),
    Condition(
        "job-open",
        lambda _worker, job, _class: job.status in SCHEDULABLE_JOB_STATUSES,
        lambda _worker, job, _class: f"the job is {job.status}",
        lambda _worker, job, _class: (
            "wait until all of it is stored"
            if job.status is JobStatus.UNDER_CONSTRUCTION
            else "queue it again"
        ),
    ),
    Condition(
        "task-type",
        lambda worker, _job, kind: kind.task_type in worker.task_types,
        lambda worker, _job, kind: f"worker {worker.name} takes no tasks of type {kind.task_type}",
        lambda _worker, _job, kind: f"add {kind.task_type} to the worker's task types",
    ),
    Condition(
        "requirements",
        lambda worker, _job, kind: bool(worker.slots) or not _lacking(worker, kind),
        lambda worker, _job, kind: (
            f"worker {worker.name} lacks {', '.join(_lacking(worker, kind))}"
        ),
        lambda _worker, _job, _class: "use a worker that has it",
    ),
    Condition(
        "slot",
        lambda worker, _job, kind: (
            not worker.slots
            or kind.task_type not in worker.task_types
            or any(_fits(slot, kind) for slot in worker.slots)
        ),
        lambda worker, _job, kind: _missing_slot(worker, kind),
        lambda _worker, _job, _class: "give one of its slots what is asked for",
    ),
    Condition(
        "tag",
        lambda worker, job, _class: job.tag is None or job.tag in worker.tags,
        lambda worker, job, _class: f"the job wants the tag {job.tag}, which {worker.name} has not",
        lambda _worker, job, _class: f"give the worker the tag {job.tag}, or take it off the job",
    ),
    Condition(
        "not-blocked",
        lambda _worker, _job, kind: not kind.is_blocked,
        lambda worker, _job, kind: (
            f"worker {worker.name} failed too often at {kind.task_type} tasks of this job"
        ),
        lambda _worker, _job, _class: "take it off the job's block list",
    ),
    Condition(
        "has-unfinished",
        lambda _worker, _job, kind: kind.unfinished > 0,
        lambda _worker, _job, kind: f"no {kind.task_type} task is waiting",
        lambda _worker, _job, _class: "nothing needs to be done",
    ),
    Condition(
        "has-ready",
        # No task is ready in a job that is not open.
        lambda _worker, job, kind: (
            kind.ready > 0 or kind.unfinished == 0 or job.status not in SCHEDULABLE_JOB_STATUSES
        ),
        lambda _worker, _job, kind: (
            f"all {kind.task_type} tasks wait for others of the job, are reserved or held back"
        ),
        lambda _worker, _job, _class: "wait until those are completed",
    ),
    Condition(
        "not-failed-before",
        lambda _worker, _job, kind: kind.ready_and_untried > 0 or kind.ready == 0,
        lambda worker, _job, kind: (
            f"worker {worker.name} has failed at every {kind.task_type} task that is ready"
        ),
        lambda _worker, _job, _class: "let another worker try, or queue the tasks again",
    ),
)
"""All of them must hold."""


def reasons_against(worker: WorkerFacts, job: JobFacts, task_class: TaskClassFacts) -> list[Reason]:
    """Why a worker gets no task of this class of this job; empty if it would get one."""
    return [
        Reason(
            condition=condition.name,
            what=condition.what(worker, job, task_class),
            remedy=condition.remedy(worker, job, task_class),
        )
        for condition in CONDITIONS
        if not condition.holds(worker, job, task_class)
    ]


def _asleep_or_lost(worker: WorkerFacts) -> str:
    if worker.status is WorkerStatus.ERROR:
        return f"worker {worker.name} has the status {worker.status}"
    return f"worker {worker.name} is {worker.status}"


def _how_to_wake(worker: WorkerFacts) -> str:
    if worker.status in (WorkerStatus.OFFLINE, WorkerStatus.ERROR):
        return "start its program"
    if worker.status is WorkerStatus.STARTING:
        return "wait until it has started"
    if worker.status_requested is WorkerStatus.AWAKE:
        return "wait until it wakes up, as it was asked to"
    return "wake it up"


def _fits(slot: SlotFacts, kind: TaskClassFacts) -> bool:
    return kind.task_type in slot.task_types and not lacking(kind.requirements, slot.capabilities)


def _missing_slot(worker: WorkerFacts, kind: TaskClassFacts) -> str:
    asked = ", ".join(f"{key} {wanted}" for key, wanted in kind.requirements.items())
    if asked:
        return f"worker {worker.name} has no slot that takes {kind.task_type} tasks and has {asked}"
    return f"worker {worker.name} has no slot that takes {kind.task_type} tasks"


def _lacking(worker: WorkerFacts, task_class: TaskClassFacts) -> list[str]:
    return lacking(task_class.requirements, worker.capabilities)
