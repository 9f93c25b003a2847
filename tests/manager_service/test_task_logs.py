"""Task logs over HTTP: whole, in parts, and while they get longer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_operations import take_task, update

LINES = "".join(f"line {number}\n" for number in range(3000))


@pytest.fixture(scope="module")
def log(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, RunningManager, bytes]]:
    with RunningManager(tmp_path_factory.mktemp("farm")) as manager:
        worker = manager.add_worker()
        manager.submit()
        task = take_task(manager, worker)
        update(manager, worker, task, log=LINES)
        path = f"/tasks/{task['uuid']}/log.txt"
        yield path, manager, manager.get(path).content


def test_the_whole_log_is_sent_with_its_length(log: tuple[str, RunningManager, bytes]) -> None:
    path, manager, whole = log
    answer = manager.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(whole))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert whole.decode().endswith(LINES)


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=20-999999999", 20, None),
    ],
)
def test_a_part_of_a_log_can_be_asked_for(
    log: tuple[str, RunningManager, bytes], header: str, start: int, end: int | None
) -> None:
    path, manager, whole = log
    answer = manager.get(path, headers={"Range": header})
    assert (answer.status, answer.content) == (206, whole[start:end])
    assert answer.headers["Content-Range"].endswith(f"/{len(whole)}")


def test_a_part_behind_the_end_is_refused_with_the_length(
    log: tuple[str, RunningManager, bytes],
) -> None:
    path, manager, whole = log
    answer = manager.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(whole)}"


def test_the_log_of_a_finished_attempt_is_compressed_and_served_as_before(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        worker = manager.add_worker()
        manager.submit()
        task = take_task(manager, worker)
        update(manager, worker, task, log=LINES)
        update(manager, worker, task, taskStatus="completed")
        path = f"/tasks/{task['uuid']}/log.txt"
        whole = manager.get(path).content
    # What is left to do is done first thing after a start: where the first Manager took its time,
    # the second one has nothing to move any more, and compresses already.
    with RunningManager(tmp_path) as manager:
        eventually(lambda: any(tmp_path.rglob("task-*.txt*")))
    with RunningManager(tmp_path) as manager:
        eventually(lambda: any(tmp_path.rglob("task-*.gz")))
        assert manager.get(path).content == whole
        (compressed,) = tmp_path.rglob("task-*.gz")
        assert zlib.decompress(compressed.read_bytes(), wbits=31) == whole
