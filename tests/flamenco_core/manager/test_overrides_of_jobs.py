"""RNA overrides of stored jobs: given with the submission, changed later, handed out."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco_core.errors import InvalidInput, NotFound
from flamenco_core.events import JobChanged
from flamenco_core.job_types.compile_process import CompileProcess
from flamenco_core.manager import Actor, Manager
from flamenco_core.model import SubmittedJob
from tests.flamenco_core.farms import FakeClock, awake_worker, store, take

SETTINGS: dict[str, Any] = {
    "frames": "1-4",
    "chunk_size": 1,
    "render_output_root": "/render",
    "render_output_path": "/render/######",
    "blendfile": "/shot/scene.blend",
    "format": "PNG",
    "image_file_extension": ".png",
    "scene": "Scene",
}
PERSON = Actor.person("ann")


def submission(*lines: str, **settings: Any) -> SubmittedJob:
    return SubmittedJob(
        name="shot",
        type="simple-blender-render",
        settings=SETTINGS | settings,
        submitter_platform="linux",
        rna_overrides=list(lines),
    )


def expression_of_next_task(manager: Manager, worker: str) -> str:
    """What the overrides are in the next task's command; empty if there are none."""
    (command,) = take(manager, worker).commands
    found = [text for text in command.parameters["args"] if "RNA overrides" in text]
    return found[0] if found else ""


def test_overrides_reach_each_task_as_they_are_at_that_moment(manager: Manager) -> None:
    job = manager.submit_job(submission("a = 1", ""), actor=PERSON)
    assert manager.rna_overrides(job.id) == ["a = 1"]
    worker = awake_worker(manager, "blender")
    assert "'a = 1'" in expression_of_next_task(manager, worker)
    changed = manager.set_rna_overrides(job.id, ["b = 2", "c = 3\n"], actor=PERSON)
    assert changed == manager.rna_overrides(job.id) == ["b = 2", "c = 3"]
    other = awake_worker(manager, "blender")
    assert "'b = 2\\nc = 3'" in expression_of_next_task(manager, other)
    manager.set_rna_overrides(job.id, [], actor=PERSON)
    assert expression_of_next_task(manager, awake_worker(manager, "blender")) == ""


def test_a_change_is_announced_and_leaves_a_trace(manager: Manager) -> None:
    job = manager.submit_job(submission(), actor=PERSON)
    events: list[object] = []
    manager.subscribe(events.extend)
    manager.set_rna_overrides(job.id, ["x = 1"], actor=PERSON)
    assert [event.job_id for event in events if isinstance(event, JobChanged)] == [job.id]
    row = manager._db.execute("SELECT * FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    assert "job.rna-overrides" in tuple(row)
    assert "x = 1" in str(tuple(row))


def test_wrong_lines_are_refused_and_the_old_ones_stay(manager: Manager) -> None:
    job = manager.submit_job(submission("a = 1"), actor=PERSON)
    with pytest.raises(InvalidInput, match="line 1, column 4"):
        manager.set_rna_overrides(job.id, ["a ="], actor=PERSON)
    assert manager.rna_overrides(job.id) == ["a = 1"]
    with pytest.raises(NotFound):
        manager.set_rna_overrides("no-such-job", [], actor=PERSON)


def test_a_submission_is_told_of_wrong_lines_and_wrong_settings_at_once(manager: Manager) -> None:
    with pytest.raises(InvalidInput) as caught:
        manager.submit_job(submission("fine = 1", "not = fine", chunk_size="x"), actor=PERSON)
    assert [problem.where for problem in caught.value.problems] == [
        "settings.chunk_size",
        "rna_overrides[1]",
    ]
    with pytest.raises(InvalidInput) as caught:
        manager.submit_job(submission("not = fine"), actor=PERSON)
    assert [problem.where for problem in caught.value.problems] == ["rna_overrides[0]"]


def test_they_survive_compiling_in_the_helper_process(manager: Manager, clock: FakeClock) -> None:
    with CompileProcess() as process:
        compiled = process.compile(submission("a = 'ü'"), manager.farm_id, clock())
    assert manager.rna_overrides(store(manager, compiled)) == ["a = 'ü'"]
