"""Jobs that are archived, and jobs that are deleted: decided at once, carried out in pieces.

An archived job keeps its definition, settings, metadata, times, attempts and logs, and drops what
only running it needs. A deleted one is cancelled first if it is not done, then loses its tasks,
then its files: the folder with its logs and, unless another job uses it too, its checkout. What it
rendered is never touched. Only when its files are gone is the job gone as well; if they cannot be
erased, it stays in the list and says so.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from flamenco_core import task_logs
from flamenco_core.config import Config
from flamenco_core.errors import one_problem
from flamenco_core.events import JobArchived, JobChanged, JobDeleted, JobDeletionRequested
from flamenco_core.manager import transitions
from flamenco_core.manager.jobs_at_hand import refuse_job_action
from flamenco_core.manager.unit import Unit
from flamenco_core.model import JobDeletionInfo
from flamenco_core.rules.actions import JobAction
from flamenco_core.statuses import FINAL_JOB_STATUSES, JobStatus
from flamenco_core.store import jobs, removal
from flamenco_core.store.jobs import StoredJob
from flamenco_core.store.removal import MOST_ATTEMPTS, Intent, IntentKind

PIECE_SIZE = 200
"""Tasks that are dropped in one transaction, which keeps it well below 50 ms."""

KEPT = "Rendered files stay where they are."

JOBS_AT_ONCE = 100
"""Jobs that are marked for deletion in one transaction."""


def archive(unit: Unit, job_uuid: str) -> None:
    """Archives a job that is done or paused.

    Raises:
        Conflict: if it is not, or is archived or being deleted already.
    """
    job = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(job, JobAction.ARCHIVE)
    removal.mark_as_archived(unit.db, job, now=unit.now)
    removal.add(unit.db, IntentKind.ARCHIVE_JOB, job.uuid, job.id, now=unit.now)
    unit.audit("job.archive", job.uuid, name=job.name, status=job.status.value)
    unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))
    unit.announce(JobArchived(job_id=job.uuid))


def delete(unit: Unit, job_uuid: str, *, leave_files: bool) -> None:
    """Decides that a job is deleted; asked again, what failed is tried again.

    Raises:
        Conflict: if the job is still being stored.
    """
    job = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(job, JobAction.DELETE)
    if job.is_being_deleted:
        _delete_again(unit, job, leave_files=leave_files)
    else:
        removal.mark_for_deletion(unit.db, job, leave_files=leave_files, now=unit.now)
        _stop(unit, job)
        removal.drop(unit.db, removal.of_job(unit.db, job.id))
        removal.add(unit.db, IntentKind.DELETE_JOB, job.uuid, job.id, now=unit.now)
    unit.audit("job.delete", job.uuid, name=job.name, leave_files=leave_files)
    unit.announce(JobDeletionRequested(job_id=job.uuid))


def delete_finished(unit: Unit, last_updated: datetime) -> int:
    """Deletes some of the finished jobs that have not changed since; returns how many."""
    found = removal.finished_before(unit.db, last_updated, limit=JOBS_AT_ONCE)
    for job_uuid in found:
        delete(unit, job_uuid, leave_files=False)
    return len(found)


def until_whole_second(time: datetime) -> datetime:
    """Rounds up, since times that people copy from a list have lost their fractions.

    Raises:
        InvalidInput: if it is not said in which time zone that is.
    """
    if time.tzinfo is None:
        raise one_problem("last_updated", "has no time zone", "such as datetime.now(UTC)")
    whole = time.replace(microsecond=0)
    return whole if whole == time else whole + timedelta(seconds=1)


def what_deletion_would_do(
    db: sqlite3.Connection, config: Config, job_uuid: str
) -> JobDeletionInfo:
    """What deleting a job removes, and what it leaves."""
    job = jobs.by_uuid(db, job_uuid)
    checkout = _own_checkout(db, config, job)
    folders = [task_logs.job_folder(config.local_storage, job.uuid)]
    if checkout:
        folders.append(config.job_storage / checkout)
    return JobDeletionInfo(
        shaman_checkout=bool(checkout),
        tasks=sum(job.counts.values()),
        folders=[str(folder) for folder in folders],
        kept=KEPT,
    )


def go_on(unit: Unit, intent_id: int) -> None:
    """Does the next piece of what is to be done for a job in the database."""
    intent = removal.by_id(unit.db, intent_id)
    if intent is None:
        return
    job = jobs.by_id(unit.db, intent.job_id)
    if job.unsettled:
        transitions.settle(unit, job.uuid)
    elif intent.kind is IntentKind.ARCHIVE_JOB:
        if not removal.trim_some(unit.db, intent, limit=PIECE_SIZE):
            removal.drop(unit.db, [intent])
    elif not removal.drop_some(unit.db, intent.job_id, limit=PIECE_SIZE):
        _plan_file_work(unit, job, intent)


def file_work_done(unit: Unit, intent: Intent) -> None:
    """Some of a deleted job's files are gone; with the last of them, so is the job."""
    if removal.by_id(unit.db, intent.id) is not None:
        removal.drop(unit.db, [intent])
        _drop_if_nothing_is_left(unit, jobs.by_id(unit.db, intent.job_id))


