"""Jobs are found by status, type and metadata, page by page, as if by looking at each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamenco_core.errors import NotFound
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.statuses import JobStatus
from flamenco_core.store.job_search import JobCriteria
from flamenco_core.store.reader import FarmReader
from tests.flamenco_core.farms import compiled_job, store

KEYS = ("project", "user.name")
VALUES = ("", "a", "B", "ä \"x\" 'y' %_", "a" * 300)
TYPES = ("render", "simulate")
STATUSES = (JobStatus.QUEUED, JobStatus.PAUSED, JobStatus.CANCELED)

METADATA = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
JOBS = st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(STATUSES), METADATA), max_size=12)
CRITERIA = st.builds(
    JobCriteria,
    statuses=st.frozensets(st.sampled_from([*STATUSES, JobStatus.FAILED])),
    type=st.sampled_from([None, *TYPES, "unknown"]),
    metadata=METADATA,
)


def add(
    manager: Manager,
    metadata: Mapping[str, str],
    *,
    kind: str = "render",
    status: JobStatus = JobStatus.QUEUED,
) -> str:
    job = replace(compiled_job(1), metadata=dict(metadata), type=kind)
    store(manager, job)
    with manager.unit_of_work():
        manager._db.execute("UPDATE jobs SET status = ? WHERE uuid = ?", [status, job.id])
    return job.id


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(jobs=JOBS, searches=st.lists(CRITERIA, min_size=1, max_size=8), page=st.integers(1, 4))
def test_a_search_finds_what_looking_at_each_job_finds(
    jobs: list[tuple[str, JobStatus, dict[str, str]]], searches: list[JobCriteria], page: int
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Manager.open(Path(folder) / "farm.sqlite") as manager,
        manager.reader() as reader,
    ):
        manager._db.execute("PRAGMA synchronous = OFF")
        for kind, status, metadata in jobs:
            add(manager, metadata, kind=kind, status=status)
        everything = reader.jobs()
        for criteria in searches:
            expected = [job["id"] for job in everything if meets(job, criteria)]
            assert [job["id"] for job in reader.jobs(criteria)] == expected
            assert pages(reader, criteria, page) == expected


def pages(reader: FarmReader, criteria: JobCriteria, size: int) -> list[str]:
    """What is found, asked for page by page."""
    found: list[str] = []
    while True:
        page = reader.jobs(criteria, limit=size, before=found[-1] if found else None)
        found += [job["id"] for job in page]
        if len(page) < size:
            return found


def meets(job: dict[str, Any], criteria: JobCriteria) -> bool:
    return (
        (not criteria.statuses or job["status"] in criteria.statuses)
        and criteria.type in (None, job["type"])
        and criteria.metadata.items() <= job["metadata"].items()
    )


def test_the_values_of_a_key_are_told_once_each_and_in_order(manager: Manager) -> None:
    for value in ("b", "a", "", "b", "c"):
        add(manager, {"project": value, f"only-{value}": "x"})
    with manager.reader() as reader:
        assert reader.metadata_values("project") == ["", "a", "b", "c"]
        assert reader.metadata_values("project", limit=2) == ["", "a"]
        assert reader.metadata_values("project", limit=2, after="a") == ["b", "c"]
        assert reader.metadata_values("nothing") == []
        assert reader.metadata_keys() == ["only-", "only-a", "only-b", "only-c", "project"]


def test_going_on_after_a_job_that_is_gone_is_said_to_be_impossible(manager: Manager) -> None:
    with manager.reader() as reader, pytest.raises(NotFound):
        reader.jobs(JobCriteria(type="render"), before="no such job")


def test_a_job_that_was_never_stored_whole_is_not_found_later(tmp_path: Path) -> None:
    job = replace(compiled_job(2000), metadata={"project": "x"})
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        steps = manager.storing(job, actor=MANAGER)
        next(steps)()
    with Manager.open(tmp_path / "farm.sqlite") as manager, manager.reader() as reader:
        assert reader.metadata_values("project") == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM job_metadata", "cannot be found by its metadata project"),
        ("UPDATE job_metadata SET value = 'other'", "a job is found by project = other"),
    ],
)
def test_a_job_that_cannot_be_found_by_what_is_said_of_it_is_mended(
    manager: Manager, sql: str, said: str
) -> None:
    job = add(manager, {"project": "x"})
    with manager.unit_of_work():
        manager._db.execute(sql)
    assert said in manager.check()[0].what
    assert all(finding.is_mended for finding in manager.check(repair=True))
    assert manager.check() == []
    with manager.reader() as reader:
        found = reader.jobs(JobCriteria(metadata={"project": "x"}))
    assert [item["id"] for item in found] == [job]


def test_the_rarest_criterion_bounds_what_a_search_costs(manager: Manager) -> None:
    for index in range(300):
        add(manager, {"project": "big", "user.name": "rare" if index == 0 else "often"})
    with manager.reader() as reader:
        seen: list[str] = []
        reader._db.set_trace_callback(seen.append)
        criteria = JobCriteria(
            metadata={"project": "big", "user.name": "rare"}, statuses=frozenset({JobStatus.QUEUED})
        )
        assert len(reader.jobs(criteria)) == 1
        assert len(seen) < 20
