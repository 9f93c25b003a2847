"""The page on statuses says what the Manager does."""

from __future__ import annotations

import re

import status_tables
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

TEXT = status_tables.DOCUMENT.read_text("utf-8")


def flamenco2_rows(kind: str) -> list[tuple[str, str]]:
    """The table on what became of Flamenco 2's statuses of jobs, tasks or workers."""
    table = TEXT.split(f"| Flamenco 2, {kind} | here |\n| --- | --- |\n")[1].split("\n\n")[0]
    rows = (row.strip("| ").split(" | ") for row in table.splitlines())
    return [(theirs, ours) for theirs, ours in rows]


def test_the_tables_are_those_of_the_code() -> None:
    assert status_tables.with_tables(TEXT) == TEXT, "run scripts/status_tables.py"


def test_every_table_of_the_code_is_in_the_document() -> None:
    assert set(re.findall(r"<!-- table: ([a-z-]+) -->", TEXT)) == set(status_tables.tables())


def test_what_flamenco_2s_statuses_became_exists() -> None:
    known = {"jobs": JobStatus, "tasks": TaskStatus, "workers": WorkerStatus}
    for kind, statuses in known.items():
        rows = flamenco2_rows(kind)
        assert len(rows) > 8
        for theirs, ours in rows:
            if not ours.startswith("no status"):
                named = re.findall(r"`([a-z-]+)`", ours)
                assert named, theirs
                assert set(named) <= set(statuses), theirs


def test_every_status_is_on_the_page() -> None:
    for statuses in (JobStatus, TaskStatus, WorkerStatus):
        for status in statuses:
            assert f"`{status}`" in TEXT
