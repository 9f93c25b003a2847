"""The client's methods for steering and explaining, with a real Manager."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient, ManagerRefused
from flamenco_core.model import SubmittedJob
from flamenco_core.model.action_requests import (
    JobActionRequest,
    JobsActionRequest,
    TaskActionRequest,
    TasksActionRequest,
    WorkersActionRequest,
)
from flamenco_core.model.actions import JobAction, TaskAction, WorkerAction
from flamenco_core.model.finding import IdKind
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "home") as manager:
        yield manager


@pytest.fixture
def client(manager: RunningManager) -> Iterator[ManagerClient]:
    with ManagerClient(f"http://127.0.0.1:{manager.port}/", token="") as client:
        yield client


def becomes(client: ManagerClient, job: str, status: JobStatus) -> None:
    eventually(lambda: client.fetch_job(job).status is status)


def test_a_job_is_steered_by_what_it_says_is_possible(
    manager: RunningManager, client: ManagerClient
) -> None:
    job = manager.submit()["id"]
    choices = {choice.action: choice for choice in client.fetch_job(job).actions or []}
    assert (choices["cancel"].is_possible, choices["archive"].is_possible) == (True, False)
    with pytest.raises(ManagerRefused, match="it is queued") as refusal:
        client.archive_job(job)
    assert refusal.value.status == 409
    client.act_on_job(job, JobActionRequest(action=JobAction.CANCEL, reason="test"))
    becomes(client, job, JobStatus.CANCELED)
    client.archive_job(job)
    assert client.fetch_job(job).archived_at


def test_many_are_asked_in_one_request(manager: RunningManager, client: ManagerClient) -> None:
    jobs = [manager.submit()["id"] for _ in range(2)]
    request = JobsActionRequest(
        action=JobAction.SET_PRIORITY, priority=80, job_ids=jobs, preview=True
    )
    assert client.act_on_jobs(request).done == 2
    assert client.fetch_job(jobs[0]).priority == 50
    report = client.act_on_jobs(
        JobsActionRequest(action=JobAction.SET_PRIORITY, priority=80, job_ids=jobs)
    )
    assert [item.is_done for item in report.items] == [True, True]
    assert client.fetch_job(jobs[1]).priority == 80
    worker = manager.add_worker().uuid
    report = client.act_on_workers(
        WorkersActionRequest(action=WorkerAction.PAUSE, worker_ids=[worker])
    )
    assert report.done == 1
    client.ask_worker(worker, WorkerAction.WITHDRAW)
    assert client.fetch_worker(worker).status_change is None
    tasks = TasksActionRequest(
        action=TaskAction.CANCEL, job_id=jobs[0], status=TaskStatus.QUEUED, preview=True
    )
    assert client.act_on_tasks(tasks).done == 2


def test_a_task_is_cancelled_and_queued_again(
    manager: RunningManager, client: ManagerClient
) -> None:
    job = manager.submit()["id"]
    task = client.fetch_job_tasks(job)[1].id
    client.act_on_task(task, TaskActionRequest(action=TaskAction.CANCEL))
    choices = {choice.action: choice for choice in client.fetch_task(task).actions or []}
    assert choices["cancel"].reason == "it is canceled"
    client.act_on_task(task, TaskActionRequest(action=TaskAction.REQUEUE))
    assert client.fetch_task(task).status is TaskStatus.QUEUED
    with pytest.raises(ManagerRefused, match="none of its tasks has failed"):
        client.requeue_failed_tasks(job)


def test_overrides_are_read_and_replaced(manager: RunningManager, client: ManagerClient) -> None:
    job = manager.submit()["id"]
    assert client.rna_overrides(job) == []
    assert client.set_rna_overrides(job, ["x = 1"]) == ["x = 1"]
    with pytest.raises(ManagerRefused, match="line 1, column 5") as refusal:
        client.set_rna_overrides(job, ["x = = 2"])
    assert refusal.value.status == 422
    assert client.rna_overrides(job) == ["x = 1"]


def test_the_scheduler_explains_itself(manager: RunningManager, client: ManagerClient) -> None:
    job = manager.submit()["id"]
    fitting, other = manager.add_worker("fits").uuid, manager.add_worker(types=("ffmpeg",)).uuid
    assert client.why_not(fitting, job).gets_tasks
    [page] = client.job_why_not(job)
    assert [(each.condition, each.workers) for each in page.reasons] == [("task-type", 1)]
    assert [worker.worker_id for worker in page.workers] == [fitting, other]
    assert [each.worker_id for each in client.job_plan(job).hand_outs] == [fitting]
    assert [each.task_name for each in client.plan().hand_outs] == ["echo"]
    submitted = SubmittedJob(
        name="later",
        type="echo-sleep-test",
        submitter_platform="linux",
        settings={"message": "hello"},
    )
    assert client.plan_job(submitted).hand_outs == []


def test_things_are_found_by_the_beginning_of_their_ids(
    manager: RunningManager, client: ManagerClient
) -> None:
    job = manager.submit()
    [found] = client.find_ids(IdKind.JOB, job["id"][:8])
    assert (found.id, found.name) == (job["id"], job["name"])


def test_a_mass_deletion_is_foretold(manager: RunningManager, client: ManagerClient) -> None:
    job = manager.submit()["id"]
    client.act_on_job(job, JobActionRequest(action=JobAction.CANCEL))
    becomes(client, job, JobStatus.CANCELED)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    foretold = client.delete_job_mass_what_would_it_do(soon)
    assert (foretold.jobs, foretold.tasks, foretold.job_ids) == (1, 2, [job])
