"""How long a job still takes is told from its pace."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_addon.monitor.time_left import Pace, seconds_left
from flamenco_core.statuses import JobStatus
from tests.flamenco_addon.in_bpy import run_in_bpy


def pace_of(*samples: tuple[float, int]) -> Pace:
    pace = Pace()
    for time, steps in samples:
        pace.note(time, steps)
    return pace


def test_a_pace_is_known_after_a_while() -> None:
    assert pace_of((0, 0)).seconds_per_step(5) is None
    assert pace_of((0, 0), (4, 1)).seconds_per_step(5) is None
    assert pace_of((0, 0), (30, 3)).seconds_per_step(30) == 10
    assert pace_of((0, 0), (5, 10)).seconds_per_step(5) == 0.5


def test_a_step_that_does_not_come_slows_the_pace() -> None:
    pace = pace_of((0, 0), (30, 3))
    assert pace.seconds_per_step(39) == 10
    assert pace.seconds_per_step(80) == 20


def test_steps_of_long_ago_do_not_count() -> None:
    pace = pace_of((0, 0), (1000, 1), *((1000 + 10 * step, 1 + step) for step in range(1, 70)))
    assert pace.seconds_per_step(1690) == pytest.approx(10)


def test_a_job_that_is_queued_again_begins_anew() -> None:
    pace = pace_of((0, 0), (30, 3))
    pace.note(40, 0)
    assert pace.seconds_per_step(60) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"steps_left": 0, "seen": None}, 0),
        ({"steps_left": 5, "seen": 10.0, "at_once": 2}, 50),
        ({"steps_left": 5, "seen": 10.0, "at_once": 0}, None),
        ({"steps_left": 5, "seen": None, "at_once": 2}, None),
        ({"steps_left": 6, "seen": None, "worked_seconds": 40.0, "worked_steps": 4}, None),
        (
            {
                "steps_left": 6,
                "seen": None,
                "worked_seconds": 40.0,
                "worked_steps": 4,
                "at_once": 3,
            },
            20,
        ),
        (
            {
                "steps_left": 1,
                "seen": None,
                "worked_seconds": 40.0,
                "worked_steps": 4,
                "at_once": 3,
            },
            10,
        ),
    ],
)
def test_time_left(given: dict[str, float], expected: float | None) -> None:
    left = int(given.pop("steps_left"))
    assert seconds_left(left, **given) == expected  # type: ignore[arg-type]


SHOWN = """
import time
from dataclasses import replace
from datetime import UTC, datetime
from flamenco_addon.monitor import live, words
from flamenco_addon.monitor.jobs_board import JobRow
from flamenco_core.statuses import JobStatus

now = datetime.now(UTC)
row = JobRow(id="shot", name="shot", type="render", status=JobStatus.ACTIVE, priority=50,
             activity="", created=now, updated=now, steps_completed=11, steps_total=12)
# What was estimated while the job was rendering stays until there is a new estimate.
shown = live.Shown(times={"shot": 30.0}, times_at=time.monotonic())
said = {}
for status in JobStatus:
    shown.rows["shot"] = replace(row, status=status)
    said[status] = words.time_left(shown.seconds_left("shot"))
answer(said)
"""


def test_only_of_a_job_that_is_rendering_it_is_said_how_long_it_takes(tmp_path: Path) -> None:
    said = run_in_bpy(SHOWN, home=tmp_path)
    assert said == {status: "< 1 min" if status == "active" else "" for status in JobStatus}
