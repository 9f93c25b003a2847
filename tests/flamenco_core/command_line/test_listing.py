"""What people ask of lists on the command line reaches the Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from flamenco_core.command_line.list_options import pages_of, query_of
from flamenco_core.errors import InvalidInput
from flamenco_core.model import WorkerList, WorkerSummary
from flamenco_core.statuses import WorkerStatus
from tests.flamenco_core.command_line.conftest import Program
from tests.manager_service.running_manager import RunningManager

WORKER = WorkerSummary(
    id="1", name="render", status=WorkerStatus.AWAKE, version="1", can_restart=False
)


def names(flamenco: Program, farm: RunningManager, *arguments: str) -> list[str]:
    ended = flamenco(*arguments, "--json", manager=farm)
    assert ended.code == 0, ended
    (items,) = (value for value in json.loads(ended.out).values() if isinstance(value, list))
    return [item["name"] for item in items]


def test_jobs_are_chosen_sorted_and_counted_out(farm: RunningManager, flamenco: Program) -> None:
    for index, project in enumerate(("Spring", "Agent", "Spring")):
        farm.submit(name=f"shot {index}", priority=50 - index, metadata={"project": project})
    chosen = names(flamenco, farm, "jobs", "--metadata", "project=Spring", "--sort", "priority")
    assert chosen == ["shot 2", "shot 0"]
    assert names(flamenco, farm, "jobs", "--limit", "1") == ["shot 2"]
    assert names(flamenco, farm, "jobs", "--name", "SHOT 1", "--not-archived") == ["shot 1"]
    assert names(flamenco, farm, "jobs", "--status", "queued", "--min-priority", "50") == ["shot 0"]
    assert names(flamenco, farm, "jobs", "--status", "failed") == []
    assert "There are no such jobs." in flamenco("jobs", "--archived", manager=farm).out


def test_tasks_and_workers_are_chosen(farm: RunningManager, flamenco: Program) -> None:
    job = farm.submit()["id"]
    farm.add_worker("render-1")
    farm.add_worker("render-2", types=("ffmpeg",))
    (task,) = names(flamenco, farm, "tasks", job, "--limit", "1", "--sort", "-index")
    assert names(flamenco, farm, "tasks", job, "--name", task) == [task]
    assert names(flamenco, farm, "tasks", job, "--status", "failed") == []
    assert names(flamenco, farm, "workers", "--task-type", "ffmpeg") == ["render-2"]
    chosen = names(flamenco, farm, "workers", "--sort", "-name", "--status", "awake")
    assert chosen == ["render-2", "render-1"]


def test_what_the_manager_cannot_do_is_told_in_its_words(
    manager: RunningManager, flamenco: Program
) -> None:
    ended = flamenco("jobs", "--sort", "updated", manager=manager)
    assert ended.code == 1
    assert "there are created, priority, name" in ended.err


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({"status": (), "type": None, "archived": None}, {}),
        ({"status": ("queued", "active"), "archived": False}, None),
        ({"metadata": ("a=b=c", "x=")}, {"metadata": '{"a": "b=c", "x": ""}'}),
        ({"min_priority": 0, "limit": 5}, {"min_priority": "0", "limit": "5"}),
    ],
)
def test_options_become_parameters(asked: dict[str, Any], query: dict[str, str] | None) -> None:
    expected = {"status": "queued,active", "archived": "false"} if query is None else query
    assert query_of(asked) == expected


def test_pages_are_asked_for_until_there_are_enough_items() -> None:
    """A Manager gives short pages where few of very many items meet the filters."""
    pages = {
        None: WorkerList(workers=[], next="a"),
        "a": WorkerList(workers=[WORKER], next="b"),
        "b": WorkerList(workers=[WORKER, WORKER], next="c"),
    }
    asked: list[tuple[str, str | None]] = []

    def fetch(query: Mapping[str, str]) -> WorkerList:
        asked.append((query["limit"], query.get("cursor")))
        return pages[query.get("cursor")]

    found = [page.workers for page in pages_of(fetch, {"limit": "3"})]
    assert found == [[], [WORKER], [WORKER, WORKER]]
    assert asked == [("3", None), ("3", "a"), ("2", "b")]


def test_metadata_without_a_value_are_refused() -> None:
    with pytest.raises(InvalidInput, match="is not KEY=VALUE"):
        query_of({"metadata": ("project",)})
