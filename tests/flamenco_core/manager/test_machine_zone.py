"""The machine's own zone, held against the time zone database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flamenco_core.manager.machine_zone import MachineZone

NAMES = ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@pytest.fixture(params=NAMES)
def named(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    if not hasattr(time, "tzset"):
        pytest.skip("this platform cannot change the zone of a running program")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield ZoneInfo(request.param)
    time.tzset()


def test_it_shows_what_the_machines_clock_shows(named: ZoneInfo) -> None:
    zone = MachineZone()
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    while moment.year == 2026:
        here, there = moment.astimezone(zone), moment.astimezone(named)
        assert here.replace(tzinfo=None) == there.replace(tzinfo=None)
        assert (here.fold, here.utcoffset()) == (there.fold, there.utcoffset())
        assert here.astimezone(UTC) == moment
        moment += timedelta(minutes=30)


def test_it_reads_times_that_come_twice_or_never_as_the_database_does(named: ZoneInfo) -> None:
    zone = MachineZone()
    local = datetime(2026, 1, 1)  # noqa: DTZ001 - a reading of the clock
    while local.year == 2026:
        for fold in (0, 1):
            ours = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            assert ours == local.replace(tzinfo=named, fold=fold).astimezone(UTC)
        local += timedelta(minutes=30)
