"""Sleep schedules of workers, and when each is to be looked at next."""

from __future__ import annotations

import sqlite3
from datetime import datetime, time

from flamenco_core.sleep_schedule import SleepSchedule, Weekday
from flamenco_core.store.database import Statement, from_microseconds, to_microseconds

_COLUMNS = "is_active, days, start_minute, end_minute"
_OF_WORKER = Statement(
    "The sleep schedule of a worker.",
    f"SELECT {_COLUMNS} FROM sleep_schedules WHERE worker_id = :worker_id",
)
_SET = Statement(
    "Gives a worker a sleep schedule.",
    """INSERT INTO sleep_schedules
           (worker_id, is_active, days, start_minute, end_minute, next_check_at)
       VALUES (:worker_id, :is_active, :days, :start_minute, :end_minute, :next_check_at)
       ON CONFLICT (worker_id) DO UPDATE SET is_active = excluded.is_active,
           days = excluded.days, start_minute = excluded.start_minute,
           end_minute = excluded.end_minute, next_check_at = excluded.next_check_at""",
)
_SET_NEXT_CHECK = Statement(
    "Notes when a schedule is to be looked at again.",
    "UPDATE sleep_schedules SET next_check_at = :next_check_at WHERE worker_id = :worker_id",
)
_DUE = Statement(
    "Workers whose schedule is due to be looked at, the most overdue first.",
    """SELECT worker_id FROM sleep_schedules INDEXED BY due_sleep_schedules
       WHERE next_check_at <= :now ORDER BY next_check_at LIMIT :limit""",
)
_UPCOMING = Statement(
    "A page of schedules that are not due yet.",
    """SELECT worker_id, next_check_at FROM sleep_schedules
       WHERE worker_id > :after AND next_check_at > :now ORDER BY worker_id LIMIT :limit""",
)
_DROP = Statement(
    "Forgets the sleep schedule of a worker.",
    "DELETE FROM sleep_schedules WHERE worker_id = :worker_id",
)


def of_worker(db: sqlite3.Connection, worker_id: int) -> SleepSchedule | None:
    row = _OF_WORKER.row(db, worker_id=worker_id)
    if row is None:
        return None
    return SleepSchedule(
        is_active=bool(row["is_active"]),
        days=frozenset(Weekday(int(day)) for day in row["days"]),
        start=_time(row["start_minute"]),
        end=_time(row["end_minute"]),
    )


def put(
    db: sqlite3.Connection, worker_id: int, schedule: SleepSchedule, *, next_check: datetime | None
) -> None:
    """Gives a worker a schedule, in place of the one it may have."""
    _SET.run(
        db,
        worker_id=worker_id,
        is_active=int(schedule.is_active),
        days="".join(str(int(day)) for day in sorted(schedule.days)),
        start_minute=_minute(schedule.start),
        end_minute=_minute(schedule.end),
        next_check_at=None if next_check is None else to_microseconds(next_check),
    )


def set_next_check(db: sqlite3.Connection, worker_id: int, next_check: datetime | None) -> None:
    """None if the schedule's status never changes again."""
    time_or_none = None if next_check is None else to_microseconds(next_check)
    _SET_NEXT_CHECK.run(db, worker_id=worker_id, next_check_at=time_or_none)


def due(db: sqlite3.Connection, now: datetime, *, limit: int) -> list[int]:
    """Keys of workers whose schedule has reached a boundary."""
    rows = _DUE.run(db, now=to_microseconds(now), limit=limit).fetchall()
    return [row["worker_id"] for row in rows]


def upcoming(
    db: sqlite3.Connection, now: datetime, *, after: int, limit: int
) -> list[tuple[int, datetime]]:
    """Workers, by key from `after` on, whose schedule is to be looked at later, and when."""
    rows = _UPCOMING.run(db, now=to_microseconds(now), after=after, limit=limit).fetchall()
    return [(row["worker_id"], from_microseconds(row["next_check_at"])) for row in rows]


def drop(db: sqlite3.Connection, worker_id: int) -> None:
    _DROP.run(db, worker_id=worker_id)


def _minute(at: time | None) -> int | None:
    """Minutes since midnight."""
    return None if at is None else at.hour * 60 + at.minute


def _time(minute: int | None) -> time | None:
    return None if minute is None else time(minute // 60, minute % 60)
