"""When a worker is to be asleep, and when to look again.

A schedule lists days and two times of day. On each listed day a window opens at the start time
and closes at the next occurrence of the end time, which may be on the day after: `22:00` to
`06:00` on a Friday ends on Saturday morning. No days means every day, no start the beginning of
the day, no end its end. Outside its windows a worker with an active schedule is to be awake.

Times of day are those of the Manager's zone, and clocks change there. A time that a change skips
counts as the moment of the change; one that comes twice counts as its first occurrence. So every
window opens and closes once, however long that night is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import IntEnum

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.model import WorkerSleepSchedule
from flamenco_core.statuses import WorkerStatus


class Weekday(IntEnum):
    """As `date.weekday()` counts; the first two letters of a name are its short form."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6

    @property
    def short(self) -> str:
        return self.name[:2].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepSchedule:
    is_active: bool
    """Whether the schedule counts; an inactive one asks for nothing."""
    days: frozenset[Weekday] = frozenset()
    """On which days a window opens; empty for every day."""
    start: time | None = None
    end: time | None = None


_DAY = timedelta(days=1)
_DAYS_AHEAD = 22
"""A weekly window can be empty on the night of a clock change, twice at most in a row."""

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_END_OF_DAY = "24:00"
"""What people write for it, and what Flamenco 2 stores."""
_SHORTEST_DAY = 2
_DAY_HINT = "write mo tu we th fr sa su, or nothing for every day"
_TIME_HINT = "write HH:MM, such as 09:30, or nothing"


def parse_schedule(wire: WorkerSleepSchedule) -> SleepSchedule:
    """Reads a schedule as it travels; raises `InvalidInput` with everything that is wrong."""
    problems: list[Problem] = []
    days = _parse_days(wire.days_of_week, problems)
    start = _parse_time("start_time", wire.start_time, problems)
    is_whole = wire.end_time.strip() == _END_OF_DAY
    end = None if is_whole else _parse_time("end_time", wire.end_time, problems)
    if start is not None and start == end:
        what = f"it starts and ends at {start:%H:%M}"
        problems.append(Problem("end_time", what, "leave out both times for the whole day"))
    if problems:
        raise InvalidInput("This sleep schedule cannot be used", problems=problems)
    return SleepSchedule(is_active=wire.is_active, days=days, start=start, end=end)


def format_schedule(schedule: SleepSchedule) -> WorkerSleepSchedule:
    """The form that travels; `parse_schedule` reads it back to the same value."""
    return WorkerSleepSchedule(
        is_active=schedule.is_active,
        days_of_week=" ".join(day.short for day in sorted(schedule.days)),
        start_time=_format_time(schedule.start),
        end_time=_format_time(schedule.end),
    )


def scheduled_status(schedule: SleepSchedule, now: datetime, zone: tzinfo) -> WorkerStatus | None:
    """What a worker is to be at a moment; None if the schedule asks for nothing."""
    if not schedule.is_active:
        return None
    now = now.astimezone(UTC)
    for opens, closes in _windows(schedule, now, zone):
        if opens <= now < closes:
            return WorkerStatus.ASLEEP
    return WorkerStatus.AWAKE


def next_check(schedule: SleepSchedule, now: datetime, zone: tzinfo) -> datetime | None:
    """The first moment after `now` at which the scheduled status changes, in UTC.

    None if it never does: an inactive schedule, or one that is asleep for ever.
    """
    if not schedule.is_active:
        return None
    now = now.astimezone(UTC)
    closes_at: datetime | None = None
    for opens, closes in _windows(schedule, now, zone):
        if opens == closes or closes <= now:
            continue
        if closes_at is not None and opens <= closes_at:
            closes_at = closes  # one window goes on where the other ends
        elif closes_at is not None:
            return closes_at
        elif opens > now:
            return opens
        else:
            closes_at = closes
    # Still asleep at the end of all that was looked at: every day is slept through.
    return None


def to_request(
    scheduled: WorkerStatus,
    *,
    status: WorkerStatus,
    requested: WorkerStatus | None,
    is_lazy: bool,
) -> bool:
    """Whether a worker has to be asked for its scheduled status, at a boundary of its schedule.

    What somebody asked of it before is overruled: an override ends at the next boundary. A worker
    that is not there is asked too, for when it comes.
    """
    if requested is None:
        return status is not scheduled
    return requested is not scheduled or is_lazy


def _windows(
    schedule: SleepSchedule, now: datetime, zone: tzinfo
) -> Iterator[tuple[datetime, datetime]]:
    """When windows open and close, in UTC: those around `now`, and the coming ones in order."""
    today = now.astimezone(zone).date()
    start = schedule.start or time(0)
    end = schedule.end or time(0)
    days_later = 0 if end > start else 1
    for offset in range(-2, _DAYS_AHEAD):
        day = today + offset * _DAY
        if schedule.days and Weekday(day.weekday()) not in schedule.days:
            continue
        yield (
            _moment(day, start, zone),
            _moment(day + days_later * _DAY, end, zone),
        )


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    """The moment in UTC at which a clock in the zone first shows a time, or jumps over it."""
    local = datetime.combine(day, at)
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first <= second:
        return first
    # The time does not exist. By the offset before the change it is `first`, which comes after
    # the change; by the one after it is `second`, which comes before.
    return _change_between(second, first, zone)


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The moment, to the second, at which the zone's offset changes."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        moment = before + timedelta(seconds=middle)
        if moment.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _parse_days(text: str, problems: list[Problem]) -> frozenset[Weekday]:
    days: set[Weekday] = set()
    for word in text.replace(",", " ").split():
        name = word.casefold()
        found = [
            day
            for day in Weekday
            if len(name) >= _SHORTEST_DAY and day.name.casefold().startswith(name)
        ]
        if found:
            days.add(found[0])
        else:
            problems.append(Problem("days_of_week", f"{word!r} is no day", _DAY_HINT))
    return frozenset(days)


def _parse_time(where: str, text: str, problems: list[Problem]) -> time | None:
    if not text.strip():
        return None
    match = _TIME.fullmatch(text.strip())
    if match:
        hour, minute = int(match[1]), int(match[2])
        if hour <= time.max.hour and minute <= time.max.minute:
            return time(hour, minute)
    problems.append(Problem(where, f"{text!r} is no time of day", _TIME_HINT))
    return None


def _format_time(at: time | None) -> str:
    return "" if at is None else f"{at:%H:%M}"
