"""What was done long ago goes by itself, and only if somebody wants that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Config
from flamenco_core.errors import NotFound
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.statuses import JobStatus
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

RETENTION = timedelta(days=30)
AFTER_THE_START = timedelta(minutes=6)


@contextmanager
def farm(folder: Path, clock: FakeClock, retention: timedelta) -> Iterator[Manager]:
    with farm_with(folder, clock, job_retention=retention) as manager:
        yield manager


@contextmanager
def farm_with(folder: Path, clock: FakeClock, **settings: Any) -> Iterator[Manager]:
    config = Config(home=folder, **settings)
    with Manager.open(config=config, clock=clock, monotonic=clock.monotonic) as manager:
        yield manager
        assert manager.check() == []


def exists(manager: Manager, job: str) -> bool:
    try:
        manager.job(job)
    except NotFound:
        return False
    return True


def clean_up(manager: Manager) -> int:
    """Deletes what is to go, all of it; returns how many jobs that was."""
    count = 0
    while deleted := manager.delete_old_jobs():
        count += deleted
    manager.finish_removals()
    return count


def completed_job(manager: Manager, worker: str) -> str:
    job = store(manager, compiled_job(1))
    complete(manager, worker, take(manager, worker))
    return job


def test_jobs_go_when_they_have_been_done_for_long_enough(tmp_path: Path, clock: FakeClock) -> None:
    with farm(tmp_path, clock, RETENTION) as manager:
        worker = awake_worker(manager)
        old = completed_job(manager, worker)
        clock.advance(timedelta(days=20))
        young = completed_job(manager, worker)
        assert (manager.old_jobs(limit=10), clean_up(manager)) == ([], 0)
        clock.advance(timedelta(days=10))
        assert manager.old_jobs(limit=10) == [old]
        assert clean_up(manager) == 1
        assert (exists(manager, old), exists(manager, young)) == (False, True)
        with manager.reader() as reader:
            assert reader.statistics(old)[0]["outcome"] == "completed"


def test_nothing_goes_unless_the_configuration_says_so(tmp_path: Path, clock: FakeClock) -> None:
    assert Config().job_retention == timedelta(0)
    with farm(tmp_path, clock, timedelta(0)) as manager:
        job = completed_job(manager, awake_worker(manager))
        clock.advance(timedelta(days=3650))
        assert (manager.old_jobs(limit=10), clean_up(manager)) == ([], 0)
        assert exists(manager, job)


def test_jobs_that_are_not_done_or_archived_stay(tmp_path: Path, clock: FakeClock) -> None:
    with farm(tmp_path, clock, RETENTION) as manager:
        worker = awake_worker(manager)
        archived = completed_job(manager, worker)
        manager.archive_job(archived, actor=MANAGER)
        manager.finish_removals()
        waiting = store(manager, compiled_job(1))
        paused = store(manager, compiled_job(1, status=JobStatus.PAUSED))
        clock.advance(timedelta(days=365))
        assert clean_up(manager) == 0
        assert all(exists(manager, job) for job in (archived, waiting, paused))


@pytest.mark.parametrize("how", ["failed", "canceled"])
def test_jobs_that_ended_otherwise_go_too(tmp_path: Path, clock: FakeClock, how: str) -> None:
    with farm(tmp_path, clock, RETENTION) as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(1))
        if how == "failed":
            fail(manager, worker, take(manager, worker))
        else:
            ask(manager, job, JobStatus.CANCEL_REQUESTED)
        assert manager.job(job).status == how
        clock.advance(RETENTION)
        assert clean_up(manager) == 1
        assert not exists(manager, job)


def test_a_job_that_was_queued_again_starts_its_time_anew(tmp_path: Path, clock: FakeClock) -> None:
    with farm(tmp_path, clock, RETENTION) as manager:
        worker = awake_worker(manager)
        job = completed_job(manager, worker)
        clock.advance(timedelta(days=29))
        ask(manager, job, JobStatus.REQUEUEING)
        complete(manager, worker, take(manager, worker))
        clock.advance(timedelta(days=29))
        assert clean_up(manager) == 0
        clock.advance(timedelta(days=1))
        assert clean_up(manager) == 1


def test_a_clock_that_is_years_off_at_the_start_costs_no_job(
    tmp_path: Path, clock: FakeClock
) -> None:
    with farm(tmp_path, clock, RETENTION) as manager:
        job = completed_job(manager, awake_worker(manager))
    wrong = FakeClock(clock.now + timedelta(days=3650))
    with farm(tmp_path, wrong, RETENTION) as manager:
        assert clean_up(manager) == 0
        wrong.jump(-timedelta(days=3650))
        wrong.advance(AFTER_THE_START)
        assert clean_up(manager) == 0
        assert exists(manager, job)


def test_many_jobs_go_in_several_transactions(tmp_path: Path, clock: FakeClock) -> None:
    with farm(tmp_path, clock, RETENTION) as manager:
        manager._db.execute("PRAGMA synchronous = OFF")
        for _ in range(130):
            ask(manager, store(manager, compiled_job(1)), JobStatus.CANCEL_REQUESTED)
        clock.advance(RETENTION)
        assert manager.delete_old_jobs() == 100
        assert clean_up(manager) == 30
        assert manager.old_jobs(limit=10) == []


def test_jobs_are_archived_when_they_have_been_done_for_long_enough(
    tmp_path: Path, clock: FakeClock
) -> None:
    with farm_with(tmp_path, clock, job_archive_after=RETENTION) as manager:
        worker = awake_worker(manager)
        old = completed_job(manager, worker)
        clock.advance(timedelta(days=20))
        young, open_job = completed_job(manager, worker), store(manager, compiled_job(1))
        assert manager.archive_old_jobs() == 0
        clock.advance(timedelta(days=10))
        assert (manager.archive_old_jobs(), manager.archive_old_jobs()) == (1, 0)
        manager.finish_removals()
        archived = {job: manager.job(job).archived_at is not None for job in (old, young, open_job)}
        assert archived == {old: True, young: False, open_job: False}


def test_what_is_archived_by_itself_stays(tmp_path: Path, clock: FakeClock) -> None:
    ages = {"job_archive_after": RETENTION, "job_retention": RETENTION + timedelta(days=1)}
    with farm_with(tmp_path, clock, **ages) as manager:
        job = completed_job(manager, awake_worker(manager))
        clock.advance(RETENTION)
        assert manager.archive_old_jobs() == 1
        clock.advance(RETENTION)
        assert clean_up(manager) == 0
        assert exists(manager, job)


def test_workers_that_were_not_seen_for_long_are_forgotten(
    tmp_path: Path, clock: FakeClock
) -> None:
    with farm_with(tmp_path, clock, worker_cleanup_max_age=RETENTION) as manager:
        gone, back, awake = (awake_worker(manager, name=name) for name in ("gone", "back", "awake"))
        for worker in (gone, back):
            manager.sign_off(worker)
        clock.advance(timedelta(days=20))
        manager.worker_seen(back)
        clock.advance(timedelta(days=10))
        assert (manager.forget_old_workers(), manager.forget_old_workers()) == (1, 0)
        with manager.reader() as reader:
            assert {worker["id"] for worker in reader.workers()} == {back, awake}


def test_nothing_is_archived_or_forgotten_unless_somebody_wants_that(
    tmp_path: Path, clock: FakeClock
) -> None:
    with farm_with(tmp_path, clock) as manager:
        worker = awake_worker(manager)
        completed_job(manager, worker)
        manager.sign_off(worker)
        clock.advance(timedelta(days=3650))
        assert (manager.archive_old_jobs(), manager.forget_old_workers()) == (0, 0)


def test_nothing_is_archived_or_forgotten_right_after_the_start(
    tmp_path: Path, clock: FakeClock
) -> None:
    ages = {"job_archive_after": RETENTION, "worker_cleanup_max_age": RETENTION}
    with farm_with(tmp_path, clock, **ages) as manager:
        worker = awake_worker(manager)
        completed_job(manager, worker)
        manager.sign_off(worker)
        clock.jump(timedelta(days=3650))
        assert (manager.archive_old_jobs(), manager.forget_old_workers()) == (0, 0)
        clock.advance(AFTER_THE_START)
        assert (manager.archive_old_jobs(), manager.forget_old_workers()) == (1, 1)
