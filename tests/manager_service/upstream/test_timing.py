"""When the link speaks to the server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from manager_service.upstream.timing import (
    LONGEST_RETRY_SECONDS,
    PushRules,
    PushState,
    is_download_allowed,
    is_push_due,
    retry_delay,
)

RULES = PushRules(interval=timedelta(seconds=5), count=3000, cancel_interval=timedelta(seconds=10))
NOW = 1000.0


@pytest.mark.parametrize(
    ("waiting", "ago", "is_due"),
    [
        (0, None, True),
        (0, 9.9, False),
        (0, 10.0, True),
        (1, 4.9, False),
        (1, 5.0, True),
        (2999, 1.0, False),
        (3000, 1.0, True),
    ],
)
def test_updates_are_sent_when_they_are_old_or_many_and_a_question_when_there_are_none(
    waiting: int, ago: float | None, is_due: bool
) -> None:
    last = None if ago is None else NOW - ago
    assert is_push_due(PushState(waiting=waiting, last_push=last), RULES, NOW) is is_due


def test_nothing_is_sent_before_the_time_that_a_failure_set() -> None:
    state = PushState(waiting=9999, last_push=None, not_before=NOW + 1)
    assert not is_push_due(state, RULES, NOW)
    assert is_push_due(state, RULES, NOW + 1)


@pytest.mark.parametrize(
    ("throttle", "ago", "is_allowed"),
    [
        (timedelta(seconds=10), 9.0, False),
        (timedelta(seconds=10), 10.0, True),
        (timedelta(seconds=10), None, True),
        (timedelta(0), 0.0, True),
        (timedelta(seconds=-1), None, False),
    ],
)
def test_tasks_are_fetched_out_of_turn_no_more_often_than_the_throttle_lets(
    throttle: timedelta, ago: float | None, is_allowed: bool
) -> None:
    last = None if ago is None else NOW - ago
    assert is_download_allowed(throttle, last, NOW) is is_allowed


def test_retries_become_rarer_up_to_a_limit() -> None:
    delays = [retry_delay(failures, chance=1.0) for failures in range(10)]
    assert delays[:5] == [0.0, 1.0, 2.0, 4.0, 8.0]
    assert delays[-1] == retry_delay(10_000, chance=1.0) == LONGEST_RETRY_SECONDS
    assert retry_delay(3, chance=0.0) == 2.0
