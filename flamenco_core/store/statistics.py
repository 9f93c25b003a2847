"""What attempts at tasks took and made, kept after their jobs are gone.

Each attempt has one row, which repeats the names of its job, task and worker. Sums over the
attempts that ended, for each worker and for all together, are kept by the same transactions, so
that nobody ever adds them up.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from flamenco_core.model import TaskStatistics
from flamenco_core.store.database import Statement

ALL_WORKERS = ""
"""Stands for every worker in the table of sums."""

NAMED_OUTPUT_FILES = 100
"""How many output files of an attempt are kept by name; all are counted."""

_COPIED = (
    *("job_uuid", "job_name", "job_type", "task_uuid", "task_name", "task_type", "attempt"),
    *("worker_uuid", "worker_name"),
)
_TIMES = ("run_time", "load_time", "render_time", "save_time")
"""Microseconds."""
_MEASURED = (
    *("outcome", "failure_class", *_TIMES, "peak_memory", "device", "samples"),
    *("output_count", "output_files", "is_warm"),
)
_SUMMED = ("attempts", "completed", "failed", "measured", "warm", *_TIMES, "output_count")
_ADDENDS = ", ".join(f":{name}" for name in _SUMMED)
_FAILURES = ("failed", "soft-failed")

_FIND = Statement(
    "An attempt: what is kept of it when its job is gone, and its statistics if it has some.",
    f"""SELECT j.uuid AS job_uuid, j.name AS job_name, j.type AS job_type, t.uuid AS task_uuid,
           t.name AS task_name, c.task_type, a.attempt, w.uuid AS worker_uuid,
           w.name AS worker_name, a.outcome AS its_outcome, a.failure_class AS its_class,
           a.ended_at - a.started_at AS lasted,
           s.id, {", ".join(f"s.{name}" for name in _MEASURED)}
       FROM task_attempts a JOIN tasks t ON t.id = a.task_id JOIN jobs j ON j.id = t.job_id
       JOIN task_classes c ON c.id = t.task_class_id JOIN workers w ON w.id = a.worker_id
       LEFT JOIN attempt_statistics s ON s.task_uuid = t.uuid AND s.attempt = a.attempt
       WHERE a.task_id = :task_id AND a.attempt = :attempt""",
)
_INSERT = Statement(
    "Stores what is first known of an attempt.",
    f"""INSERT INTO attempt_statistics ({", ".join((*_COPIED, *_MEASURED))})
       VALUES ({", ".join(f":{name}" for name in (*_COPIED, *_MEASURED))})""",
)
_STORE = Statement(
    "Stores what is known of an attempt by now.",
    f"""UPDATE attempt_statistics SET {", ".join(f"{name} = :{name}" for name in _MEASURED)}
       WHERE id = :id""",
)
_ADD = Statement(
    "Adds to the sums of a worker, and of all of them.",
    f"""INSERT INTO statistics_sums (worker_uuid, job_type, task_type, {", ".join(_SUMMED)},
           peak_memory)
       VALUES {
        ", ".join(
            f"({worker}, :job_type, :task_type, {_ADDENDS}, :peak_memory)"
            for worker in (":worker_uuid", f"'{ALL_WORKERS}'")
        )
    }
       ON CONFLICT (worker_uuid, job_type, task_type) DO UPDATE SET
           {", ".join(f"{name} = statistics_sums.{name} + excluded.{name}" for name in _SUMMED)},
           peak_memory = max(statistics_sums.peak_memory, excluded.peak_memory)""",
)
_SUMS = Statement(
    "The sums of a worker, or of all of them, by job type and task type.",
    f"""SELECT job_type, task_type, {", ".join(_SUMMED)}, peak_memory FROM statistics_sums
       WHERE worker_uuid = :worker_uuid ORDER BY job_type, task_type""",
)


def report(db: sqlite3.Connection, task_id: int, attempt: int, told: TaskStatistics) -> None:
    """Stores what a worker says of an attempt; what it does not name stays as it is."""
    files = told.output_files
    _change(
        db,
        task_id,
        attempt,
        run_time=_microseconds(told.run_seconds),
        load_time=_microseconds(told.load_seconds),
        render_time=_microseconds(told.render_seconds),
        save_time=_microseconds(told.save_seconds),
        peak_memory=told.peak_memory,
        device=told.device,
        samples=told.samples,
        output_count=None if files is None else len(files),
        output_files=None if files is None else json.dumps(files[:NAMED_OUTPUT_FILES]),
        is_warm=None if told.is_warm is None else int(told.is_warm),
    )


def end(db: sqlite3.Connection, task_id: int, attempt: int) -> None:
    """Stores how an attempt ended, and lets it count."""
    _change(db, task_id, attempt, is_end=True)


def sums(db: sqlite3.Connection, worker_uuid: str = ALL_WORKERS) -> list[dict[str, Any]]:
    """Sums over all attempts that ended, for each job type and task type."""
    return [_sums(row) for row in _SUMS.run(db, worker_uuid=worker_uuid)]


def wrong_sums(db: sqlite3.Connection) -> list[str]:
    """A sentence for each sum that differs from its attempts. Reads all of them."""
    stored, real = f"SELECT {_SUM_COLUMNS} FROM statistics_sums", f"SELECT * FROM ({_REAL_SUMS})"
    rows = db.execute(
        f"""SELECT worker_uuid, job_type, task_type FROM (
                SELECT * FROM ({real} EXCEPT {stored})
                UNION SELECT * FROM ({stored} EXCEPT {real}))
            GROUP BY worker_uuid, job_type, task_type"""
    )
    return [
        f"the statistics of {f'worker {row[0]}' if row[0] else 'all workers'} for {row[2]} tasks "
        f"of {row[1]} jobs do not add up"
        for row in rows
    ]


def add_up_again(db: sqlite3.Connection) -> None:
    """Computes all sums anew. Reads all attempts."""
    db.execute("DELETE FROM statistics_sums")
    db.execute(f"INSERT INTO statistics_sums ({_SUM_COLUMNS}) {_REAL_SUMS}")


def _change(
    db: sqlite3.Connection, task_id: int, attempt: int, *, is_end: bool = False, **measured: Any
) -> None:
    row = _FIND.row(db, task_id=task_id, attempt=attempt)
    if row is None:
        return
    before: dict[str, Any] = {name: row[name] for name in _MEASURED}
    after = {**before, **{name: value for name, value in measured.items() if value is not None}}
    if before["peak_memory"] is not None:
        after["peak_memory"] = max(before["peak_memory"], after["peak_memory"])
    if is_end:
        after["outcome"], after["failure_class"] = row["its_outcome"], row["its_class"]
        if after["run_time"] is None:
            # Times of day: somebody may have set the clock back meanwhile.
            after["run_time"] = max(0, row["lasted"])
    if row["id"] is None:
        _INSERT.run(db, **{name: row[name] for name in _COPIED}, **after)
    else:
        _STORE.run(db, id=row["id"], **after)
    _add_difference(db, row, _counted(before), _counted(after))


def _add_difference(
    db: sqlite3.Connection, row: sqlite3.Row, old: Mapping[str, int], new: Mapping[str, int]
) -> None:
    if old == new:
        return
    changes = {name: new[name] - old[name] for name in _SUMMED}
    _ADD.run(
        db,
        worker_uuid=row["worker_uuid"],
        job_type=row["job_type"],
        task_type=row["task_type"],
        peak_memory=new["peak_memory"],
        **changes,
    )


def _counted(row: Mapping[str, Any]) -> dict[str, int]:
    """What an attempt adds to the sums: nothing until it has ended."""
    outcome = row["outcome"]
    if outcome is None:
        return dict.fromkeys((*_SUMMED, "peak_memory"), 0)
    return {
        "attempts": 1,
        "completed": int(outcome == "completed"),
        "failed": int(outcome in _FAILURES),
        "measured": int(row["render_time"] is not None),
        "warm": row["is_warm"] or 0,
        **{name: row[name] or 0 for name in (*_TIMES, "output_count", "peak_memory")},
    }


_SUM_COLUMNS = ", ".join(("worker_uuid", "job_type", "task_type", *_SUMMED, "peak_memory"))
_COUNTED_COLUMNS = ", ".join(
    [
        "count(*)",
        "sum(CASE WHEN outcome = 'completed' THEN 1 ELSE 0 END)",
        f"sum(CASE WHEN outcome IN {_FAILURES} THEN 1 ELSE 0 END)",
        "count(render_time)",
        "coalesce(sum(is_warm), 0)",
        *(f"coalesce(sum({name}), 0)" for name in (*_TIMES, "output_count")),
        "coalesce(max(peak_memory), 0)",
    ]
)
"""`_counted`, summed, in the order of the columns."""
_REAL_SUMS = " UNION ALL ".join(
    f"""SELECT {worker}, job_type, task_type, {_COUNTED_COLUMNS} FROM attempt_statistics
        WHERE outcome IS NOT NULL GROUP BY {grouped}"""
    for worker, grouped in (
        ("worker_uuid", "worker_uuid, job_type, task_type"),
        (f"'{ALL_WORKERS}'", "job_type, task_type"),
    )
)


def _sums(row: sqlite3.Row) -> dict[str, Any]:
    return {
        **{name: row[name] for name in row.keys() if name not in _TIMES},  # noqa: SIM118
        **{_seconds_name(name): _seconds(row[name]) for name in _TIMES},
    }


def _seconds_name(column: str) -> str:
    return column.replace("_time", "_seconds")


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1_000_000)