def file_work_failed(unit: Unit, intent: Intent, error: str, *, is_final: bool) -> bool:
    """Files could not be erased; returns whether that is left to a person now."""
    present = removal.by_id(unit.db, intent.id)
    if present is None:
        return False
    attempts = MOST_ATTEMPTS if is_final else present.attempts + 1
    removal.set_attempts(unit.db, present, attempts)
    if attempts < MOST_ATTEMPTS:
        return False
    job = jobs.by_id(unit.db, intent.job_id)
    text = (
        f"Not all files of this job could be erased: {error}. "
        "Delete the job again to try once more, or delete it and leave its files"
    )
    jobs.set_activity(unit.db, job, text, now=unit.now)
    unit.audit("job.delete-failed", job.uuid, work=intent.kind.value, error=error)
    unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))
    return True


def _stop(unit: Unit, job: StoredJob) -> None:
    """No more hand-outs; workers learn that their tasks are cancelled when they ask."""
    if job.status not in FINAL_JOB_STATUSES and job.status is not JobStatus.CANCEL_REQUESTED:
        transitions.change_job(
            unit, job, JobStatus.CANCEL_REQUESTED, reason="The job is being deleted"
        )
    else:
        unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))


def _delete_again(unit: Unit, job: StoredJob, *, leave_files: bool) -> None:
    intents = removal.of_job(unit.db, job.id)
    if leave_files:
        removal.mark_for_deletion(unit.db, job, leave_files=True, now=unit.now)
        removal.drop(unit.db, [intent for intent in intents if intent.kind in removal.FILE_WORK])
        _drop_if_nothing_is_left(unit, job)
        return
    for intent in intents:
        removal.set_attempts(unit.db, intent, 0)


def _plan_file_work(unit: Unit, job: StoredJob, intent: Intent) -> None:
    removal.drop(unit.db, [intent])
    if not job.leave_files:
        removal.add(unit.db, IntentKind.ERASE_LOGS, job.uuid, job.id, now=unit.now)
        checkout = _own_checkout(unit.db, unit.config, job)
        if checkout:
            removal.add(unit.db, IntentKind.ERASE_CHECKOUT, checkout, job.id, now=unit.now)
    _drop_if_nothing_is_left(unit, job)


def _own_checkout(db: sqlite3.Connection, config: Config, job: StoredJob) -> str:
    """The checkout that goes with the job; empty if there is none, or another job uses it."""
    if not config.shaman_enabled:
        return ""
    checkout = removal.checkout_of(db, job)
    return "" if removal.others_use_checkout(db, job, checkout) else checkout


def _drop_if_nothing_is_left(unit: Unit, job: StoredJob) -> None:
    if removal.of_job(unit.db, job.id):
        return
    jobs.drop(unit.db, job)
    unit.audit("job.deleted", job.uuid, name=job.name)
    unit.announce(
        JobDeleted(
            job_id=job.uuid, name=job.name, type=job.type, priority=job.priority, status=job.status
        )
    )
