"""Workers and tasks that are quiet for too long, on a real farm file and a clock of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Config
from flamenco_core.manager import MANAGER, Manager, MustChangeStatus
from flamenco_core.model import TaskUpdate, WorkerSignOn, WorkerStatusChangeRequest
from flamenco_core.statuses import TaskStatus, WorkerStatus
from tests.flamenco_core.farms import (
    FakeClock,
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    report,
    statuses,
    store,
    take,
    take_or_none,
)

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

OpenFarm = Callable[..., Manager]


@pytest.fixture
def open_farm(tmp_path: Path, clock: FakeClock) -> OpenFarm:
    def open_farm(**settings: Any) -> Manager:
        config = Config(home=tmp_path, **settings)
        return Manager.open(config=config, clock=clock, monotonic=clock.monotonic)

    return open_farm


@contextmanager
def old_farm(open_farm: OpenFarm, clock: FakeClock, **settings: Any) -> Iterator[Manager]:
    """A farm that has been open for long enough to look for time-outs."""
    with open_farm(**settings) as manager:
        clock.advance(HOUR)
        yield manager
        assert manager.check() == []


def look(manager: Manager) -> None:
    while manager.check_timeouts():
        pass


def worker_status(manager: Manager, worker: str) -> str:
    with manager.reader() as reader:
        return str(reader.worker(worker)["status"])


def keep_alive(manager: Manager, clock: FakeClock, worker: str, time: timedelta) -> None:
    """Lets time pass in which a worker goes on asking for its status."""
    for _ in range(time // (MINUTE / 2)):
        clock.advance(MINUTE / 2)
        manager.worker_state(worker)


def test_a_silent_task_goes_to_another_worker(open_farm: OpenFarm, clock: FakeClock) -> None:
    with old_farm(open_farm, clock) as manager:
        worker, other = awake_worker(manager, name="beech"), awake_worker(manager)
        job = store(manager, compiled_job(1))
        task = take(manager, worker)
        keep_alive(manager, clock, worker, 10 * MINUTE)
        look(manager)
        assert statuses(manager, job) == ["soft-failed"]
        assert take_or_none(manager, worker) is None
        manager.sign_on(
            other,
            WorkerSignOn(name="o", supported_task_types=["blender"], software_version="1"),
            address="",
        )
        manager.worker_state_changed(other, WorkerStatus.AWAKE)
        with manager.reader() as reader:
            activity = reader.task(task.uuid)["activity"]
        assert activity == "Timed out: nothing was heard from worker beech about it for 10m0s"
        assert activity in manager.task_log(task.uuid)
        complete(manager, other, take(manager, other))


@pytest.mark.parametrize("how", ["update", "may-i-run"])
def test_whatever_a_worker_says_of_a_task_keeps_it_alive(
    open_farm: OpenFarm, clock: FakeClock, how: str
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(1))
        task = take(manager, worker)
        for _ in range(60):
            clock.advance(MINUTE / 2)
            if how == "update":
                update = TaskUpdate(activity="still at it", attempt=task.attempt)
                assert manager.update_task(worker, task.uuid, update).is_accepted
            else:
                assert manager.may_keep_running(worker, task.uuid).mayKeepRunning
            look(manager)
        assert statuses(manager, job) == ["active"]


def test_nothing_times_out_in_the_first_five_minutes_of_a_run(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with open_farm() as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(1))
        take(manager, worker)
    clock.advance(10 * HOUR)
    with open_farm() as manager:
        clock.advance(5 * MINUTE - SECOND)
        look(manager)
        assert statuses(manager, job) == ["active"]
        clock.advance(SECOND)
        look(manager)
        assert statuses(manager, job) == ["queued"]
        assert worker_status(manager, worker) == "error"


@pytest.mark.parametrize("jump", [HOUR * 10, -HOUR * 10])
def test_setting_the_wall_clock_times_nothing_out_and_delays_nothing(
    open_farm: OpenFarm, clock: FakeClock, jump: timedelta
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager)
        clock.jump(jump)
        look(manager)
        assert worker_status(manager, worker) == "awake"
        clock.advance(MINUTE)
        look(manager)
        assert worker_status(manager, worker) == "error"


def test_a_clock_set_back_while_the_manager_was_away_keeps_no_task_alive_for_ever(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with open_farm() as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(1))
        take(manager, worker)
    clock.jump(-1000 * HOUR)
    with open_farm(worker_timeout=timedelta(0)) as manager:
        clock.advance(10 * MINUTE)
        look(manager)
        assert statuses(manager, job) == ["failed"]


def test_the_switches_are_independent(open_farm: OpenFarm, clock: FakeClock) -> None:
    with old_farm(open_farm, clock, task_timeout=timedelta(0)) as manager:
        worker = awake_worker(manager)
        clock.advance(HOUR)
        look(manager)
        assert worker_status(manager, worker) == "error"
    with old_farm(open_farm, clock, worker_timeout=timedelta(0)) as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(2))
        take(manager, worker)
        clock.advance(HOUR)
        look(manager)
        assert worker_status(manager, worker) == "awake"
        assert statuses(manager, job)[0] == "soft-failed"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"task_progress_timeout": 20 * MINUTE}, "completed no further step of it in 20m0s"),
        ({"task_total_timeout": 25 * MINUTE}, "was at it for 25m0s, which is the limit"),
    ],
)
def test_a_task_that_talks_and_gets_nowhere_times_out_if_that_is_configured(
    open_farm: OpenFarm, clock: FakeClock, settings: dict[str, timedelta], sentence: str
) -> None:
    with old_farm(open_farm, clock, **settings) as manager:
        worker = awake_worker(manager)
        awake_worker(manager)
        job = store(manager, compiled_job([compiled_task(steps=10)]))
        task = take(manager, worker)
        for step in (1, 2, 2, 2, 2, 2):
            update = TaskUpdate(steps_completed=step, attempt=task.attempt)
            assert manager.update_task(worker, task.uuid, update).is_accepted
            keep_alive(manager, clock, worker, 5 * MINUTE)
            if statuses(manager, job) == ["active"]:
                look(manager)
            if step == 1:
                assert statuses(manager, job) == ["active"]
            if statuses(manager, job) != ["active"]:
                break
        assert statuses(manager, job) == ["soft-failed"]
        assert sentence in manager.task_log(task.uuid)


def test_a_lost_worker_gives_its_tasks_back_without_calling_that_a_failure(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager, name="beech")
        job = store(manager, compiled_job(1))
        task = take(manager, worker)
        clock.advance(MINUTE)
        look(manager)
        assert statuses(manager, job) == ["queued"]
        with manager.reader() as reader:
            found = reader.task(task.uuid)
        assert found["activity"] == "nothing was heard from worker beech for 1m0s"
        assert found["failed_by_workers"] == []


def test_a_lost_worker_that_asks_for_a_task_is_awake_and_gets_one(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager)
        store(manager, compiled_job(1))
        first = take(manager, worker)
        clock.advance(MINUTE)
        look(manager)
        late = report(manager, worker, first, TaskStatus.COMPLETED)
        assert late.reason == "the task is queued"
        assert take(manager, worker).attempt == 2
        assert worker_status(manager, worker) == "awake"
        assert manager.worker_state(worker) is None


def test_a_lost_worker_that_was_asleep_is_asleep_when_it_is_heard_of(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager)
        manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
        clock.advance(MINUTE)
        look(manager)
        assert worker_status(manager, worker) == "error"
        assert manager.worker_state(worker) is None
        assert worker_status(manager, worker) == "asleep"


def test_what_was_asked_of_a_lost_worker_still_stands(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager)
        request = WorkerStatusChangeRequest(status=WorkerStatus.OFFLINE, is_lazy=True)
        manager.request_worker_status(worker, request, actor=MANAGER)
        clock.advance(MINUTE)
        look(manager)
        assert manager.next_task(worker) == MustChangeStatus(WorkerStatus.OFFLINE)


def test_a_lost_worker_that_signs_on_goes_on_as_it_was(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        worker = awake_worker(manager)
        clock.advance(MINUTE)
        look(manager)
        sign_on = WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1")
        answer = manager.sign_on(worker, sign_on, address="")
        assert answer.status_requested is WorkerStatus.AWAKE
        assert worker_status(manager, worker) == "starting"


def test_workers_that_nothing_is_expected_of_do_not_time_out(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        gone = awake_worker(manager)
        manager.sign_off(gone)
        clock.advance(HOUR)
        look(manager)
        assert worker_status(manager, gone) == "offline"


def test_many_time_outs_are_handled_in_pieces(open_farm: OpenFarm, clock: FakeClock) -> None:
    with old_farm(open_farm, clock) as manager:
        workers = [awake_worker(manager) for _ in range(25)]
        clock.advance(MINUTE)
        pieces = 1
        while manager.check_timeouts():
            pieces += 1
        assert pieces == 3
        assert {worker_status(manager, worker) for worker in workers} == {"error"}


def test_a_task_of_a_worker_that_does_not_exist_holds_up_no_other(
    open_farm: OpenFarm, clock: FakeClock
) -> None:
    with old_farm(open_farm, clock) as manager:
        lost, other = awake_worker(manager), awake_worker(manager)
        job = store(manager, compiled_job(20))
        take(manager, lost)
        task = take(manager, other)
        with manager.unit_of_work():
            manager._db.execute("UPDATE workers SET deleted_at = 1 WHERE uuid = ?", [lost])
        keep_alive(manager, clock, other, 10 * MINUTE)
        look(manager)
        assert task.name == "render-1"
        assert statuses(manager, job)[:2] == ["queued", "failed"], "nobody else could try"
