from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core import task_logs
from flamenco_core.manager import Manager, log_files
from flamenco_core.model import TaskUpdate
from flamenco_core.task_logs import LogChunk
from tests.flamenco_core.farms import awake_worker, compiled_job, store, take


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
