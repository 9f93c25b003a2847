"""Jobs are read once, and then kept up to date by events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flamenco_addon.monitor.jobs_board import BoardChange, JobsBoard, row_of
from flamenco_core.model import EventJobUpdate, Job
from flamenco_core.statuses import JobStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def job(name: str, *, minute: int = 0, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": name,
        "name": name,
        "type": "simple-blender-render",
        "priority": 50,
        "settings": {"frames": "1-10"},
        "metadata": {},
        "submitter_platform": "linux",
        "created": NOON + timedelta(minutes=minute),
        "updated": NOON,
        "status": JobStatus.ACTIVE,
        "activity": "",
        "steps_completed": 0,
        "steps_total": 11,
    }
    return Job(**{**values, **changes})


def update(name: str, **changes: Any) -> EventJobUpdate:
    values: dict[str, Any] = {
        "id": name,
        "updated": NOON,
        "status": JobStatus.ACTIVE,
        "type": "simple-blender-render",
        "priority": 50,
        "refresh_tasks": False,
        "steps_completed": 0,
        "steps_total": 11,
    }
    return EventJobUpdate(**{**values, **changes})


def test_the_newest_job_is_on_top() -> None:
    board = JobsBoard()
    board.read([job("old", minute=1), job("new", minute=9), job("middle", minute=5)])
    assert board.take().order == ["new", "middle", "old"]
    board.add(job("newest", minute=10))
    assert board.take().order == ["newest", "new", "middle", "old"]


def test_only_what_is_different_is_a_change() -> None:
    board = JobsBoard()
    jobs = [job("a"), job("b")]
    board.read(jobs)
    board.take()
    board.read(jobs)
    change = board.take()
    assert not change.rows
    assert not change.gone
    board.apply(update("a", steps_completed=4))
    change = board.take()
    assert list(change.rows) == ["a"]
    assert change.order is None
    assert change.rows["a"].frames_done == 4


@pytest.mark.parametrize(
    ("frames", "steps", "total"),
    [
        ("1-10", 10, 10),
        ("1-10", 11, 10),  # and a video
        ("1-10, 20", 12, 11),
        ("1-10", 43, None),  # several steps for each frame
        ("1-10", 2, None),  # one step for several frames
        ("nonsense", 11, None),
        (None, 11, None),
    ],
)
def test_frames_are_counted_only_where_steps_are_frames(
    frames: str | None, steps: int, total: int | None
) -> None:
    assert row_of(job("a", settings={"frames": frames}, steps_total=steps)).frames_total == total


def test_a_completed_job_has_all_its_frames() -> None:
    row = row_of(job("a", status=JobStatus.COMPLETED, steps_completed=3))
    assert row.frames_done == 10
    assert row.fraction == 1


def test_a_job_that_ends_is_told_once() -> None:
    board = JobsBoard()
    board.read([job("a")])
    board.take()
    board.apply(update("a", status=JobStatus.FAILED))
    board.apply(update("a", status=JobStatus.FAILED, priority=60))
    assert [row.name for row in board.take().ended] == ["a"]
    board.read([job("a", status=JobStatus.FAILED)])
    assert board.take().ended == []
    board.apply(update("a", status=JobStatus.REQUEUEING))
    board.apply(update("a", status=JobStatus.COMPLETED))
    assert [row.status for row in board.take().ended] == [JobStatus.COMPLETED]


def test_a_job_that_ended_while_nothing_was_heard_is_told_when_it_is_read_again() -> None:
    board = JobsBoard()
    board.read([job("a"), job("b", status=JobStatus.COMPLETED)])
    assert board.take().ended == []
    board.read([job("a", status=JobStatus.COMPLETED), job("b", status=JobStatus.COMPLETED)])
    assert [row.id for row in board.take().ended] == ["a"]


def test_an_awaited_job_that_ended_before_anything_was_heard_of_it_is_told() -> None:
    board = JobsBoard()
    board.read([job("a", status=JobStatus.COMPLETED)], awaited={"a"})
    assert [row.id for row in board.take().ended] == ["a"]


def test_jobs_that_are_gone_leave_the_board() -> None:
    board = JobsBoard()
    board.read([job("a"), job("b", minute=1), job("c", minute=2)])
    board.take()
    board.apply(update("c", was_deleted=True))
    board.read([job("b", minute=1)])
    change = board.take()
    assert change.gone == {"a", "c"}
    assert change.order == ["b"]


def test_events_about_other_jobs_are_not_taken() -> None:
    assert not JobsBoard().apply(update("elsewhere"))


def test_changes_that_were_not_taken_add_up() -> None:
    board, waiting = JobsBoard(), BoardChange()
    board.read([job("a"), job("b", minute=1)])
    waiting.add(board.take())
    board.remove("a")
    waiting.add(board.take())
    assert set(waiting.rows) == {"b"}
    assert waiting.gone == {"a"}
    assert waiting.order == ["b"]
    board.add(job("a", steps_completed=2))
    waiting.add(board.take())
    assert set(waiting.rows) == {"a", "b"}
    assert waiting.gone == set()
