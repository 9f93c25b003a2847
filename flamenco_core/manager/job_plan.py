"""Who could work on a job, who would begin now, and how long it may take; nothing is changed.

For a stored job, and for one that is only compiled yet. Times are means of what tasks of this job
type have taken so far on this farm.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.model.forecast import FarmPlan, JobPlan, PlannedHandOut
from flamenco_core.rules.plan_summary import plan_summary
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import jobs, queue_plan, statistics
from flamenco_core.store.database import snapshot
from flamenco_core.store.queue_plan import FreeSlot, QueuedTask, QueuePlan, TaskKind

MOST_WORKERS = 1000
"""Workers, and slots of them, that are looked at."""

_WAITING = (TaskStatus.QUEUED, TaskStatus.SOFT_FAILED, TaskStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class _Able:
    """Keys of workers that can take tasks, for each kind of them."""

    by_kind: Sequence[frozenset[int]]
    awake: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        return frozenset().union(*self.by_kind)


@dataclass(slots=True)
class _Draft:
    """The ready tasks of a job that is not stored, in the order in which they would go."""

    job: CompiledJob
    kinds: Sequence[TaskKind]
    ready: list[tuple[CompiledTask, int]] = field(default_factory=list)
    """With the index of their kind."""


def farm_plan(db: sqlite3.Connection) -> FarmPlan:
    """What all free slots of workers would get now, one after the other."""
    with snapshot(db):
        free = queue_plan.free_slots(db, limit=MOST_WORKERS)
        hand_outs = [_stored_hand_out(db, slot, task) for slot, task in _hand_outs(db, free)]
    return FarmPlan(hand_outs=hand_outs, free_workers=len(_workers_of(free)))


def plan_of_stored(db: sqlite3.Connection, job_uuid: str) -> JobPlan:
    """Raises `NotFound` if there is no such job."""
    with snapshot(db):
        job = jobs.by_uuid(db, job_uuid)
        job_id, tag_id, kinds = queue_plan.job_kinds(db, job_uuid)
        able = _able(db, kinds, tag_id=tag_id, job_id=job_id)
        free = queue_plan.free_slots(db, limit=MOST_WORKERS)
        hand_outs = [
            _stored_hand_out(db, slot, task)
            for slot, task in _hand_outs(db, free)
            if task.job_id == job_id
        ]
        waiting = sum(job.counts[status] for status in _WAITING)
        seconds = _mean_seconds(db, job.type)
        return _plan(kinds, able, free, hand_outs, waiting, _work(seconds, {"": waiting}), seconds)


def plan_of_compiled(db: sqlite3.Connection, job: CompiledJob) -> JobPlan:
    """The same as if the job were stored now."""
    counts = Counter(_kind_key(task) for task in job.tasks)
    kinds = [TaskKind(task_type, dict(requirements)) for task_type, requirements in counts]
    with snapshot(db):
        tag_id = queue_plan.tag_key(db, job.worker_tag) if job.worker_tag else None
        able = _able(db, kinds, tag_id=tag_id, job_id=None)
        free = queue_plan.free_slots(db, limit=MOST_WORKERS)
        hand_outs = _hand_outs_of_draft(db, free, _draft(job, kinds), able)
        seconds = _mean_seconds(db, job.type)
    by_type: Counter[str] = Counter()
    for (task_type, _), count in counts.items():
        by_type[task_type] += count
    return _plan(kinds, able, free, hand_outs, len(job.tasks), _work(seconds, by_type), seconds)


def _able(
    db: sqlite3.Connection, kinds: Iterable[TaskKind], *, tag_id: int | None, job_id: int | None
) -> _Able:
    found = [
        queue_plan.able_workers(db, kind, tag_id=tag_id, job_id=job_id, limit=MOST_WORKERS)
        for kind in kinds
    ]
    return _Able(
        [frozenset(worker.id for worker in workers) for workers in found],
        frozenset(worker.id for workers in found for worker in workers if worker.is_awake),
    )


def _hand_outs(
    db: sqlite3.Connection, free: Iterable[FreeSlot]
) -> list[tuple[FreeSlot, QueuedTask]]:
    found = []
    with closing(QueuePlan(db)) as plan:
        for slot in free:
            task = plan.first_for(slot)
            if task is not None:
                plan.take(task)
                found.append((slot, task))
    return found


def _workers_of(free: Iterable[FreeSlot]) -> set[int]:
    return {slot.worker_id for slot in free}


def _hand_outs_of_draft(
    db: sqlite3.Connection, free: Iterable[FreeSlot], draft: _Draft, able: _Able
) -> list[PlannedHandOut]:
    found = []
    with closing(QueuePlan(db)) as plan:
        for slot in free:
            queued = plan.first_for(slot)
            kinds = {
                index
                for index, kind in enumerate(draft.kinds)
                if slot.worker_id in able.by_kind[index] and slot.takes(db, kind)
            }
            mine = next((each for each in draft.ready if each[1] in kinds), None)
            # Of jobs with the same priority the older one goes first, and this is the newest.
            if mine is not None and (queued is None or queued.job_priority < draft.job.priority):
                draft.ready.remove(mine)
                found.append(_drafted_hand_out(slot, draft, mine[0]))
            elif queued is not None:
                plan.take(queued)
    return found


def _draft(job: CompiledJob, kinds: Sequence[TaskKind]) -> _Draft:
    if job.status is JobStatus.PAUSED:
        return _Draft(job, kinds)
    indexes = {_key(kind): index for index, kind in enumerate(kinds)}
    ready = [(task, indexes[_kind_key(task)]) for task in job.tasks if not task.depends_on]
    ready.sort(key=lambda each: -each[0].priority)
    # Nobody looks further than there are workers.
    return _Draft(job, kinds, ready[:MOST_WORKERS])


def _kind_key(task: CompiledTask) -> tuple[str, tuple[tuple[str, str], ...]]:
    return task.type.strip().lower(), tuple(sorted(task.requirements.items()))


def _key(kind: TaskKind) -> tuple[str, tuple[tuple[str, str], ...]]:
    return kind.task_type, tuple(sorted(kind.requirements.items()))


def _plan(
    kinds: Sequence[TaskKind],
    able: _Able,
    free: Iterable[FreeSlot],
    hand_outs: list[PlannedHandOut],
    waiting: int,
    work: float | None,
    seconds: Mapping[str, float],
) -> JobPlan:
    missing = {kind.task_type for kind, ids in zip(kinds, able.by_kind, strict=True) if not ids}
    first = seconds.get(hand_outs[0].task_type, seconds.get("")) if hand_outs else None
    counts = {
        "able_workers": len(able.all),
        "awake_workers": len(able.awake),
        "free_workers": len(_workers_of(free) & able.awake),
        "tasks_waiting": waiting,
    }
    everything = work / len(able.awake) if work is not None and able.awake else None
    # No more workers than tasks can share the work.
    if everything is not None and work is not None and waiting:
        everything = max(everything, work / waiting)
    missing_types = sorted(missing) if waiting else []
    return JobPlan(
        summary=plan_summary(
            **counts,
            hand_outs=len(hand_outs),
            missing_task_types=missing_types,
            first_task_seconds=first,
            all_tasks_seconds=everything,
        ),
        **counts,
        hand_outs=hand_outs,
        missing_task_types=missing_types,
        first_task_seconds=first,
        all_tasks_seconds=everything,
    )


def _mean_seconds(db: sqlite3.Connection, job_type: str) -> dict[str, float]:
    """By task type, and under the empty text over all of them, how long an attempt took."""
    sums = [row for row in statistics.sums(db) if row["job_type"] == job_type and row["attempts"]]
    if not sums:
        return {}
    attempts = sum(row["attempts"] for row in sums)
    return {
        "": sum(row["run_seconds"] for row in sums) / attempts,
        **{row["task_type"]: row["run_seconds"] / row["attempts"] for row in sums},
    }


def _work(seconds: Mapping[str, float], counts: Mapping[str, int]) -> float | None:
    """Seconds that so many tasks of these types take one after the other; None if not known."""
    if "" not in seconds:
        return None
    return sum(count * seconds.get(task_type, seconds[""]) for task_type, count in counts.items())


def _stored_hand_out(db: sqlite3.Connection, slot: FreeSlot, task: QueuedTask) -> PlannedHandOut:
    row = queue_plan.names_of(db, task.task_id)
    return PlannedHandOut(
        worker_id=slot.worker_uuid,
        worker_name=slot.worker_name,
        job_id=row["job_uuid"],
        job_name=row["job_name"],
        task_id=row["task_uuid"],
        task_name=row["task_name"],
        task_type=row["task_type"],
    )


def _drafted_hand_out(slot: FreeSlot, draft: _Draft, task: CompiledTask) -> PlannedHandOut:
    return PlannedHandOut(
        worker_id=slot.worker_uuid,
        worker_name=slot.worker_name,
        job_name=draft.job.name,
        task_name=task.name,
        task_type=task.type,
    )
