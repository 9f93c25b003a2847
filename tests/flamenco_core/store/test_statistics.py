"""What attempts took and made stays known, each by itself and in sums."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamenco_core import wire
from flamenco_core.errors import InvalidInput, NotFound
from flamenco_core.manager import Manager
from flamenco_core.model import AssignedTask, TaskStatistics, TaskUpdate
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import jobs
from flamenco_core.store.statistics import NAMED_OUTPUT_FILES
from tests.flamenco_core.farms import (
    FakeClock,
    ask,
    awake_worker,
    compiled_job,
    complete,
    fail,
    store,
    take,
)

MEASURED = TaskStatistics(
    load_seconds=1.5,
    render_seconds=20.25,
    save_seconds=0.5,
    peak_memory=3 * 2**30,
    device="CPU",
    samples=128,
    output_files=["0001.png", "0002.png"],
    is_warm=True,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def manager(tmp_path: Path, clock: FakeClock) -> Iterator[Manager]:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file, clock=clock, monotonic=clock.monotonic) as manager:
        yield manager
        assert manager.check() == []


def tell(
    manager: Manager,
    worker: str,
    task: AssignedTask,
    statistics: TaskStatistics,
    status: TaskStatus | None = None,
) -> bool:
    update = TaskUpdate(taskStatus=status, attempt=task.attempt, statistics=statistics)
    return manager.update_task(worker, task.uuid, update).is_accepted


def attempts(manager: Manager, job: str) -> list[dict[str, Any]]:
    with manager.reader() as reader:
        return reader.statistics(job)


def sums(manager: Manager, worker: str | None = None) -> list[dict[str, Any]]:
    with manager.reader() as reader:
        return reader.statistics_sums(worker)


def delete(manager: Manager, job: str) -> None:
    """Drops a job with all that refers to it."""
    with manager.unit_of_work():
        jobs.drop(manager._db, jobs.by_uuid(manager._db, job))


def test_statistics_outlive_the_job_with_all_the_names_in_them(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager, "blender", name="node-7")
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    clock.advance(timedelta(seconds=30))
    tell(manager, worker, task, MEASURED, TaskStatus.COMPLETED)
    before = attempts(manager, job)
    delete(manager, job)
    assert attempts(manager, job) == before
    assert before == [
        {
            "job_id": job,
            "job_name": "shot",
            "job_type": "simple-blender-render",
            "task_id": task.uuid,
            "task_name": "render-0",
            "task_type": "blender",
            "attempt": 1,
            "worker_id": worker,
            "worker_name": "node-7",
            "outcome": "completed",
            "run_seconds": 30.0,
            "load_seconds": 1.5,
            "render_seconds": 20.25,
            "save_seconds": 0.5,
            "peak_memory": 3 * 2**30,
            "device": "CPU",
            "samples": 128,
            "output_count": 2,
            "output_files": ["0001.png", "0002.png"],
            "is_warm": True,
        }
    ]


def test_a_job_that_never_existed_is_not_found(manager: Manager) -> None:
    with pytest.raises(NotFound):
        attempts(manager, "no such job")
    job = store(manager, compiled_job(1))
    assert attempts(manager, job) == []


def test_an_attempt_of_a_worker_that_measures_nothing_counts_too(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    clock.advance(timedelta(minutes=2))
    complete(manager, worker, task)
    (attempt,) = attempts(manager, job)
    assert (attempt["outcome"], attempt["run_seconds"]) == ("completed", 120)
    assert "render_seconds" not in attempt
    assert sums(manager)[0]["measured"] == 0


def test_the_workers_own_measure_of_the_whole_attempt_stands(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    clock.advance(-timedelta(hours=3))
    tell(manager, worker, task, TaskStatistics(run_seconds=7.5), TaskStatus.COMPLETED)
    assert attempts(manager, job)[0]["run_seconds"] == 7.5


def test_a_clock_that_was_set_back_makes_no_negative_time(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    clock.advance(-timedelta(hours=3))
    complete(manager, worker, task)
    assert attempts(manager, job)[0]["run_seconds"] == 0


def test_what_is_said_later_replaces_what_it_names_and_leaves_the_rest(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    tell(manager, worker, task, TaskStatistics(load_seconds=4, peak_memory=500))
    tell(manager, worker, task, TaskStatistics(render_seconds=6, peak_memory=300))
    (attempt,) = attempts(manager, job)
    assert (attempt["load_seconds"], attempt["render_seconds"]) == (4, 6)
    assert attempt["peak_memory"] == 500
    assert "outcome" not in attempt
    assert sums(manager) == [], "an attempt counts when it has ended"


def test_late_statistics_go_to_their_own_attempt_and_nothing_else_changes(
    manager: Manager,
) -> None:
    first, second = awake_worker(manager, name="first"), awake_worker(manager, name="second")
    job = store(manager, compiled_job(1))
    lost = take(manager, first)
    fail(manager, first, lost)
    again = take(manager, second)
    assert not tell(manager, first, lost, TaskStatistics(render_seconds=5), TaskStatus.COMPLETED)
    tell(manager, second, again, TaskStatistics(render_seconds=9))
    assert [
        (attempt["worker_name"], attempt.get("outcome"), attempt["render_seconds"])
        for attempt in attempts(manager, job)
    ] == [("first", "soft-failed", 5), ("second", None, 9)]
    assert manager.task_log(lost.uuid)
    assert manager.tasks(job)[0].status is TaskStatus.ACTIVE
    assert sums(manager, first)[0]["render_seconds"] == 5
    assert sums(manager, second) == []


def test_statistics_for_an_attempt_of_somebody_else_are_dropped(manager: Manager) -> None:
    first, second = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, first)
    assert not tell(manager, second, task, MEASURED)
    assert attempts(manager, job) == []


def test_sums_are_kept_for_each_worker_and_kind_of_task(manager: Manager) -> None:
    first, second = awake_worker(manager, "blender"), awake_worker(manager, "blender")
    job = store(manager, compiled_job(3))
    tell(manager, first, take(manager, first), MEASURED, TaskStatus.COMPLETED)
    tell(manager, second, take(manager, second), MEASURED, TaskStatus.COMPLETED)
    fail(manager, second, take(manager, second))
    delete_later = sums(manager)
    delete(manager, job)
    assert sums(manager) == delete_later
    everybody = sums(manager)[0]
    assert (everybody["attempts"], everybody["completed"], everybody["failed"]) == (3, 2, 1)
    assert (everybody["measured"], everybody["warm"], everybody["output_count"]) == (2, 2, 4)
    assert (everybody["load_seconds"], everybody["render_seconds"]) == (3.0, 40.5)
    assert everybody["peak_memory"] == 3 * 2**30
    assert [item["attempts"] for item in sums(manager, first)] == [1]
    assert [item["attempts"] for item in sums(manager, second)] == [2]


def test_a_cancelled_attempt_counts_as_neither_done_nor_failed(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    take(manager, worker)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    (total,) = sums(manager)
    assert (total["attempts"], total["completed"], total["failed"]) == (1, 0, 0)


def test_many_output_files_are_counted_and_the_first_ones_named(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    names = [f"{index:06}.exr" for index in range(NAMED_OUTPUT_FILES + 20)]
    tell(manager, worker, take(manager, worker), TaskStatistics(output_files=names))
    (attempt,) = attempts(manager, job)
    assert attempt["output_count"] == len(names)
    assert attempt["output_files"] == names[:NAMED_OUTPUT_FILES]


@pytest.mark.parametrize(
    "said",
    [
        {"render_seconds": -1},
        {"render_seconds": 1e300},
        {"peak_memory": 2**70},
        {"peak_memory": 1.5},
        {"samples": -1},
        {"output_files": "0001.png"},
        {"is_warm": 1},
    ],
)
def test_what_cannot_be_is_refused_with_its_place(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        wire.from_json({"statistics": said}, TaskUpdate)
    assert refused.value.problems[0].where.startswith(f"statistics.{next(iter(said))}")


def test_sums_that_are_wrong_are_found_and_mended(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    tell(manager, worker, take(manager, worker), MEASURED, TaskStatus.COMPLETED)
    right = sums(manager), sums(manager, worker)
    for broken in ("UPDATE statistics_sums SET attempts = 9", "DELETE FROM statistics_sums"):
        with manager.unit_of_work():
            manager._db.execute(broken)
        assert len(manager.check()) == 2
        assert all(finding.is_mended for finding in manager.check(repair=True))
        assert (sums(manager), sums(manager, worker)) == right


TOLD = st.builds(
    TaskStatistics,
    run_seconds=st.none() | st.floats(0, 100),
    render_seconds=st.none() | st.floats(0, 100),
    peak_memory=st.none() | st.integers(0, 1000),
    output_files=st.none() | st.lists(st.just("x"), max_size=3),
    is_warm=st.none() | st.booleans(),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "tell", "complete", "fail"]), st.integers(0, 1), TOLD),
    max_size=30,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_the_sums_are_those_of_the_attempts_whatever_is_said_when(
    steps: list[tuple[str, int, TaskStatistics]],
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Manager.open(Path(folder) / "farm.sqlite") as manager,
    ):
        manager._db.execute("PRAGMA synchronous = OFF")
        workers = [awake_worker(manager, "blender"), awake_worker(manager, "blender")]
        store(manager, replace(compiled_job(6), type="one"))
        store(manager, replace(compiled_job(6), type="two"))
        taken: dict[str, AssignedTask] = {}
        for what, index, told in steps:
            worker = workers[index]
            if what == "take":
                task = manager.next_task(worker)
                if isinstance(task, AssignedTask):
                    taken[worker] = task
            elif worker in taken:
                status = {"complete": TaskStatus.COMPLETED, "fail": TaskStatus.FAILED}.get(what)
                tell(manager, worker, taken[worker], told, status)
        assert manager.check() == []
