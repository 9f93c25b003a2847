"""What is said of a plan."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco_core.rules.plan_summary import plan_summary, roughly


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "a few seconds"),
        (9.9, "a few seconds"),
        (20, "about 20 seconds"),
        (44, "about 40 seconds"),
        (45, "about a minute"),
        (80, "about a minute"),
        (300, "about 5 minutes"),
        (3_000, "about an hour"),
        (7_200, "about 2 hours"),
        (80_000, "about a day"),
        (500_000, "about 6 days"),
    ],
)
def test_a_time_is_told_as_people_do(seconds: float, text: str) -> None:
    assert roughly(seconds) == text


def summary(**changes: Any) -> str:
    facts: dict[str, Any] = {
        "able_workers": 12,
        "awake_workers": 9,
        "free_workers": 4,
        "tasks_waiting": 100,
        "hand_outs": 4,
        "missing_task_types": [],
        "first_task_seconds": 55.0,
        "all_tasks_seconds": 660.0,
    }
    return plan_summary(**{**facts, **changes})


WORKERS = "12 workers could take this; 9 are awake, 4 of them free."


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {},
            (
                f"{WORKERS} 4 tasks begin at once; the first is done in about a minute. "
                "All of it takes about 11 minutes if nothing else runs."
            ),
        ),
        (
            {"first_task_seconds": None, "all_tasks_seconds": None, "hand_outs": 1},
            f"{WORKERS} 1 task begins at once.",
        ),
        (
            {"hand_outs": 0, "all_tasks_seconds": None},
            f"{WORKERS} Other jobs go before it, or none of its tasks is ready.",
        ),
        (
            {"free_workers": 0, "hand_outs": 0, "all_tasks_seconds": None},
            (
                "12 workers could take this; 9 are awake, none of them free. "
                "It begins as soon as a worker is free."
            ),
        ),
        (
            {"awake_workers": 1, "free_workers": 1, "hand_outs": 1, "all_tasks_seconds": None},
            (
                "12 workers could take this; 1 is awake, 1 of them free. "
                "1 task begins at once; the first is done in about a minute."
            ),
        ),
        ({"awake_workers": 0}, "12 workers could take this, but none is awake."),
        (
            {"able_workers": 1, "awake_workers": 0},
            "1 worker could take this, but is not awake.",
        ),
        (
            {"able_workers": 1, "awake_workers": 1, "free_workers": 0, "hand_outs": 0}
            | {"all_tasks_seconds": None},
            "1 worker could take this, and is busy. It begins as soon as a worker is free.",
        ),
        (
            {"able_workers": 1, "awake_workers": 1, "free_workers": 1, "hand_outs": 1}
            | {"all_tasks_seconds": None, "first_task_seconds": None},
            "1 worker could take this, and is free. 1 task begins at once.",
        ),
        ({"able_workers": 0, "awake_workers": 0}, "No worker could take this."),
        (
            {"missing_task_types": ["ffmpeg"]},
            f"{WORKERS} No worker takes its tasks of type ffmpeg, so that it could not end.",
        ),
        ({"tasks_waiting": 0}, "No task of this job is waiting."),
    ],
)
def test_a_plan_is_told_in_a_sentence(changes: dict[str, Any], text: str) -> None:
    assert summary(**changes) == text
