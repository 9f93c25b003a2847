"""A job that is compiled again: the new one takes its place, the old one is removed.

The new job is stored beside the old one, under another UUID. In the transaction that ends this,
the two exchange their UUIDs; a crash before that drops the new job, and changes nothing.
"""

from __future__ import annotations

from flamenco_core.manager import removal
from flamenco_core.manager.jobs_at_hand import refuse_job_action
from flamenco_core.manager.unit import Unit
from flamenco_core.model import Job, SubmittedJob
from flamenco_core.rules.actions import JobAction
from flamenco_core.store import jobs
from flamenco_core.store.jobs import StoredJob


def submission_of(job: Job, rna_overrides: list[str]) -> SubmittedJob:
    """What would have to be submitted to get a job once more."""
    return SubmittedJob(
        name=job.name,
        type=job.type,
        priority=job.priority,
        settings=job.settings,
        metadata=job.metadata,
        submitter_platform=job.submitter_platform,
        storage=job.storage,
        worker_tag=job.worker_tag,
        rna_overrides=rna_overrides or None,
    )


def take_place(unit: Unit, new: StoredJob, job_uuid: str) -> StoredJob:
    """Makes a job that is stored but for its status the one that has this UUID.

    Raises:
        Conflict: if the one that has it cannot be compiled again (any more).
    """
    old = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(old, JobAction.COMPILE_AGAIN)
    jobs.exchange_uuids(unit.db, old, new)
    # Its files stay where they belong to the job that goes on: this one has another UUID now, and
    # a checkout that another job uses is not erased.
    removal.delete(unit, new.uuid, leave_files=False)
    unit.audit("job.compile-again", old.uuid, discarded=new.uuid)
    return jobs.by_uuid(unit.db, old.uuid)
