"""What workers' machines are doing: every second for an hour, minute means for thirty days.

Both are rings of rows, each row a piece of time that is written over when its place comes round
again, so that a worker never has more than `ROWS_PER_WORKER` of them. A row holds up to sixty
points as JSON. A minute's means are computed from the row with its seconds whenever that changes:
samples that arrive twice, or in another order, change nothing.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from flamenco_core import wire
from flamenco_core.model import HostSample
from flamenco_core.store.database import Statement

METRICS = (
    *("cpu_percent", "memory_used", "gpu_percent", "gpu_memory_used", "disk_free"),
    *("network_received", "network_sent", "disk_read", "disk_written"),
)
"""In the order in which they are stored; a new one goes to the end."""

_GET = Statement(
    "The row at a place of a worker's ring.",
    """SELECT period, points FROM host_statistics
       WHERE worker_id = :worker_id AND ring = :ring AND place = :place""",
)
_PUT = Statement(
    "Writes the row at a place of a worker's ring.",
    """INSERT INTO host_statistics (worker_id, ring, place, period, points)
       VALUES (:worker_id, :ring, :place, :period, :points)
       ON CONFLICT (worker_id, ring, place)
       DO UPDATE SET period = excluded.period, points = excluded.points""",
)
_BETWEEN = Statement(
    "The rows between two places of a worker's ring.",
    """SELECT period, points FROM host_statistics
       WHERE worker_id = :worker_id AND ring = :ring AND place BETWEEN :first AND :last""",
)
_FORGET = Statement(
    "Forgets what a worker's machine did.",
    "DELETE FROM host_statistics WHERE worker_id = :worker_id",
)

_Point = list[float | None]
"""A value for each metric; None where there is none."""


@dataclass(frozen=True, slots=True)
class Ring:
    """So many rows, each for a period, with a point for each step of time in it."""

    name: str
    step: int
    """Seconds."""
    steps: int
    """In a row."""
    rows: int

    @property
    def period(self) -> int:
        """Seconds that a row is for."""
        return self.step * self.steps


SECONDS = Ring("seconds", step=1, steps=60, rows=60)
MINUTES = Ring("minutes", step=60, steps=60, rows=30 * 24)
ROWS_PER_WORKER = SECONDS.rows + MINUTES.rows
SAMPLES_AT_ONCE = 1000
"""As many are stored in one transaction, which keeps it well below 50 ms."""


def store(
    db: sqlite3.Connection, worker_id: int, samples: Iterable[HostSample], *, now: datetime
) -> None:
    """Adds samples; of two in the same second the later one in the list stays.

    A sample is dropped if the ring holds something newer in its place already: it is an hour
    older than others that came before it.
    """
    points = {
        int((now - timedelta(seconds=sample.age_seconds)).timestamp()): _point(sample)
        for sample in samples
    }
    for minute, seconds in itertools.groupby(sorted(points), lambda second: second // 60):
        added = {second: points[second] for second in seconds}
        merged = _add(db, worker_id, SECONDS, added, now=now)
        if merged is not None:
            _add(db, worker_id, MINUTES, {minute * 60: _means(merged)}, now=now)


def between(
    db: sqlite3.Connection, worker_id: int, ring: Ring, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """The points from `since` to before `until`, oldest first, in the form of the wire."""
    first, end = since.timestamp(), until.timestamp()
    found: dict[int, _Point] = {}
    for first_place, last_place in _places(ring, first, end):
        for row in _BETWEEN.run(
            db, worker_id=worker_id, ring=ring.name, first=first_place, last=last_place
        ):
            found.update(_points(ring, row))
    return [_told(time, found[time]) for time in sorted(found) if first <= time < end]


def forget(db: sqlite3.Connection, worker_id: int) -> None:
    """Drops all that is known of a worker's machine."""
    _FORGET.run(db, worker_id=worker_id)


def _add(
    db: sqlite3.Connection,
    worker_id: int,
    ring: Ring,
    added: Mapping[int, _Point],
    *,
    now: datetime,
) -> dict[int, _Point] | None:
    """Merges points of one period into its row; returns all in it, or None if it is over."""
    period = min(added) // ring.period
    place = period % ring.rows
    row = _GET.row(db, worker_id=worker_id, ring=ring.name, place=place)
    # A row of the future was written before somebody set the clock back.
    is_over = row is not None and period < row["period"] <= int(now.timestamp()) // ring.period
    if is_over:
        return None
    merged = dict(added)
    if row is not None and row["period"] == period:
        merged = {**_points(ring, row), **added}
    start = period * ring.period
    points = {str((time - start) // ring.step): point for time, point in merged.items()}
    _PUT.run(
        db,
        worker_id=worker_id,
        ring=ring.name,
        place=place,
        period=period,
        points=json.dumps(points, separators=(",", ":")),
    )
    return merged


def _points(ring: Ring, row: sqlite3.Row) -> dict[int, _Point]:
    """The points in a row, by their time in seconds since 1970."""
    start = row["period"] * ring.period
    return {
        start + int(step) * ring.step: point for step, point in json.loads(row["points"]).items()
    }


def _places(ring: Ring, since: float, until: float) -> Iterator[tuple[int, int]]:
    """Where the rows of a stretch of time lie: one range of places, or two around the end."""
    first, last = int(since // ring.period), int(until // ring.period)
    if last < first:
        return
    if last - first + 1 >= ring.rows:
        yield 0, ring.rows - 1
    elif first % ring.rows <= last % ring.rows:
        yield first % ring.rows, last % ring.rows
    else:
        yield first % ring.rows, ring.rows - 1
        yield 0, last % ring.rows


def _point(sample: HostSample) -> _Point:
    return [getattr(sample, metric) for metric in METRICS]


def _means(points: Mapping[int, Sequence[float | None]]) -> _Point:
    """The mean of each metric over the points that have it."""
    columns = itertools.zip_longest(*points.values())
    given = [[value for value in column if value is not None] for column in columns]
    return [round(fmean(values), 3) if values else None for values in given]


def _told(time: int, point: Sequence[float | None]) -> dict[str, Any]:
    values = {
        metric: value for metric, value in zip(METRICS, point, strict=False) if value is not None
    }
    return {"time": wire.format_time(datetime.fromtimestamp(time, UTC)), **values}
