"""Lists over HTTP: in pages, with filters, and as a whole, however long."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from manager_service.api import all_operations
from manager_service.openapi import openapi_document
from tests.manager_service.running_manager import RunningManager

TASKS = 7_500
"""More than one piece of a long list."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningManager, str]]:
    """A Manager with a job of many tasks."""
    with RunningManager(tmp_path_factory.mktemp("farm")) as manager:
        settings = {"message": "x", "sleep_repeats": TASKS - 1, "sleep_duration_seconds": 1}
        yield manager, manager.submit(settings=settings)["id"]


def get(manager: RunningManager, path: str, **query: str) -> Any:
    reply = manager.get(f"{path}?{urlencode(query)}")
    assert reply.status == 200, reply
    return reply.json


def test_a_long_list_comes_as_a_whole_and_in_order(farm: tuple[RunningManager, str]) -> None:
    manager, job = farm
    reply = manager.get(f"/jobs/{job}/tasks")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"tasks"}
    assert [task["index_in_job"] for task in reply.json["tasks"]] == list(range(1, TASKS + 1))


def test_the_head_of_a_long_list_is_told_alone(farm: tuple[RunningManager, str]) -> None:
    manager, job = farm
    connection = manager.connect()
    for method in ("HEAD", "GET"):
        connection.request(method, f"/api/v3/jobs/{job}/tasks?fields=status")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        assert bool(answer.read()) == (method == "GET")
    connection.close()


def test_a_long_list_tells_what_can_be_done_with_each_item(
    farm: tuple[RunningManager, str],
) -> None:
    manager, job = farm
    tasks = get(manager, f"/jobs/{job}/tasks", fields="actions")["tasks"]
    assert len(tasks) == TASKS
    assert {choice["action"] for choice in tasks[-1]["actions"]} >= {"cancel", "requeue"}


def test_a_long_list_goes_on_after_its_reader_crashed(farm: tuple[RunningManager, str]) -> None:
    manager, job = farm
    path = f"/jobs/{job}/tasks"
    assert len(get(manager, path, fields="id")["tasks"]) == TASKS
    process = manager.server.service.long_lists._process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    manager.on_loop(process.wait())
    assert len(get(manager, path, fields="id")["tasks"]) == TASKS


def test_pages_lead_to_each_other(farm: tuple[RunningManager, str]) -> None:
    manager, job = farm
    path, query = f"/jobs/{job}/tasks", {"limit": "3000", "fields": "name", "sort": "-index"}
    seen: list[str] = []
    page = get(manager, path, **query)
    while True:
        seen += [task["id"] for task in page["tasks"]]
        assert page["total"] == TASKS
        assert set(page["tasks"][0]) == {"id", "name"}
        if "next" not in page:
            break
        page = get(manager, path, **query, cursor=page["next"])
    whole = [task["id"] for task in get(manager, path, fields="id")["tasks"]]
    assert seen == whole[::-1]


def test_the_rest_of_a_list_can_be_had_at_once(farm: tuple[RunningManager, str]) -> None:
    manager, job = farm
    page = get(manager, f"/jobs/{job}/tasks", limit="1500")
    rest = get(manager, f"/jobs/{job}/tasks", cursor=page["next"])
    assert [task["index_in_job"] for task in rest["tasks"]] == list(range(1501, TASKS + 1))


def test_jobs_workers_and_tags_are_filtered_sorted_and_cut(manager: RunningManager) -> None:
    for index in range(3):
        manager.submit(name=f"shot {index}", priority=50 - index)
    manager.add_worker("render-2")
    manager.add_worker("render-1", types=("ffmpeg",))
    for name in ("slow", "fast"):
        assert manager.post("/worker-mgt/tags", {"name": name}).status == 200
    names = [job["name"] for job in get(manager, "/jobs", sort="priority")["jobs"]]
    assert names == ["shot 2", "shot 1", "shot 0"]
    found = get(manager, "/jobs", name="SHOT", min_priority="49", limit="1")
    assert [job["name"] for job in found["jobs"]] == ["shot 1"]
    assert "total" not in found
    job = get(manager, "/jobs", fields="submitted_by", limit="1")["jobs"][0]
    assert job["submitted_by"].startswith("person:")
    assert len(get(manager, "/jobs", submitted_by=job["submitted_by"])["jobs"]) == 3
    workers = get(manager, "/worker-mgt/workers", sort="name", fields="name,platform")["workers"]
    assert [(each["name"], each["platform"]) for each in workers] == [
        ("render-1", "linux"),
        ("render-2", "linux"),
    ]
    assert len(get(manager, "/worker-mgt/workers", task_type="ffmpeg")["workers"]) == 1
    page = get(manager, "/worker-mgt/tags", limit="1")
    assert [tag["name"] for tag in page["tags"]] == ["fast"]
    rest = get(manager, "/worker-mgt/tags", limit="1", cursor=page["next"])
    assert [tag["name"] for tag in rest["tags"]] == ["slow"]
    assert "next" not in rest


def test_everything_that_is_wrong_with_a_request_for_a_list_is_told(
    shared_manager: RunningManager,
) -> None:
    query = {"sort": "updated", "fields": "nmae", "status": "sleeping", "limit": "0"}
    reply = shared_manager.get(f"/jobs?{urlencode(query)}")
    assert reply.status == 400
    assert sorted(reply.problems) == [
        "query fields",
        "query limit",
        "query sort",
        "query status",
    ]
    assert "created, priority, name" in reply.content.decode()
    assert shared_manager.get("/jobs?cursor=abc").problems == ["query cursor"]


def test_the_document_tells_the_orders_fields_and_filters_of_a_list() -> None:
    document = openapi_document(all_operations(), version="v1.0")
    parameters = document["paths"]["/api/v3/jobs"]["get"]["parameters"]
    by_name = {each["name"]: each for each in parameters}
    assert {"limit", "cursor", "sort", "fields", "archived", "submitted_by"} <= set(by_name)
    assert "-priority" in by_name["sort"]["schema"]["enum"]
    assert by_name["min_priority"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 100}
    assert json.dumps(document)


def test_a_manager_stops_while_a_long_list_is_read(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        settings = {"message": "x", "sleep_repeats": TASKS, "sleep_duration_seconds": 1}
        job = manager.submit(settings=settings)["id"]
        connection = manager.connect()
        connection.request("GET", f"/api/v3/jobs/{job}/tasks")
        assert connection.getresponse().read(100).startswith(b'{"tasks":[')
    connection.close()
