"""The simulator finds what it is for: each defect that is built in here, within fifty seeds.

A defect is built in from outside, into one run; the program has no switches for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from flamenco_core.manager import task_changes, task_updates
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import tasks
from tests.simulator import disk
from tests.simulator.simulation import Size, simulate
from tests.simulator.violation import Violation

SEEDS = 50

SIZE = Size(workers=4, jobs=7, tasks=12)
"""So few workers that one often gets the same task twice."""

Defect = Callable[[], AbstractContextManager[Any]]


def the_number_of_the_attempt_is_not_looked_at() -> AbstractContextManager[Any]:
    return patch.object(
        task_updates, "_attempt", lambda _unit, _worker, task, _update: task.attempt
    )


def updates_of_any_worker_are_believed() -> AbstractContextManager[Any]:
    def refusal(_worker: object, task: tasks.StoredTask, _attempt: object) -> str:
        return "" if task.status is TaskStatus.ACTIVE else f"the task is {task.status}"

    return patch.object(task_updates, "_refusal", refusal)


def completed_steps_are_not_counted() -> AbstractContextManager[Any]:
    count = tasks.count_status

    def forgetful(*arguments: Any, steps: int, **others: Any) -> None:
        count(*arguments, steps=min(steps, 0), **others)

    return patch.object(tasks, "count_status", forgetful)


def a_task_that_fails_softly_is_not_counted_as_ready() -> AbstractContextManager[Any]:
    count_ready = tasks._count_ready

    def forgetful(db: Any, task: tasks.StoredTask, status: TaskStatus, *, is_held: bool) -> Any:
        if status is TaskStatus.SOFT_FAILED:
            return None
        return count_ready(db, task, status, is_held=is_held)

    return patch.object(tasks, "_count_ready", forgetful)


def nobody_is_woken_when_tasks_become_ready() -> AbstractContextManager[Any]:
    return patch("manager_service.waiting.WaitingWorkers._tasks_became_ready")


def an_offer_that_a_worker_cannot_use_is_lost() -> AbstractContextManager[Any]:
    return patch("manager_service.waiting.WaitingWorkers._pass_on")


def every_tenth_event_of_a_task_is_dropped() -> AbstractContextManager[Any]:
    announce, numbers = task_changes.announce, itertools.count()

    def forgetful(*arguments: Any, **others: Any) -> None:
        if next(numbers) % 10:
            announce(*arguments, **others)

    return patch.object(task_changes, "announce", forgetful)


def commits_are_not_synced() -> AbstractContextManager[Any]:
    """As without `synchronous = FULL`: only a checkpoint brings them to the disk."""
    return patch.object(disk, "synced_length", lambda _log: 0)


@pytest.mark.parametrize(
    "defect",
    [
        the_number_of_the_attempt_is_not_looked_at,
        updates_of_any_worker_are_believed,
        completed_steps_are_not_counted,
        a_task_that_fails_softly_is_not_counted_as_ready,
        nobody_is_woken_when_tasks_become_ready,
        an_offer_that_a_worker_cannot_use_is_lost,
        every_tenth_event_of_a_task_is_dropped,
        commits_are_not_synced,
    ],
)
def test_a_defect_is_found(defect: Defect, tmp_path: Path) -> None:
    for number in range(SEEDS):
        with defect():
            try:
                simulate(number, tmp_path / str(number), size=SIZE)
            except Violation as violation:
                print(f"found with seed {number}: {str(violation).splitlines()[0]}")
                return
    pytest.fail(f"{SEEDS} simulations did not notice that {defect.__name__}")


def test_without_a_defect_nothing_is_found_that_is_not_there(tmp_path: Path) -> None:
    simulate(0, tmp_path, size=SIZE)
