"""Jobs that scripts submit are checked as those are that come over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import CompileError, InvalidInput
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobPriorityChange, SubmittedJob
from tests.flamenco_core.farms import compiled_job, store

JOB: dict[str, Any] = {
    "name": "hello",
    "type": "echo-sleep-test",
    "submitter_platform": "linux",
    "settings": {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 2},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [("priority", 1000), ("priority", -1), ("priority", "high"), ("name", 5), ("settings", [1])],
)
def test_what_does_not_fit_is_refused_and_nothing_stored(
    manager: Manager, field: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refused:
        manager.submit_job(SubmittedJob(**{**JOB, field: value}))
    assert refused.value.problems[0].where.startswith(field)
    with manager.reader() as reader:
        assert reader.jobs() == []


@pytest.mark.parametrize("priority", [1000, -1, "high"])
def test_a_job_keeps_its_priority_when_another_does_not_fit(
    manager: Manager, priority: Any
) -> None:
    job = store(manager, compiled_job(1, priority=40))
    with pytest.raises(InvalidInput):
        manager.set_job_priority(job, JobPriorityChange(priority=priority), actor=MANAGER)
    assert manager.job(job).priority == 40


OWN_SCRIPT = """
import os
from flamenco_core import JobType, Setting

JOB_TYPE = JobType(
    label="Own", description="", settings=[Setting("ends", "bool", default=False)])

def compile_job(job):
    if job.settings.ends:
        os._exit(3)
    job.task(str(os.getpid()), type="misc").command("echo", {"message": "x"})
"""


def with_own_job_type(folder: Path) -> Path:
    """The farm file in a folder with a job type of its own."""
    scripts = folder / "scripts"
    scripts.mkdir()
    (scripts / "own.py").write_text(OWN_SCRIPT, encoding="utf-8")
    return folder / "farm.sqlite"


def own_job(**settings: object) -> SubmittedJob:
    return SubmittedJob(name="own", type="own", submitter_platform="linux", settings=settings)


def test_job_types_of_the_farms_own_cannot_end_the_script_that_submits(tmp_path: Path) -> None:
    with Manager.open(with_own_job_type(tmp_path)) as manager:
        assert "own" in [each.name for each in manager.job_types()]
        with pytest.raises(CompileError, match="ended its process with exit code 3"):
            manager.submit_job(own_job(ends=True))
        assert manager.jobs() == []
        [task] = manager.tasks(manager.submit_job(own_job()).id)
        assert task.name != str(os.getpid())


def test_they_run_in_the_scripts_own_process_if_it_asks_for_that(tmp_path: Path) -> None:
    with Manager.open(with_own_job_type(tmp_path), compile_here=True) as manager:
        [task] = manager.tasks(manager.submit_job(own_job()).id)
        assert task.name == str(os.getpid())
