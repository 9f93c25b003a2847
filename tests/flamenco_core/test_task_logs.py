from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core import task_logs
from flamenco_core.manager import Manager, log_files
from flamenco_core.model import TaskUpdate
from flamenco_core.store import logs
from flamenco_core.task_logs import LogChunk
from tests.flamenco_core.farms import awake_worker, compiled_job, complete, store, take


def chunks(*texts: str) -> list[LogChunk]:
    made, offset = [], 0
    for number, text in enumerate(texts):
        made.append(LogChunk(number, offset, text))
        offset += len(text.encode())
    return made


def test_a_reader_joins_what_is_in_the_file_with_what_still_waits(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    all_chunks = chunks("one\n", "zwölf\n", "three\n")
    task_logs.append(file, all_chunks[:2])
    assert task_logs.read(file, all_chunks[2:]) == "one\nzwölf\nthree\n"


def test_chunks_that_are_in_the_file_and_still_wait_are_read_once(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    all_chunks = chunks("one\n", "two\n", "three\n")
    task_logs.append(file, all_chunks[:2])
    assert task_logs.read(file, all_chunks[1:]) == "one\ntwo\nthree\n"


def test_writing_the_same_chunks_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    all_chunks = chunks("one\n", "two\n")
    task_logs.append(file, all_chunks)
    task_logs.append(file, all_chunks[:1])
    assert file.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("in_file", [0, 1, 3])
def test_the_tail_starts_with_a_whole_line(tmp_path: Path, in_file: int) -> None:
    file = tmp_path / "log.txt"
    all_chunks = chunks("first line\n", "second line\n", "third line\n")
    task_logs.append(file, all_chunks[:in_file])
    assert task_logs.read(file, all_chunks[in_file:], last_bytes=15) == "third line\n"


def test_moving_log_text_to_files_loses_nothing_at_any_point(tmp_path: Path) -> None:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        worker = awake_worker(manager)
        store(manager, compiled_job(1))
        task = take(manager, worker)
        for line in ("one", "two", "three"):
            manager.update_task(worker, task.uuid, TaskUpdate(log=line))
        whole = manager.task_log(task.uuid)
        assert whole.endswith("one\ntwo\nthree\n")
        waiting = manager.waiting_log_chunks(limit=3)
        log_files.write(waiting, manager.config.local_storage)
        assert manager.task_log(task.uuid) == whole
        manager.drop_log_chunks(waiting)
        assert manager.task_log(task.uuid) == whole
        manager.update_task(worker, task.uuid, TaskUpdate(log="four"))
        assert manager.task_log(task.uuid) == f"{whole}four\n"


def long_log(manager: Manager) -> tuple[str, str, str]:
    """A task whose attempt is over with a long log: worker, task, and the log."""
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    text = "".join(f"line {number}\n" for number in range(2000))
    manager.update_task(worker, task.uuid, TaskUpdate(log=text, attempt=1))
    complete(manager, worker, task)
    return worker, task.uuid, manager.task_log(task.uuid)


def move_logs(manager: Manager) -> None:
    waiting = manager.waiting_log_chunks(limit=100)
    log_files.write(waiting, manager.config.local_storage)
    manager.drop_log_chunks(waiting)


def compress_logs(manager: Manager) -> int:
    finished = manager.logs_to_compress(limit=100)
    log_files.compress(finished, manager.config.local_storage)
    manager.logs_compressed(finished)
    return len(finished)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


def test_the_log_of_an_attempt_that_is_over_is_compressed_and_read_as_before(
    manager: Manager, tmp_path: Path
) -> None:
    _, task, whole = long_log(manager)
    assert compress_logs(manager) == 0, "some of it is not in the file yet"
    move_logs(manager)
    (plain,) = tmp_path.rglob("task-*.txt")
    size = plain.stat().st_size
    assert compress_logs(manager) == 1
    (compressed,) = tmp_path.rglob("task-*")
    assert compressed.suffix == ".gz"
    assert compressed.stat().st_size < size / 3
    with manager.reader() as reader:
        assert reader.task_log(task) == whole
        assert reader.task_log(task, last_bytes=20) == "line 1998\nline 1999\n"
    assert compress_logs(manager) == 0


def test_what_comes_for_a_compressed_log_is_added_and_compressed_too(
    manager: Manager, tmp_path: Path
) -> None:
    worker, task, whole = long_log(manager)
    move_logs(manager)
    compress_logs(manager)
    assert not manager.update_task(worker, task, TaskUpdate(log="late", attempt=1)).is_accepted
    assert manager.task_log(task) == f"{whole}late\n"
    move_logs(manager)
    assert manager.task_log(task) == f"{whole}late\n"
    assert compress_logs(manager) == 1
    assert manager.task_log(task) == f"{whole}late\n"
    assert [file.suffix for file in tmp_path.rglob("task-*")] == [".gz"]


def test_a_small_log_stays_as_it_is(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    complete(manager, worker, take(manager, worker))
    move_logs(manager)
    assert compress_logs(manager) == 0


def test_a_crash_while_compressing_loses_nothing(manager: Manager, tmp_path: Path) -> None:
    _, task, whole = long_log(manager)
    move_logs(manager)
    (plain,) = tmp_path.rglob("task-*.txt")
    content = plain.read_bytes()
    compress_logs(manager)
    plain.write_bytes(content)  # as if the plain file had not been removed yet
    assert manager.task_log(task) == whole
    task_logs.append(plain, [LogChunk(1, len(content), "more\n")])
    assert task_logs.read(plain, []) == f"{content.decode()}more\n"
    assert not task_logs.compressed_file(plain).exists()


def test_a_log_that_is_too_long_ends_with_a_sentence_about_that(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_LOG", 500)
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    for _ in range(100):
        manager.update_task(worker, task.uuid, TaskUpdate(log="a line of a log"))
    log = manager.task_log(task.uuid)
    assert log.count("a line of a log") < 30
    assert log.endswith("The rest of this log was not kept, since it is too long.\n")
    with manager.reader() as reader:
        assert reader.task_log_size(task.uuid) == len(log.encode())


@given(
    texts=st.lists(st.text("aä\n", min_size=1, max_size=9), max_size=6),
    in_file=st.integers(0, 6),
    is_compressed=st.booleans(),
    start=st.integers(0, 60),
    length=st.integers(0, 60),
)
def test_any_part_of_a_log_can_be_read(
    texts: list[str], in_file: int, is_compressed: bool, start: int, length: int
) -> None:
    all_chunks, whole = chunks(*texts), "".join(texts).encode()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.txt"
        task_logs.append(file, all_chunks[:in_file])
        if is_compressed:
            task_logs.compress(file)
        part = task_logs.read_range(file, all_chunks[in_file:], start, start + length)
        assert part == whole[start : start + length]
        assert task_logs.read(file, all_chunks[in_file:]) == whole.decode()
