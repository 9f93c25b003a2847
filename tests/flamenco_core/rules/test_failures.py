from __future__ import annotations

import pytest

from flamenco_core.rules.failures import FailureFacts, FailureLimits, after_failure
from flamenco_core.statuses import TaskStatus

LIMITS = FailureLimits(blocklist_threshold=3, task_fail_after_softfail_count=3)


@pytest.mark.parametrize(
    ("failed", "could_try", "expected"),
    [
        (1, 1, TaskStatus.SOFT_FAILED),
        (2, 1, TaskStatus.SOFT_FAILED),
        (3, 9, TaskStatus.FAILED),
        (1, 0, TaskStatus.FAILED),
    ],
)
def test_a_task_fails_for_good_at_the_limit_or_when_nobody_is_left(
    failed: int, could_try: int, expected: TaskStatus
) -> None:
    facts = FailureFacts(failed, 1, could_try, is_blocked_already=False)
    assert after_failure(facts, LIMITS).task_status is expected


@pytest.mark.parametrize(
    ("failures", "already", "blocks"), [(2, False, False), (3, False, True), (4, True, False)]
)
def test_a_worker_is_blocked_once_at_the_threshold(
    failures: int, already: bool, blocks: bool
) -> None:
    facts = FailureFacts(1, failures, 5, is_blocked_already=already)
    assert after_failure(facts, LIMITS).block_worker is blocks
