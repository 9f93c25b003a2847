"""A machine without its storage, or without room, takes no tasks and is to blame for none."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_worker.config import WorkerConfig
from flamenco_worker.config_keys import PreTaskCheck
from flamenco_worker.readiness import Needs, Readiness, size_text
from flamenco_worker.worker import Pace, Worker
from tests.flamenco_worker.farm_programs import Farm, wait_until
from tests.flamenco_worker.protocol_manager import (
    PATIENCE,
    ProtocolManager,
    command,
    task_of,
)

TASK = "11111111-1111-4111-8111-111111111111"
MORE_THAN_ANY_DISK = 2**60
AT_ONCE = timedelta(0)


def problem(good_for: timedelta = AT_ONCE, **needs: object) -> str:
    return Readiness(Needs(**needs), good_for=good_for).problem()  # type: ignore[arg-type]


def test_storage_that_is_there_is_no_problem_and_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"kept")
    before = file.stat().st_mtime_ns
    places = (tmp_path, file)
    new = tmp_path / "new"
    assert problem(readable=places, writable=(*places, new), free_space=1, local=places) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (b"kept", before)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert problem(readable=(tmp_path, gone)) == f"{gone} cannot be read: No such file or directory"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "gone" / "file", Path("/proc/sys")):
        assert problem(writable=(place,)).startswith(f"{place} cannot be written to: ")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    found = problem(writable=(file,), free_space=MORE_THAN_ANY_DISK)
    assert found.startswith(f"the disk of {tmp_path} has ")
    assert found.endswith(" left, and 1.15e+06 TB are needed")


def test_sizes_are_written_for_people() -> None:
    sizes = (0, 999, 1500, 512_000_000, 2_000_000_000, 3_400_000_000_000)
    written = ["0 bytes", "999 bytes", "1.5 kB", "512 MB", "2 GB", "3.4 TB"]
    assert [size_text(size) for size in sizes] == written


def test_that_all_was_well_counts_for_a_while(tmp_path: Path) -> None:
    now = 0.0
    place = tmp_path / "storage"
    place.mkdir()
    readiness = Readiness(Needs(readable=(place,)), good_for=timedelta(10), clock=lambda: now)
    assert readiness.problem() == ""
    place.rmdir()
    assert readiness.problem() == ""
    now += timedelta(10).total_seconds()
    assert "cannot be read" in readiness.problem()
    place.mkdir()
    assert readiness.problem() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe stands for a dead server")
def test_storage_that_never_answers_is_given_up_and_looked_at_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    looks = {each for each in threading.enumerate() if each.name == "readiness"}
    readiness = Readiness(Needs(readable=(pipe,)), answer_within=timedelta(seconds=0.3))
    assert readiness.problem() == f"{pipe} does not answer within 0 seconds"
    assert readiness.problem() == f"{pipe} does not answer within 0 seconds"
    assert readiness.problem(is_over=lambda: True) == ""
    found = {each for each in threading.enumerate() if each.name == "readiness"}
    (look,) = found - looks
    pipe.write_bytes(b"answer")  # lets the look end
    look.join(PATIENCE)
    assert readiness.problem() == ""


class UnreadyWorker:
    """A worker that needs a folder, and looks for it before each task."""

    def __init__(self, home: Path, url: str, storage: Path) -> None:
        config = WorkerConfig(
            home=home,
            worker_name="tester",
            manager_url=url,
            pre_task_check=PreTaskCheck(read=(storage,)),
        )
        soon = timedelta(seconds=0.05)
        pace = Pace(task_wait=timedelta(seconds=10), first_pause=soon, while_unready=soon)
        readiness = Readiness(Needs(readable=(storage,)), good_for=AT_ONCE)
        self.worker = Worker(config, pace=pace, readiness=readiness)
        self._thread = threading.Thread(target=self.worker.run)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            while self._thread.is_alive():
                self.worker.stop("the test ends")
                self._thread.join(0.05)


def told(manager: ProtocolManager) -> list[str]:
    return [request.body["status"] for request in manager.requests("/state-changed")]


def completed(manager: ProtocolManager) -> Callable[[], bool]:
    return lambda: "completed" in manager.statuses_of(TASK)


def test_a_worker_asks_for_no_task_until_its_storage_is_there(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    with ProtocolManager() as manager:
        manager.hand_out(task_of(TASK, command("echo", message="at last")))
        with UnreadyWorker(tmp_path / "home", manager.url, storage).running():
            manager.wait_for(lambda: told(manager) == ["error"], "the complaint")
            assert manager.requests("/task") == []
            storage.mkdir()
            manager.wait_for(completed(manager), "the task")
        assert told(manager) == ["error", "awake"]
        assert manager.statuses_of(TASK) == ["active", "completed"]


def test_a_task_that_cannot_be_done_is_given_back_with_the_reason(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    with ProtocolManager() as manager:
        with UnreadyWorker(tmp_path / "home", manager.url, storage).running():
            manager.wait_for_count("/task", 1)
            storage.rmdir()
            manager.hand_out(task_of(TASK, command("echo", message="never")))
            manager.wait_for(lambda: told(manager) == ["awake", "error"], "the complaint")
        assert manager.statuses_of(TASK) == []
        wanted = f"this worker gives the task back: {storage} cannot be read: "
        assert manager.log_of(TASK).startswith(wanted)
        paths = [request.path for request in manager.received]
        assert paths.index(f"/task/{TASK}") < len(paths) - 1 - paths[::-1].index("/state-changed")


def test_the_real_manager_blames_nobody_for_a_task_that_is_given_back(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    with Farm(tmp_path / "farm") as farm, unready_worker_of(farm, storage):
        wait_until(lambda: worker_status(farm) == "awake", "the worker")
        shutil.rmtree(storage)
        job = farm.submit("echo-sleep-test", message="hi", sleep_repeats=0)
        wait_until(lambda: worker_status(farm) == "error", "the complaint")
        (task,) = farm.tasks(job)
        assert task["status"] == "queued"
        assert not task.get("failed_by_workers")
        storage.mkdir()
        farm.wait_for_job(job, "completed")


@contextmanager
def unready_worker_of(farm: Farm, storage: Path) -> Iterator[None]:
    with UnreadyWorker(farm.folder / "home", farm.url, storage).running():
        yield


def worker_status(farm: Farm) -> str:
    workers = farm.ask("GET", "/worker-mgt/workers")["workers"]
    return str(workers[0]["status"]) if workers else ""
