"""Health, metrics and background work, as those who watch over a Manager see them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as families

from manager_service.background import disk_space, work
from manager_service.background.disk_space import DiskSpace
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_operations import take_task


def samples(manager: RunningManager) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name, and the values of the labels."""
    reply = manager.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families(reply.content.decode())
        for sample in family.samples
    }


def chore(manager: RunningManager, name: str) -> dict[str, Any]:
    chores = manager.get("/background").json["chores"]
    found: dict[str, Any] = next(each for each in chores if each["name"] == name)
    return found


def has_run(manager: RunningManager, name: str) -> dict[str, Any] | None:
    """The chore, once it has been done and waits for the next time."""
    told = chore(manager, name)
    return told if "next_run" in told and told["runs"] else None


def run_until(
    manager: RunningManager, name: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    assert manager.post(f"/background/{name}/run").status == 204
    eventually(lambda: holds(chore(manager, name)))
    return chore(manager, name)


def test_a_manager_that_works_is_alive_and_ready(shared_manager: RunningManager) -> None:
    eventually(lambda: shared_manager.get("/health/ready").status == 200)
    assert shared_manager.get("/health/ready").json == {"status": "ready"}
    assert shared_manager.get("/health/live").json == {"status": "alive"}


def test_a_stuck_database_is_told_and_is_deadly_in_the_end(
    manager: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manager_service.background.chore.RETRY_DELAY", timedelta(milliseconds=10))
    eventually(lambda: manager.get("/health/ready").status == 200)
    health = manager.server.service.health
    clock = health.clock
    # For whoever looks at a write that has not ended, it has been waiting for long.
    late = timedelta(seconds=40).total_seconds()
    health.clock = lambda: clock() + (late if health._waiting_since is not None else 0)
    other = sqlite3.connect(manager.config.database_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        manager.post("/background/database-probe/run")
        eventually(lambda: manager.get("/health/live").status == 503)
        eventually(lambda: "has not answered for" in manager.get("/health/live").content.decode())
        assert manager.get("/health/ready").status == 503
    finally:
        other.execute("ROLLBACK")
        other.close()
    eventually(lambda: manager.get("/health/ready").status == 200)


def test_a_disk_that_is_nearly_full_makes_a_manager_unready_and_is_logged(
    manager: RunningManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    eventually(lambda: manager.get("/health/ready").status == 200)
    full = DiskSpace("database", Path("/srv/farm"), free_bytes=10**8, total_bytes=10**12)
    monkeypatch.setattr(disk_space, "measure", lambda _config: [full])
    run_until(manager, "disk-space", lambda told: "0.1 GB" in told["result"])
    ready = manager.get("/health/ready")
    assert (ready.status, ready.problems) == (503, ["database"])
    assert "100 MB free" in ready.json["message"]
    assert "/srv/farm" not in ready.content.decode(), "anybody may ask"
    assert "The disk of /srv/farm (database) has only 0.1 GB free" in caplog.text
    assert manager.get("/health/live").status == 200


@pytest.mark.parametrize(
    ("free", "total", "is_little", "is_too_little"),
    [
        (10**8, 10**12, True, True),
        (9 * 10**9, 10**12, True, False),
        (11 * 10**9, 10**12, False, False),
        (9 * 10**9, 10**11, False, False),
        (4 * 10**9, 10**11, True, False),
    ],
)
def test_how_much_room_is_little_depends_on_the_disk(
    free: int, total: int, is_little: bool, is_too_little: bool
) -> None:
    disk = DiskSpace("database", Path(), free, total)
    assert (disk.is_little, disk.is_too_little) == (is_little, is_too_little)


def test_a_folder_out_of_reach_and_back_again_is_told_once(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("INFO")
    (gone,) = [disk_space._measured("shared-storage", tmp_path / "nowhere")]
    (there,) = [DiskSpace("shared-storage", tmp_path / "nowhere", 10**12, 10**12)]
    for before, now in ((there, gone), (gone, gone), (gone, there), (there, there)):
        disk_space.warn([before], [now])
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_requests_are_counted_by_operation_and_status(manager: RunningManager) -> None:
    for _ in range(3):
        manager.get("/version")
    manager.get("/jobs/00000000-0000-0000-0000-000000000000")
    found = samples(manager)
    assert found["flamenco_requests_total", ("getVersion", "200")] == 3
    assert found["flamenco_requests_total", ("fetchJob", "404")] == 1
    assert found["flamenco_request_duration_seconds_count", ("getVersion",)] == 3
    assert found["flamenco_request_duration_seconds_sum", ("getVersion",)] > 0


def test_the_farm_is_counted(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit()
    manager.submit()
    task = take_task(manager, worker)
    found = samples(manager)
    assert found["flamenco_workers", ("awake",)] == 1
    assert (found["flamenco_jobs", ("active",)], found["flamenco_jobs", ("queued",)]) == (1, 1)
    assert (found["flamenco_tasks", ("active",)], found["flamenco_tasks", ("queued",)]) == (1, 3)
    assert found["flamenco_waiting_workers", ()] == 0
    assert (
        found["flamenco_write_requests_total", ()] >= found["flamenco_write_groups_total", ()] > 0
    )
    manager.post(f"/worker/task/{task['uuid']}", {"taskStatus": "completed"}, worker=worker)
    eventually(lambda: samples(manager)["flamenco_tasks_ended_total", ("completed",)] == 1)


def test_background_work_disks_and_the_process_are_measured(manager: RunningManager) -> None:
    eventually(lambda: manager.get("/health/ready").status == 200)
    eventually(lambda: bool(chore(manager, "disk-space")["result"]))
    found = samples(manager)
    now = datetime.now(UTC).timestamp()
    assert found["flamenco_ready", ()] == 1
    assert found["flamenco_write_lag_seconds", ()] < 30
    assert found["flamenco_disk_free_bytes", ("database",)] > 0
    assert found["flamenco_background_runs_total", ("time-outs",)] >= 1
    assert found["flamenco_background_failing", ("time-outs",)] == 0
    assert now - 60 < found["flamenco_background_last_start_timestamp_seconds", ("time-outs",)]
    assert now < found["flamenco_background_next_run_timestamp_seconds", ("integrity",)]
    assert found["process_resident_memory_bytes", ()] > 0


def test_open_metrics_are_sent_to_whoever_asks_for_them(shared_manager: RunningManager) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    reply = shared_manager.get("/metrics", headers={"Accept": accept})
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    read: Callable[[str], Iterable[Metric]] = open_metrics
    names = {family.name for family in read(reply.content.decode())}
    assert {"flamenco_jobs", "flamenco_requests", "flamenco_background_runs"} <= names


def test_background_work_is_listed_and_run_on_demand(manager: RunningManager) -> None:
    told = eventually(lambda: has_run(manager, "shaman-garbage"))
    assert told["runs"] == 1
    assert told["interval_seconds"] == timedelta(hours=24).total_seconds()
    assert told["description"] == "Collecting unused files"
    told = run_until(
        manager, "shaman-garbage", lambda told: told["runs"] == 2 and not told["is_running"]
    )
    assert (told["failures"], told["error"]) == (0, "")


def test_work_that_nobody_does_cannot_be_run(shared_manager: RunningManager) -> None:
    reply = shared_manager.post("/background/nothing/run")
    assert reply.status == 404
    assert "time-outs" in reply.json["message"]


def test_a_farm_that_does_not_add_up_is_found_by_the_periodic_check(tmp_path: Path) -> None:
    period = timedelta(milliseconds=50)
    with RunningManager(tmp_path / "farm", database_check_period=period) as manager:
        manager.submit()
        eventually(lambda: chore(manager, "integrity")["result"] == "Everything adds up")
        db = sqlite3.connect(manager.config.database_file)
        with db:
            db.execute("UPDATE jobs SET tasks_queued = 5")
        db.close()
        eventually(lambda: "counts 5 tasks as queued" in chore(manager, "integrity")["result"])
        assert "farm" in manager.get("/health/ready").problems
        assert samples(manager)["flamenco_integrity_findings", ()] == 1


def test_without_a_period_the_farm_is_not_checked(tmp_path: Path) -> None:
    with RunningManager(tmp_path / "farm", database_check_period=timedelta(0)) as manager:
        names = [each["name"] for each in manager.get("/background").json["chores"]]
    assert "integrity" not in names


def test_what_fails_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manager_service.background.chore.RETRY_DELAY", timedelta(milliseconds=10))
    monkeypatch.setattr(work, "DISKS_PERIOD", timedelta(hours=1))

    def fail(config: object) -> list[DiskSpace]:
        raise OSError("no such drive")

    with RunningManager(tmp_path / "farm") as manager:
        with monkeypatch.context() as broken:
            broken.setattr(disk_space, "measure", fail)
            run_until(manager, "disk-space", lambda told: told["failures"] >= 2)
            assert chore(manager, "disk-space")["error"] == "no such drive"
            assert samples(manager)["flamenco_background_failing", ("disk-space",)] == 1
        eventually(lambda: chore(manager, "disk-space")["error"] == "")
