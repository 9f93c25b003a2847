"""The client's methods for putting jobs away and looking after workers, with a real Manager."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient, ManagerRefused
from flamenco_core.model import JobTagChange, WorkerSleepSchedule, WorkerTag
from flamenco_core.statuses import JobStatus
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "home") as manager:
        yield manager


@pytest.fixture
def client(manager: RunningManager) -> Iterator[ManagerClient]:
    with ManagerClient(f"http://127.0.0.1:{manager.port}/") as client:
        yield client


def cancel(client: ManagerClient, job: str) -> None:
    client.set_job_status(job, JobStatus.CANCEL_REQUESTED, "test")


def test_tags_are_made_given_and_deleted(manager: RunningManager, client: ManagerClient) -> None:
    worker, job = manager.add_worker().uuid, manager.submit()["id"]
    tag = client.create_worker_tag(WorkerTag(name="fast"))
    assert tag.id is not None
    client.set_worker_tags(worker, [tag.id])
    assert client.fetch_worker(worker).tags == [tag]
    client.set_job_tag(job, JobTagChange(name="fast"))
    assert client.fetch_job(job).worker_tag == tag.id
    with pytest.raises(ManagerRefused, match="would run on any worker"):
        client.delete_worker_tag(tag.id)
    client.set_job_tag(job, JobTagChange())
    client.update_worker_tag(tag.id, WorkerTag(name="faster"))
    assert client.fetch_worker_tag(tag.id).name == "faster"
    client.delete_worker_tag(tag.id)
    assert client.fetch_worker_tags() == []


def test_a_worker_gets_a_sleep_schedule(manager: RunningManager, client: ManagerClient) -> None:
    worker = manager.add_worker().uuid
    assert client.fetch_worker_sleep_schedule(worker) is None
    schedule = WorkerSleepSchedule(
        is_active=True, days_of_week="fr", start_time="22:00", end_time="06:00"
    )
    client.set_worker_sleep_schedule(worker, schedule)
    assert client.fetch_worker_sleep_schedule(worker) == schedule
    client.delete_worker(worker)
    assert client.fetch_workers() == []


def test_jobs_are_compiled_again_and_deleted(
    manager: RunningManager, client: ManagerClient
) -> None:
    job = manager.submit()["id"]
    tasks = {task.id for task in client.fetch_job_tasks(job)}
    cancel(client, job)
    client.set_job_status(job, JobStatus.REQUEUEING, "test", compile_again=True)
    assert not tasks & {task.id for task in client.fetch_job_tasks(job)}
    foretold = client.delete_job_what_would_it_do(job)
    assert (foretold.shaman_checkout, foretold.tasks) == (False, 2)
    client.delete_job(job)
    other = manager.submit()["id"]
    client.delete_job(other, leave_files=True)
    eventually(lambda: client.fetch_jobs() == [])


def test_old_jobs_are_deleted_together(manager: RunningManager, client: ManagerClient) -> None:
    jobs = [manager.submit()["id"] for _ in range(2)]
    for job in jobs:
        cancel(client, job)
    client.delete_job_mass(datetime.now(UTC))
    eventually(lambda: client.fetch_jobs() == [])
    with pytest.raises(ManagerRefused, match="No finished job"):
        client.delete_job_mass(datetime.now(UTC))
