"""A studio's failure classes count while the Manager runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.manager import Manager
from flamenco_core.manager.failure_class_file import FAILURE_CLASSES_FILE, FailureClassFile
from flamenco_core.rules.failure_classes import BUILT_IN
from flamenco_core.statuses import TaskStatus
from tests.flamenco_core.farms import awake_worker, compiled_job, report, store, take
from tests.manager_service.running_manager import RunningManager

MELTING = """melted:
  patterns: ["it melted"]
  policy: fatal
  sentence: The machine is too hot.
"""


def test_a_new_file_counts_for_the_next_failure(tmp_path: Path) -> None:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        file = FailureClassFile(tmp_path)
        assert file.news() is None
        worker, _other = awake_worker(manager), awake_worker(manager)
        store(manager, compiled_job(20))
        (tmp_path / FAILURE_CLASSES_FILE).write_text(MELTING)
        classes = file.news()
        assert classes is not None
        assert file.news() is None
        manager.use_failure_classes(classes)
        task = take(manager, worker)
        report(manager, worker, task, TaskStatus.FAILED, log="Oh no, it melted")
        failure = manager.task(task.uuid).failure
        assert failure is not None
        assert (failure.failure_class, failure.sentence) == ("melted", "The machine is too hot.")


def test_mistakes_are_told_until_they_are_mended(tmp_path: Path) -> None:
    file, path = FailureClassFile(tmp_path), tmp_path / FAILURE_CLASSES_FILE
    path.write_text(MELTING.replace("policy", "polcy"))
    for _ in range(2):
        with pytest.raises(InvalidInput, match="line 3"):
            file.news()
    path.write_text(MELTING)
    assert len(file.news() or ()) == len(BUILT_IN) + 1
    path.unlink()
    assert list(file.news() or ()) == list(BUILT_IN)


def test_a_running_manager_takes_a_new_file_over(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        worker, _other = manager.add_worker("a"), manager.add_worker("b")
        (tmp_path / FAILURE_CLASSES_FILE).write_text(MELTING)
        service = manager.server.service
        (watch,) = [chore for chore in service.chores if chore.name == "failure-classes"]

        async def look() -> None:
            runs = watch.state.runs
            watch.due()
            while watch.state.runs == runs or watch.state.is_running:
                await asyncio.sleep(0.01)

        manager.on_loop(look())
        settings = {"message": "x"}
        job = {"name": "x", "type": "echo-sleep-test", "submitter_platform": "linux"}
        manager.post("/jobs", {**job, "settings": settings})
        task = manager.post("/worker/task", worker=worker).json["uuid"]
        update = {"taskStatus": "failed", "log": "it melted"}
        manager.post(f"/worker/task/{task}", update, worker=worker)
        failure = manager.get(f"/tasks/{task}").json["failure"]
        assert failure == {"failure_class": "melted", "sentence": "The machine is too hot."}
