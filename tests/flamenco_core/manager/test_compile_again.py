"""A job that is compiled again gets new tasks in the place of its old ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core.errors import Conflict, InvalidInput, NotFound
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobStatusChange, JobTagChange, SubmittedJob, WorkerTag
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.flamenco_core.farms import ask, awake_worker, complete, report, statuses, take

ONE_FRAME = """
from flamenco_core.job_types.authoring import JobType, Setting

JOB_TYPE = JobType(label="Frames", settings=[Setting("frames", "int32", default=2)])


def compile_job(job):
    for number in range(job.settings.frames):
        task = job.task(f"PREFIX-{number}", type="misc")
        task.command("echo", {"message": "hello"})
"""


@pytest.fixture
def job_type(tmp_path: Path) -> Path:
    file = tmp_path / "scripts" / "frames.py"
    file.parent.mkdir()
    file.write_text(ONE_FRAME.replace("PREFIX", "old"))
    return file


def submit(manager: Manager) -> str:
    submitted = SubmittedJob(
        name="shot",
        type="frames",
        priority=70,
        settings={"frames": 3},
        metadata={"project": "tests"},
        submitter_platform="linux",
    )
    return manager.submit_job(submitted).id


def again(manager: Manager, job: str, status: JobStatus = JobStatus.REQUEUEING) -> None:
    change = JobStatusChange(status=status, reason="test", compile_again=True)
    manager.set_job_status(job, change, actor=MANAGER)


def test_a_finished_job_gets_the_tasks_that_its_type_makes_now(
    manager: Manager, job_type: Path
) -> None:
    worker = awake_worker(manager, "misc")
    job = submit(manager)
    before = manager.job(job)
    for _ in range(3):
        task = take(manager, worker)
        assert task.name.startswith("old-")
        report(manager, worker, task, TaskStatus.ACTIVE, log="line")
        complete(manager, worker, task)
    job_type.write_text(ONE_FRAME.replace("PREFIX", "new"))
    again(manager, job)
    after = manager.job(job)
    assert (after.status, after.activity) == (JobStatus.QUEUED, "compiled again")
    assert [task.name for task in manager.tasks(job)] == ["new-0", "new-1", "new-2"]
    for kept in ("id", "name", "priority", "settings", "metadata", "created"):
        assert getattr(after, kept) == getattr(before, kept)
    manager.finish_removals()
    with manager.reader() as reader:
        assert [listed["id"] for listed in reader.jobs()] == [job]
    with pytest.raises(NotFound):
        manager.task_log(task.uuid)
    assert take(manager, worker).name == "new-0"


def test_its_tag_and_overrides_stay(manager: Manager, job_type: Path) -> None:
    job = submit(manager)
    manager.create_tag(WorkerTag(name="fast"), actor=MANAGER)
    manager.set_job_tag(job, JobTagChange(name="fast"), actor=MANAGER)
    manager.set_rna_overrides(job, ["x = 1"], actor=MANAGER)
    tag = manager.job(job).worker_tag
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    again(manager, job)
    manager.finish_removals()
    assert manager.job(job).worker_tag == tag
    assert manager.rna_overrides(job) == ["x = 1"]
    assert statuses(manager, job) == ["queued"] * 3


def test_a_job_type_that_does_not_take_the_settings_any_more_changes_nothing(
    manager: Manager, job_type: Path
) -> None:
    job = submit(manager)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    job_type.write_text(ONE_FRAME.replace('"frames", "int32", default=2', '"frames", "string"'))
    with pytest.raises(InvalidInput):
        again(manager, job)
    assert manager.job(job).status is JobStatus.CANCELED
    assert manager.removals() == []


def test_a_job_that_runs_is_not_compiled_again(manager: Manager, job_type: Path) -> None:
    job = submit(manager)
    with pytest.raises(Conflict, match="it is queued"):
        again(manager, job)
    with pytest.raises(InvalidInput, match="goes with requeueing only"):
        again(manager, job, JobStatus.CANCEL_REQUESTED)


def test_a_job_that_changed_meanwhile_keeps_its_tasks(manager: Manager, job_type: Path) -> None:
    job = submit(manager)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    compiled = manager.compile_job(manager.resubmission(job))
    [store_all] = manager.storing(compiled, replaces=job, actor=MANAGER)
    ask(manager, job, JobStatus.REQUEUEING)
    with pytest.raises(Conflict, match="it is queued"):
        store_all()
    with pytest.raises(NotFound):
        manager.job(compiled.id)
    assert statuses(manager, job) == ["queued"] * 3
