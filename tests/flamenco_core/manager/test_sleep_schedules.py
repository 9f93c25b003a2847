"""Workers sleep and wake by their schedules, on a real farm file and a clock of our own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flamenco_core.config import Config
from flamenco_core.errors import InvalidInput, NotFound
from flamenco_core.manager import MANAGER, Manager, MustChangeStatus
from flamenco_core.model import WorkerSignOn, WorkerSleepSchedule, WorkerStatusChangeRequest
from flamenco_core.statuses import WorkerStatus
from tests.flamenco_core.farms import FakeClock, awake_worker, compiled_job, store, take

ZONE = ZoneInfo("Europe/Amsterdam")
HOUR = timedelta(hours=1)
OFFICE_HOURS = WorkerSleepSchedule(
    is_active=True, days_of_week="mo tu we th fr", start_time="09:00", end_time="18:00"
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 2, 2, 7, tzinfo=ZONE).astimezone(UTC))  # a Monday


@pytest.fixture
def manager(tmp_path: Path, clock: FakeClock) -> Iterator[Manager]:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file, clock=clock, monotonic=clock.monotonic, zone=ZONE) as manager:
        yield manager
        assert manager.check() == []


def wait_until(manager: Manager, clock: FakeClock, hour: int) -> None:
    """Lets time pass until an hour of the day, looking at the schedules every minute."""
    while clock.now.astimezone(ZONE).hour != hour:
        clock.advance(timedelta(minutes=1))
        manager.check_sleep_schedules()


def ask(manager: Manager, worker: str, status: WorkerStatus) -> None:
    request = WorkerStatusChangeRequest(status=status, is_lazy=False)
    manager.request_worker_status(worker, request, actor=MANAGER)


def test_a_worker_is_asked_to_sleep_and_to_wake_at_the_boundaries(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    assert manager.sleep_schedule(worker) == OFFICE_HOURS
    assert manager.worker_state(worker) is None
    store(manager, compiled_job(1))
    task = take(manager, worker)
    wait_until(manager, clock, 9)
    assert manager.next_task(worker) == MustChangeStatus(WorkerStatus.ASLEEP)
    assert not manager.may_keep_running(worker, task.uuid).mayKeepRunning
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    assert manager.worker_state(worker) is None
    wait_until(manager, clock, 18)
    assert manager.worker_state(worker) is WorkerStatus.AWAKE


def test_a_schedule_counts_at_once(manager: Manager, clock: FakeClock) -> None:
    worker = awake_worker(manager)
    clock.advance(5 * HOUR)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    assert manager.worker_state(worker) is WorkerStatus.ASLEEP


def test_what_a_person_asks_stands_until_the_next_boundary(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    wait_until(manager, clock, 9)
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    ask(manager, worker, WorkerStatus.AWAKE)
    manager.worker_state_changed(worker, WorkerStatus.AWAKE)
    wait_until(manager, clock, 17)
    assert manager.worker_state(worker) is None
    ask(manager, worker, WorkerStatus.ASLEEP)
    manager.worker_state_changed(worker, WorkerStatus.ASLEEP)
    wait_until(manager, clock, 18)
    assert manager.worker_state(worker) is WorkerStatus.AWAKE


def test_a_boundary_overrules_what_a_worker_has_not_done_yet(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    wait_until(manager, clock, 9)
    wait_until(manager, clock, 18)
    assert manager.worker_state(worker) is None, "it never slept, and need not wake"


def test_a_worker_that_signs_on_is_told_what_its_schedule_says(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    manager.worker_state_changed(worker, WorkerStatus.TESTING)
    manager.sign_off(worker)
    clock.advance(5 * HOUR)
    sign_on = WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1")
    assert manager.sign_on(worker, sign_on, address="").status_requested is WorkerStatus.ASLEEP


def test_a_boundary_that_passed_while_the_worker_was_gone_counts_when_it_comes_back(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    manager.sign_off(worker)
    wait_until(manager, clock, 10)
    sign_on = WorkerSignOn(name="w", supported_task_types=["blender"], software_version="1")
    assert manager.sign_on(worker, sign_on, address="").status_requested is WorkerStatus.ASLEEP


def test_a_schedule_that_is_switched_off_asks_for_nothing(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    off = WorkerSleepSchedule(is_active=False, days_of_week="", start_time="", end_time="")
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    manager.set_sleep_schedule(worker, off, actor=MANAGER)
    wait_until(manager, clock, 12)
    assert manager.worker_state(worker) is None
    assert manager.sleep_schedule(worker) == off


def test_a_schedule_that_cannot_be_used_changes_nothing(manager: Manager) -> None:
    worker = awake_worker(manager)
    manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    bad = WorkerSleepSchedule(is_active=True, days_of_week="x", start_time="x", end_time="x")
    with pytest.raises(InvalidInput) as caught:
        manager.set_sleep_schedule(worker, bad, actor=MANAGER)
    assert len(caught.value.problems) == 3
    assert manager.sleep_schedule(worker) == OFFICE_HOURS


def test_a_worker_has_no_schedule_until_it_gets_one(manager: Manager) -> None:
    assert manager.sleep_schedule(awake_worker(manager)) is None
    with pytest.raises(NotFound):
        manager.sleep_schedule("00000000-0000-0000-0000-000000000000")


def test_a_machine_that_moved_to_another_zone_keeps_the_hours_of_its_schedules(
    tmp_path: Path, clock: FakeClock
) -> None:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file, clock=clock, zone=ZONE) as manager:
        worker = awake_worker(manager)
        manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
    with Manager.open(file, clock=clock, zone=ZONE) as manager:
        manager.check_sleep_schedules()
        assert manager.worker_state(worker) is None
    with Manager.open(file, clock=clock, zone=ZoneInfo("Europe/Moscow")) as manager:
        # 07:00 in Amsterdam, 09:00 in Moscow
        manager.check_sleep_schedules()
        assert manager.worker_state(worker) is WorkerStatus.ASLEEP


def test_schedules_are_read_in_the_zone_of_the_configuration(
    tmp_path: Path, clock: FakeClock
) -> None:
    config = Config(home=tmp_path, time_zone="Asia/Tokyo")  # where it is 15:00
    with Manager.open(config=config, clock=clock, monotonic=clock.monotonic) as manager:
        worker = awake_worker(manager)
        manager.set_sleep_schedule(worker, OFFICE_HOURS, actor=MANAGER)
        assert manager.worker_state(worker) is WorkerStatus.ASLEEP
