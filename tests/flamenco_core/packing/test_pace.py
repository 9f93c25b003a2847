"""How long the rest takes is told from the last seconds, once there is something to tell."""

from __future__ import annotations

import pytest

from flamenco_core.packing import PackProgress, Stage
from flamenco_core.packing.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def progress(done: int, total: int = 1000, stage: Stage = Stage.SENDING) -> PackProgress:
    return PackProgress(stage, "file", 0, 1, done, total)


def test_nothing_is_told_before_the_speed_is_known(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.seconds_left(progress(0)) is None
    clock.now += 0.4
    assert pace.seconds_left(progress(100)) is None
    clock.now += 0.6
    assert pace.seconds_left(progress(200)) == pytest.approx(4.0)


def test_what_the_speed_was_long_ago_does_not_count(clock: Clock) -> None:
    pace = Pace(clock)
    for second in range(40):
        told = pace.seconds_left(progress(10 * second if second < 20 else 190 + second - 19))
        clock.now += 1
    assert told == pytest.approx((1000 - 210) / 1, rel=0.01)


def test_each_stage_has_its_own_speed(clock: Clock) -> None:
    pace = Pace(clock)
    pace.seconds_left(progress(0))
    clock.now += 1
    assert pace.seconds_left(progress(500)) == pytest.approx(1)
    clock.now += 1
    assert pace.seconds_left(progress(0, stage=Stage.COPYING)) is None


def test_without_a_known_end_or_after_going_back_nothing_is_told(clock: Clock) -> None:
    pace = Pace(clock)
    pace.seconds_left(progress(500))
    clock.now += 1
    assert pace.seconds_left(progress(400)) is None
    clock.now += 1
    assert pace.seconds_left(progress(900, total=0)) is None
