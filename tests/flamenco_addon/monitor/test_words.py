"""What the tab says."""

from __future__ import annotations

import pytest

from flamenco_addon import language
from flamenco_addon.monitor import words
from flamenco_addon.monitor.jobs_board import row_of
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.flamenco_addon.monitor.test_jobs_board import job


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "< 1 min"),
        (59, "< 1 min"),
        (60, "1 min"),
        (754, "13 min"),
        (3600, "1 h 00 min"),
        (5000, "1 h 25 min"),
        (86_400, "1 d 0 h"),
        (200_000, "2 d 8 h"),
    ],
)
def test_times_are_no_more_exact_than_they_can_be(seconds: float | None, text: str) -> None:
    assert words.time_left(seconds) == text


def test_every_status_has_a_word_and_an_icon() -> None:
    assert len({words.job_status(status) for status in JobStatus}) == len(JobStatus)
    assert len({words.task_status(status) for status in TaskStatus}) == len(TaskStatus)
    assert set(words.JOB_ICONS) == set(JobStatus)
    assert set(words.TASK_ICONS) == set(TaskStatus)


def test_progress_is_told_in_frames_or_else_in_tasks() -> None:
    assert words.progress(row_of(job("a", steps_completed=4))) == "4 of 10 frames"
    one = row_of(job("a", settings={"frames": "3"}, steps_total=1))
    assert words.progress(one) == "0 of 1 frame"
    counts = {"completed": 2, "queued": 3}
    assert words.progress(row_of(job("a", settings={}, task_counts=counts))) == "2 of 5 tasks"


def test_the_end_of_a_job_is_a_sentence() -> None:
    done = row_of(job("shot 5", status=JobStatus.COMPLETED))
    assert words.ended(done) == ("CHECKMARK", "shot 5 is done: 10 of 10 frames")
    failed = row_of(job("shot 5", status=JobStatus.FAILED, task_counts={"failed": 2}))
    assert words.ended(failed) == ("ERROR", "shot 5 has failed: 2 tasks have failed")
    stopped = row_of(job("shot 5", status=JobStatus.CANCELED))
    assert words.ended(stopped) == ("X", "shot 5 was canceled")


def test_texts_pass_through_the_translation() -> None:
    language.speak({"{done} of {total} frames": "{done} von {total} Bildern"}.get)  # type: ignore[arg-type]
    try:
        row = row_of(job("a", steps_completed=4))
        assert words.progress(row) == "4 von 10 Bildern"
    finally:
        language.speak(None)
