"""Writes the tables of legal moves into docs/statuses.md, from the tables that the Manager uses.

Run it after a change of those: `python scripts/status_tables.py`. A test fails if it was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from flamenco_core.rules.actions import (
    JOB_ACTIONS,
    STATUS_WANTED,
    TASK_ACTIONS,
    WORKER_ACTIONS,
)
from flamenco_core.rules.lifecycle import (
    JOB_STATUSES_THAT_LET_TASKS_QUEUE,
    REQUEUE_EVERYTHING,
    STATUSES_A_WORKER_MAY_REPORT,
    SWEEPS,
)
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

A = TypeVar("A", bound=StrEnum)
S = TypeVar("S", bound=StrEnum)

DOCUMENT = Path(__file__).parent.parent / "docs" / "statuses.md"

_TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """The document with each table as the code has it now."""
    made = tables()
    return _TABLE.sub(lambda match: match[1] + made[match[2]] + match[3], text)


def tables() -> dict[str, str]:
    """Each table, as Markdown, by the name that its place in the document has."""
    return {
        "job-actions": _actions(JOB_ACTIONS, JobStatus),
        "task-actions": _actions(TASK_ACTIONS, TaskStatus),
        "worker-actions": _actions(
            WORKER_ACTIONS, [status for status in WorkerStatus if status != WorkerStatus.RESTART]
        ),
        "worker-requests": _table(
            ["action", "asks the worker to become"],
            ([f"`{action}`", f"`{wanted}`"] for action, wanted in STATUS_WANTED.items()),
        ),
        "job-sweeps": _sweeps(),
        "worker-reports": _one_row("may report", STATUSES_A_WORKER_MAY_REPORT),
        "requeue-jobs": _one_row("job status", JOB_STATUSES_THAT_LET_TASKS_QUEUE),
    }


def _actions(table: Mapping[A, frozenset[S]], statuses: Iterable[S]) -> str:
    header = ["status", *(f"`{action}`" for action in table)]
    return _table(
        header,
        (
            [f"`{status}`", *("✓" if status in allowed else "" for allowed in table.values())]
            for status in statuses
        ),
    )


def _sweeps() -> str:
    rows = [
        [f"`{status}`", _listed(sweep.from_statuses), f"`{sweep.to_status}`", f"`{sweep.then}`"]
        for status, sweep in SWEEPS.items()
    ]
    everything = REQUEUE_EVERYTHING
    rows.append(
        [
            f"`{JobStatus.REQUEUEING}` of a `{JobStatus.COMPLETED}` job",
            _listed(everything.from_statuses),
            f"`{everything.to_status}`",
            f"`{everything.then}`",
        ]
    )
    return _table(["the job becomes", "its tasks that are", "become", "and then the job is"], rows)


def _one_row(header: str, statuses: Iterable[StrEnum]) -> str:
    return _table([header], [[_listed(statuses)]])


def _listed(statuses: Iterable[StrEnum]) -> str:
    return ", ".join(f"`{status}`" for status in sorted(statuses))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8")), "utf-8")
