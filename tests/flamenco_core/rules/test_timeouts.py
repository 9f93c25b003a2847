from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flamenco_core.rules.timeouts import (
    TaskLimit,
    TimeoutLimits,
    asked_of_lost_worker,
    cut_off,
    may_look,
    task_sentence,
)
from flamenco_core.statuses import WorkerStatus

NOW = datetime(2026, 2, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("minutes", "looks"), [(0, False), (4.99, False), (5, True)])
def test_nothing_times_out_in_the_first_five_minutes(minutes: float, looks: bool) -> None:
    assert may_look(minutes * MINUTE) is looks


def test_a_limit_of_zero_is_none() -> None:
    assert cut_off(NOW, timedelta(0)) is None
    assert cut_off(NOW, MINUTE) == NOW - MINUTE


def test_each_limit_of_a_task_has_its_own_time_and_its_own_sentence() -> None:
    limits = TimeoutLimits(
        silence=MINUTE, progress=2 * MINUTE, total=3 * MINUTE, worker=timedelta(0)
    )
    assert [limits.of_task(limit) for limit in TaskLimit] == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    sentences = {task_sentence(limit, "beech", 90 * MINUTE) for limit in TaskLimit}
    assert len(sentences) == len(TaskLimit)
    assert all("beech" in sentence and "1h30m0s" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("status", "requested", "is_lazy", "expected"),
    [
        (WorkerStatus.AWAKE, None, False, (WorkerStatus.AWAKE, True)),
        (WorkerStatus.ASLEEP, None, False, (WorkerStatus.ASLEEP, True)),
        (WorkerStatus.STARTING, None, False, (None, False)),
        (WorkerStatus.AWAKE, WorkerStatus.OFFLINE, False, (WorkerStatus.OFFLINE, False)),
        (WorkerStatus.ASLEEP, WorkerStatus.AWAKE, True, (WorkerStatus.AWAKE, True)),
    ],
)
def test_a_lost_worker_goes_on_as_it_was_or_as_somebody_asked(
    status: WorkerStatus,
    requested: WorkerStatus | None,
    is_lazy: bool,
    expected: tuple[WorkerStatus | None, bool],
) -> None:
    assert asked_of_lost_worker(status, requested, is_lazy) == expected
