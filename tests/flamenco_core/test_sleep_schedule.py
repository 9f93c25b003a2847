"""When a worker is to be asleep: tables for what people write, properties for what clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput
from flamenco_core.model import WorkerSleepSchedule
from flamenco_core.sleep_schedule import (
    SleepSchedule,
    Weekday,
    format_schedule,
    next_check,
    parse_schedule,
    scheduled_status,
    to_request,
)
from flamenco_core.statuses import WorkerStatus

AWAKE, ASLEEP = WorkerStatus.AWAKE, WorkerStatus.ASLEEP
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [
    UTC,
    AMSTERDAM,
    ZoneInfo("America/New_York"),
    ZoneInfo("Australia/Lord_Howe"),  # its clocks change by half an hour
    ZoneInfo("America/Sao_Paulo"),  # until 2019 they changed at midnight
    ZoneInfo("Asia/Kathmandu"),
    ZoneInfo("Pacific/Apia"),  # left out 30 December 2011
]


def wire(
    days: str = "", start: str = "", end: str = "", *, is_active: bool = True
) -> WorkerSleepSchedule:
    return WorkerSleepSchedule(
        is_active=is_active, days_of_week=days, start_time=start, end_time=end
    )


def local(text: str, zone: tzinfo = AMSTERDAM) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def boundary(schedule: WorkerSleepSchedule, at: str, zone: tzinfo = AMSTERDAM) -> str:
    """The next boundary after a local time, as local time."""
    found = next_check(parse_schedule(schedule), local(at, zone), zone)
    return f"{found.astimezone(zone):%Y-%m-%d %H:%M %z}" if found else "never"


@pytest.mark.parametrize(
    ("days", "start", "end", "at", "expected"),
    [
        # 2026-02-02 is a Monday
        ("mo tu", "09:00", "17:00", "2026-02-02 08:59", AWAKE),
        ("mo tu", "09:00", "17:00", "2026-02-02 09:00", ASLEEP),
        ("mo tu", "09:00", "17:00", "2026-02-02 16:59", ASLEEP),
        ("mo tu", "09:00", "17:00", "2026-02-02 17:00", AWAKE),
        ("mo tu", "09:00", "17:00", "2026-02-04 12:00", AWAKE),
        ("", "09:00", "17:00", "2026-02-08 12:00", ASLEEP),
        ("we", "", "", "2026-02-04 00:00", ASLEEP),
        ("we", "", "", "2026-02-04 23:59", ASLEEP),
        ("we", "", "", "2026-02-05 00:00", AWAKE),
        ("we", "18:00", "", "2026-02-04 23:59", ASLEEP),
        ("we", "", "06:00", "2026-02-04 05:59", ASLEEP),
        ("we", "", "06:00", "2026-02-04 06:00", AWAKE),
        # over midnight: the day is the one on which the window opens
        ("fr", "22:00", "06:00", "2026-02-06 21:59", AWAKE),
        ("fr", "22:00", "06:00", "2026-02-06 23:00", ASLEEP),
        ("fr", "22:00", "06:00", "2026-02-07 05:59", ASLEEP),
        ("fr", "22:00", "06:00", "2026-02-07 06:00", AWAKE),
        ("fr", "22:00", "06:00", "2026-02-06 05:00", AWAKE),
        ("fr", "22:00", "00:00", "2026-02-06 23:59", ASLEEP),
        ("fr", "22:00", "00:00", "2026-02-07 00:00", AWAKE),
    ],
)
def test_a_worker_is_asleep_inside_the_windows_and_awake_otherwise(
    days: str, start: str, end: str, at: str, expected: WorkerStatus
) -> None:
    schedule = parse_schedule(wire(days, start, end))
    assert scheduled_status(schedule, local(at), AMSTERDAM) is expected


def test_an_inactive_schedule_asks_for_nothing() -> None:
    schedule = parse_schedule(wire("mo", "09:00", "17:00", is_active=False))
    now = local("2026-02-02 12:00")
    assert scheduled_status(schedule, now, AMSTERDAM) is None
    assert next_check(schedule, now, AMSTERDAM) is None


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (wire("mo", "09:00", "17:00"), "2026-02-02 08:00", "2026-02-02 09:00 +0100"),
        (wire("mo", "09:00", "17:00"), "2026-02-02 09:00", "2026-02-02 17:00 +0100"),
        (wire("mo", "09:00", "17:00"), "2026-02-02 17:00", "2026-02-09 09:00 +0100"),
        (wire("mo tu we th fr"), "2026-02-03 12:00", "2026-02-07 00:00 +0100"),
        (wire("", "22:00", "06:00"), "2026-02-03 23:00", "2026-02-04 06:00 +0100"),
        (wire("fr", "18:00", ""), "2026-02-06 19:00", "2026-02-07 00:00 +0100"),
        (wire(), "2026-02-03 12:00", "never"),
        # Spring: 02:00 becomes 03:00 on Sunday, 29 March 2026.
        (wire("", "02:30", "06:00"), "2026-03-29 01:00", "2026-03-29 03:00 +0200"),
        (wire("", "22:00", "02:30"), "2026-03-28 23:00", "2026-03-29 03:00 +0200"),
        (wire("su", "02:10", "02:50"), "2026-03-28 12:00", "2026-04-05 02:10 +0200"),
        # Autumn: 03:00 becomes 02:00 on Sunday, 25 October 2026.
        (wire("", "02:30", "06:00"), "2026-10-25 01:00", "2026-10-25 02:30 +0200"),
        (wire("", "22:00", "02:30"), "2026-10-24 23:00", "2026-10-25 02:30 +0200"),
        (wire("", "01:00", "05:00"), "2026-10-25 02:30", "2026-10-25 05:00 +0100"),
    ],
)
def test_the_next_check_is_the_next_boundary(
    schedule: WorkerSleepSchedule, at: str, expected: str
) -> None:
    assert boundary(schedule, at) == expected


def test_a_time_that_comes_twice_opens_the_window_once() -> None:
    schedule = parse_schedule(wire("su", "02:15", "02:45"))
    first = datetime(2026, 10, 25, 0, 20, tzinfo=UTC)
    assert scheduled_status(schedule, first, AMSTERDAM) is ASLEEP
    assert scheduled_status(schedule, first + timedelta(hours=1), AMSTERDAM) is AWAKE


def test_midnight_that_a_change_of_clocks_skips_is_the_moment_of_the_change() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    assert boundary(wire("su"), "2018-11-03 12:00", zone) == "2018-11-04 01:00 -0200"


schedules = st.builds(
    SleepSchedule,
    is_active=st.just(True),
    days=st.frozensets(st.sampled_from(Weekday)),
    start=st.none() | st.times(timezones=st.none()).map(lambda at: time(at.hour, at.minute)),
    end=st.none() | st.times(timezones=st.none()).map(lambda at: time(at.hour, at.minute)),
).filter(lambda schedule: schedule.start is None or schedule.start != schedule.end)
changes = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2018, 11, 4, 3, tzinfo=UTC),
        datetime(2019, 2, 17, 2, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
    ]
)
moments = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    changes,
    st.integers(-3 * 24 * 60, 3 * 24 * 60),
)


@given(schedules, moments, st.sampled_from(ZONES), st.data())
def test_the_status_changes_at_the_next_check_and_not_before(
    schedule: SleepSchedule, now: datetime, zone: tzinfo, data: st.DataObject
) -> None:
    status = scheduled_status(schedule, now, zone)
    boundary_at = next_check(schedule, now, zone)
    if boundary_at is None:
        assert status is ASLEEP
        boundary_at = now + timedelta(days=8)
    else:
        assert boundary_at > now
        assert scheduled_status(schedule, boundary_at, zone) is not status
    length = int((boundary_at - now).total_seconds())
    for second in [*data.draw(st.lists(st.integers(0, length - 1), max_size=5)), length - 1]:
        assert scheduled_status(schedule, now + timedelta(seconds=second), zone) is status


@given(schedules, moments, st.sampled_from(ZONES))
def test_away_from_changes_of_the_clock_the_wall_clock_decides(
    schedule: SleepSchedule, now: datetime, zone: tzinfo
) -> None:
    two_days = timedelta(days=2)
    offsets = {
        (now + part * two_days).astimezone(zone).utcoffset()
        for part in [-1, *(number / 48 for number in range(-48, 48))]
    }
    if len(offsets) > 1:
        return
    here = now.astimezone(zone)
    at, today = here.time().replace(second=0, microsecond=0), Weekday(here.weekday())
    yesterday = Weekday((here.weekday() - 1) % 7)
    start, end = schedule.start or time(0), schedule.end or time(0)
    days = schedule.days or frozenset(Weekday)
    if start < end:
        is_asleep = today in days and start <= at < end
    else:
        is_asleep = (today in days and at >= start) or (yesterday in days and at < end)
    assert (scheduled_status(schedule, now, zone) is ASLEEP) is is_asleep


@given(schedules)
def test_what_is_written_is_read_back(schedule: SleepSchedule) -> None:
    assert parse_schedule(format_schedule(schedule)) == schedule


@pytest.mark.parametrize("text", ["mo tu", "Monday Tuesday", "MON,TUE", " mon  tues "])
def test_days_may_be_written_in_full_or_shortened(text: str) -> None:
    assert parse_schedule(wire(text)).days == {Weekday.MONDAY, Weekday.TUESDAY}


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_schedule(wire("m xx mo", "24:00", "9.30"))
    assert [(problem.where, problem.what) for problem in caught.value.problems] == [
        ("days_of_week", "'m' is no day"),
        ("days_of_week", "'xx' is no day"),
        ("start_time", "'24:00' is no time of day"),
        ("end_time", "'9.30' is no time of day"),
    ]


def test_a_window_may_end_with_the_day() -> None:
    assert parse_schedule(wire("mo", "18:00", "24:00")) == parse_schedule(wire("mo", "18:00", ""))


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match="starts and ends at 09:00"):
        parse_schedule(wire("", "09:00", "9:00"))


@pytest.mark.parametrize(
    ("scheduled", "status", "requested", "is_lazy", "expected"),
    [
        (ASLEEP, AWAKE, None, False, True),
        (ASLEEP, ASLEEP, None, False, False),
        (ASLEEP, ASLEEP, AWAKE, False, True),
        (ASLEEP, AWAKE, ASLEEP, False, False),
        (ASLEEP, AWAKE, ASLEEP, True, True),
        (AWAKE, WorkerStatus.OFFLINE, None, False, True),
        (AWAKE, AWAKE, WorkerStatus.OFFLINE, True, True),
    ],
)
def test_a_worker_is_asked_when_it_is_not_as_scheduled(
    scheduled: WorkerStatus,
    status: WorkerStatus,
    requested: WorkerStatus | None,
    is_lazy: bool,
    expected: bool,
) -> None:
    asked = to_request(scheduled, status=status, requested=requested, is_lazy=is_lazy)
    assert asked is expected
