"""What machines did is kept by the second and by the minute, in a bounded number of rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamenco_core import wire
from flamenco_core.errors import InvalidInput, NotFound
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import HostSample
from flamenco_core.store.host_statistics import ROWS_PER_WORKER, SAMPLES_AT_ONCE
from tests.flamenco_core.farms import FakeClock, awake_worker

EVER = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 2, 3, 4, 5, 59, tzinfo=UTC))


@pytest.fixture
def manager(tmp_path: Path, clock: FakeClock) -> Iterator[Manager]:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file, clock=clock, monotonic=clock.monotonic) as manager:
        manager._db.execute("PRAGMA synchronous = OFF")
        yield manager


def row_count(manager: Manager) -> int:
    return int(manager._db.execute("SELECT count(*) FROM host_statistics").fetchone()[0])


def test_each_second_and_the_means_of_each_minute_are_told(manager: Manager) -> None:
    worker = awake_worker(manager)
    manager.store_host_statistics(
        worker,
        [
            HostSample(age_seconds=60, cpu_percent=90, memory_used=100, disk_free=7),
            HostSample(age_seconds=2, cpu_percent=20, memory_used=300),
            HostSample(age_seconds=0, cpu_percent=50, gpu_percent=80),
        ],
    )
    with manager.reader() as reader:
        assert reader.host_samples(worker, **EVER) == [
            {
                "time": "2026-02-03T04:04:59.000000Z",
                "cpu_percent": 90.0,
                "memory_used": 100,
                "disk_free": 7,
            },
            {"time": "2026-02-03T04:05:57.000000Z", "cpu_percent": 20.0, "memory_used": 300},
            {"time": "2026-02-03T04:05:59.000000Z", "cpu_percent": 50.0, "gpu_percent": 80.0},
        ]
        assert reader.host_minutes(worker, **EVER) == [
            {
                "time": "2026-02-03T04:04:00.000000Z",
                "cpu_percent": 90.0,
                "memory_used": 100.0,
                "disk_free": 7.0,
            },
            {
                "time": "2026-02-03T04:05:00.000000Z",
                "cpu_percent": 35.0,
                "memory_used": 300.0,
                "gpu_percent": 80.0,
            },
        ]


def test_a_range_has_its_start_and_not_its_end(manager: Manager, clock: FakeClock) -> None:
    worker = awake_worker(manager)
    ages = range(10)
    samples = [HostSample(age_seconds=age, cpu_percent=age) for age in ages]
    manager.store_host_statistics(worker, samples)
    since, until = clock.now - timedelta(seconds=5), clock.now - timedelta(seconds=2)
    with manager.reader() as reader:
        found = reader.host_samples(worker, since=since, until=until)
        assert [sample["cpu_percent"] for sample in found] == [5, 4, 3]
        assert reader.host_samples(worker, since=until, until=since) == []


def test_the_same_samples_again_change_nothing(manager: Manager) -> None:
    worker = awake_worker(manager)
    samples = [HostSample(age_seconds=age, cpu_percent=age) for age in range(0, 90, 7)]
    with manager.reader() as reader:
        manager.store_host_statistics(worker, samples)
        before = reader.host_samples(worker, **EVER), reader.host_minutes(worker, **EVER)
        manager.store_host_statistics(worker, samples[3:8])
        assert (
            reader.host_samples(worker, **EVER),
            reader.host_minutes(worker, **EVER),
        ) == before


def test_after_an_hour_only_the_means_are_left_and_after_thirty_days_nothing(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    started = clock.now
    for _ in range(31 * 24):
        manager.store_host_statistics(worker, [HostSample(cpu_percent=10)])
        clock.advance(timedelta(hours=1))
    assert row_count(manager) <= ROWS_PER_WORKER
    with manager.reader() as reader:
        assert len(reader.host_samples(worker, **EVER)) == 1
        minutes = reader.host_minutes(worker, **EVER)
    assert len(minutes) == 30 * 24
    assert minutes[0]["time"] == wire.format_time((started + timedelta(days=1)).replace(second=0))


def test_what_a_worker_kept_while_it_was_away_finds_its_place(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    backlog = [HostSample(age_seconds=age * 60, cpu_percent=age) for age in range(180, -1, -1)]
    for start in range(0, len(backlog), 25):
        manager.store_host_statistics(worker, backlog[start : start + 25])
    with manager.reader() as reader:
        minutes = [minute["cpu_percent"] for minute in reader.host_minutes(worker, **EVER)]
        assert minutes == [float(age) for age in range(180, -1, -1)]
        assert len(reader.host_samples(worker, **EVER)) == 60


def test_a_sample_that_comes_too_late_replaces_nothing_newer(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    manager.store_host_statistics(worker, [HostSample(cpu_percent=1)])
    manager.store_host_statistics(worker, [HostSample(age_seconds=3600, cpu_percent=99)])
    with manager.reader() as reader:
        assert [point["cpu_percent"] for point in reader.host_samples(worker, **EVER)] == [1]


def test_a_clock_that_was_set_back_does_not_stop_the_recording(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    for _ in range(60):
        manager.store_host_statistics(worker, [HostSample(cpu_percent=1)])
        clock.advance(timedelta(minutes=1))
    clock.advance(-timedelta(hours=3))
    manager.store_host_statistics(worker, [HostSample(cpu_percent=2)])
    since, until = clock.now - timedelta(minutes=5), clock.now + timedelta(seconds=1)
    with manager.reader() as reader:
        found = reader.host_samples(worker, since=since, until=until)
    assert [point["cpu_percent"] for point in found] == [2]


def test_more_than_an_hour_at_once_is_refused(manager: Manager) -> None:
    worker = awake_worker(manager)
    with pytest.raises(InvalidInput, match=str(SAMPLES_AT_ONCE)):
        manager.store_host_statistics(worker, [HostSample()] * (SAMPLES_AT_ONCE + 1))


def test_a_worker_that_is_deleted_leaves_no_statistics_of_its_machine(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    for uuid in (worker, other):
        manager.store_host_statistics(uuid, [HostSample(cpu_percent=1)])
    manager.delete_worker(worker, actor=MANAGER)
    assert row_count(manager) == 2
    with manager.reader() as reader, pytest.raises(NotFound):
        reader.host_samples(worker, **EVER)


def test_storing_samples_is_a_sign_of_life(manager: Manager, clock: FakeClock) -> None:
    worker = awake_worker(manager)
    clock.advance(timedelta(seconds=40))
    manager.store_host_statistics(worker, [HostSample(cpu_percent=1)])
    with manager.reader() as reader:
        assert reader.worker(worker)["last_seen"] == wire.format_time(clock.now)


BATCHES = st.lists(
    st.tuples(
        st.integers(0, 40 * 60),
        st.lists(
            st.tuples(
                st.integers(0, 50 * 60), st.none() | st.floats(0, 100), st.integers(0, 2**40)
            ),
            max_size=20,
        ),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=BATCHES)
def test_rows_are_bounded_and_means_are_those_of_the_samples(
    batches: list[tuple[int, list[tuple[int, float | None, int]]]],
) -> None:
    """No sample is so old that newer ones hold its place: then every one of them counts."""
    clock = FakeClock(datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
    told: dict[int, HostSample] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Manager.open(Path(folder) / "f.sqlite", clock=clock, monotonic=clock.monotonic) as manager,
        manager.reader() as reader,
    ):
        manager._db.execute("PRAGMA synchronous = OFF")
        worker = awake_worker(manager)
        for pause, ages in batches:
            clock.advance(timedelta(seconds=pause))
            samples = [
                HostSample(age_seconds=age, cpu_percent=cpu, memory_used=memory)
                for age, cpu, memory in ages
            ]
            manager.store_host_statistics(worker, samples)
            now = int(clock.now.timestamp())
            told.update({now - int(sample.age_seconds): sample for sample in samples})
        assert row_count(manager) <= ROWS_PER_WORKER
        minutes = {
            minute["time"]: (minute.get("cpu_percent"), minute["memory_used"])
            for minute in reader.host_minutes(worker, **EVER)
        }
    assert minutes == expected_means(told)


def expected_means(told: dict[int, HostSample]) -> dict[str, tuple[float | None, float]]:
    by_minute: dict[int, list[HostSample]] = {}
    for second, sample in told.items():
        by_minute.setdefault(second // 60, []).append(sample)
    means = {}
    for minute, samples in by_minute.items():
        cpu = [sample.cpu_percent for sample in samples if sample.cpu_percent is not None]
        memory = [sample.memory_used or 0 for sample in samples]
        time = wire.format_time(datetime.fromtimestamp(minute * 60, UTC))
        means[time] = (round(fmean(cpu), 3) if cpu else None, round(fmean(memory), 3))
    return means
