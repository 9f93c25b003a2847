"""Why workers get nothing of a job, for one worker and for all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from flamenco_core.config import Config
from flamenco_core.failure_share import FailureShare, ShareSource
from flamenco_core.manager.failing_jobs import share_of
from flamenco_core.model.forecast import (
    JobFailureLimit,
    JobWhyNot,
    WhyNotCount,
    WhyNotReason,
    WhyNotTasks,
    WorkerWhyNot,
)
from flamenco_core.rules.eligibility import reasons_against
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import facts, jobs, selections, stranding
from flamenco_core.store.database import snapshot
from flamenco_core.store.jobs import StoredJob


def worker_why_not(db: sqlite3.Connection, worker_uuid: str, job_uuid: str) -> WorkerWhyNot:
    """For each kind of a job's tasks, why a worker gets none. Raises `NotFound`."""
    with snapshot(db):
        return _worker(db, worker_uuid, job_uuid)


def job_why_not(
    db: sqlite3.Connection, job_uuid: str, config: Config, *, after: str | None, limit: int
) -> JobWhyNot:
    """For the next workers after `after`, why they get nothing of a job. Raises `NotFound`."""
    with snapshot(db):
        job = jobs.by_uuid(db, job_uuid)
        page = selections.workers_after(db, after, limit=limit + 1)
        found = [_worker(db, worker, job_uuid) for worker in page[:limit]]
        note = _note(db, job)
        failure_limit = _failure_limit(job, share_of(db, job, config))
    return JobWhyNot(
        job_id=job.uuid,
        job_name=job.name,
        note=note,
        failure_limit=failure_limit,
        workers_looked_at=len(found),
        workers_that_get_tasks=sum(worker.gets_tasks for worker in found),
        reasons=_counted(worker for worker in found if not worker.gets_tasks),
        workers=found,
        next=page[limit - 1] if len(page) > limit else None,
    )


def _worker(db: sqlite3.Connection, worker_uuid: str, job_uuid: str) -> WorkerWhyNot:
    worker_id, worker = facts.worker(db, worker_uuid)
    job_id, job = facts.job(db, job_uuid)
    tasks = [
        WhyNotTasks(
            task_type=kind.task_type,
            requirements=dict(kind.requirements),
            reasons=[
                WhyNotReason(condition=reason.condition, what=reason.what, remedy=reason.remedy)
                for reason in reasons_against(worker, job, kind)
            ],
        )
        for kind in facts.task_classes(db, job_id, worker_id)
    ]
    return WorkerWhyNot(
        worker_id=worker_uuid,
        worker_name=worker.name,
        gets_tasks=any(not kind.reasons for kind in tasks),
        tasks=tasks,
    )


def _failure_limit(job: StoredJob, share: FailureShare) -> JobFailureLimit:
    failed, total = job.counts[TaskStatus.FAILED], sum(job.counts.values())
    return JobFailureLimit(
        summary=(
            f"{failed} of {total} tasks failed; at {share.percentage} % the job fails, "
            f"{_WHO_SAYS_SO[share.source]}."
        ),
        percentage=share.percentage,
        source=share.source,
        failed=failed,
        total=total,
    )


_WHO_SAYS_SO = {
    ShareSource.FARM: "as jobs of this farm do",
    ShareSource.JOB_TYPE: "as jobs of its type do",
    ShareSource.JOB: "as whoever submitted it wanted",
}


def _note(db: sqlite3.Connection, job: StoredJob) -> str | None:
    if job.is_being_deleted:
        return "The job is being deleted."
    if job.is_archived:
        return "The job is archived, and cannot run again; submit it anew."
    if job.unsettled:
        return f"The job is still becoming {job.status}; look again in a moment."
    stranded = stranding.task_types(db, job.id)
    if stranded:
        return (
            f"No worker of this farm may take its {' and '.join(stranded)} tasks, so that it waits "
            "until one can: the reasons for each worker say what would help."
        )
    return None


@dataclass(slots=True)
class _Count:
    first: WhyNotReason
    workers: int = 0
    task_types: set[str] = field(default_factory=set)


def _counted(workers: Iterable[WorkerWhyNot]) -> list[WhyNotCount]:
    counts: dict[str, _Count] = {}
    for worker in workers:
        of_worker = {
            reason.condition: reason for kind in worker.tasks for reason in reversed(kind.reasons)
        }
        for condition, reason in of_worker.items():
            counts.setdefault(condition, _Count(reason)).workers += 1
        for kind in worker.tasks:
            for reason in kind.reasons:
                counts[reason.condition].task_types.add(kind.task_type)
    return [
        WhyNotCount(
            condition=condition,
            workers=count.workers,
            task_types=sorted(count.task_types),
            what=count.first.what,
            remedy=count.first.remedy,
        )
        for condition, count in sorted(counts.items(), key=lambda each: -each[1].workers)
    ]
