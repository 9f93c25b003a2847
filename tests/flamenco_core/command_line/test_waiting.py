"""Waiting for jobs of a real Manager; the test plays the worker."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.command_line.waiting import PATIENCE_WITH_MANAGER, JobEnd, wait_for_job
from flamenco_core.statuses import JobStatus
from tests.manager_service.running_manager import RunningManager, WorkerLogin


def run_all_tasks(manager: RunningManager, worker: WorkerLogin, status: str, **update: str) -> None:
    """Takes tasks and ends each with `status` until there is none left."""
    while True:
        reply = manager.post("/worker/task", worker=worker)
        if reply.status == 204:
            return
        assert reply.status == 200, reply
        task = reply.json["uuid"]
        changed = manager.post(
            f"/worker/task/{task}", {"taskStatus": status, **update}, worker=worker
        )
        assert changed.status == 204, changed


def waited(manager: RunningManager, job_id: str, status: str, **update: str) -> JobEnd:
    worker = manager.add_worker()
    with ManagerClient(f"http://127.0.0.1:{manager.port}") as client:
        return wait_for_job(
            client,
            client.fetch_job(job_id),
            quiet=True,
            sleep=lambda _seconds: run_all_tasks(manager, worker, status, **update),
        )


def test_a_job_that_completes_needs_no_reason(farm: RunningManager) -> None:
    end = waited(farm, farm.submit()["id"], "completed")
    assert (end.job.status, end.reason) == (JobStatus.COMPLETED, "")


def test_a_job_that_fails_says_which_task_failed_why_and_where_its_log_is(
    farm: RunningManager,
) -> None:
    end = waited(farm, farm.submit()["id"], "failed", activity="the texture is purple")
    assert end.job.status is JobStatus.FAILED
    assert "task echo is failed: the texture is purple" in end.reason
    assert "flamenco task-log " in end.reason


def test_a_job_that_somebody_cancels_is_told_so(farm: RunningManager) -> None:
    job = farm.submit()["id"]
    change = {"status": "cancel-requested", "reason": "no longer needed"}

    def cancel(_seconds: float) -> None:
        farm.post(f"/jobs/{job}/setstatus", change)

    with ManagerClient(f"http://127.0.0.1:{farm.port}") as client:
        end = wait_for_job(client, client.fetch_job(job), quiet=True, sleep=cancel)
    assert end.reason.startswith("the job is canceled")


def test_a_manager_that_is_away_for_a_while_ends_no_waiting_but_for_ever_does(
    farm: RunningManager,
) -> None:
    with ManagerClient(f"http://127.0.0.1:{farm.port}") as client:
        job = client.fetch_job(farm.submit()["id"])
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        now = [0.0]

        def sleep(_seconds: float) -> None:
            now[0] += timedelta(minutes=1).total_seconds()

        with (
            ManagerClient(f"http://127.0.0.1:{port}") as client,
            pytest.raises(ManagerUnreachable),
        ):
            wait_for_job(client, job, quiet=True, sleep=sleep, monotonic=lambda: now[0])
    assert now[0] > PATIENCE_WITH_MANAGER.total_seconds()


def test_a_job_that_is_gone_ends_the_waiting_at_once(farm: RunningManager) -> None:
    from dataclasses import replace

    with ManagerClient(f"http://127.0.0.1:{farm.port}") as client:
        job = client.fetch_job(farm.submit()["id"])
        gone = replace(job, id="00000000-0000-4000-8000-000000000000")
        with pytest.raises(ManagerRefused) as caught:
            wait_for_job(client, gone, quiet=True, sleep=lambda _seconds: None)
    assert caught.value.status == 404
