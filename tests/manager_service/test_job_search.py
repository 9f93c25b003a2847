"""Searching for jobs over HTTP, with a plain client and with our own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from flamenco_core.client import ManagerClient
from tests.manager_service.running_manager import RunningManager


def search(manager: RunningManager, **query: str) -> list[str]:
    reply = manager.get(f"/jobs?{urlencode(query)}")
    assert reply.status == 200, reply
    return [job["id"] for job in reply.json["jobs"]]


def submit(manager: RunningManager, **metadata: str) -> str:
    job: dict[str, Any] = manager.submit(metadata=metadata)
    return str(job["id"])


def test_jobs_are_found_by_status_type_and_metadata(manager: RunningManager) -> None:
    first = submit(manager, project="Spring", user="ana")
    second = submit(manager, project="Spring & Co", user="ana")
    third = submit(manager, project="Spring", user="bo")
    assert search(manager, metadata=json.dumps({"project": "Spring"})) == [third, first]
    assert search(manager, metadata=json.dumps({"project": "Spring & Co"})) == [second]
    both = json.dumps({"project": "Spring", "user": "ana"})
    assert search(manager, metadata=both) == [first]
    assert search(manager, status="queued,active", type="echo-sleep-test") == [third, second, first]
    assert search(manager, status="queued", limit="1", before=third) == [second]
    assert search(manager, status="completed") == []
    assert search(manager, type="unknown") == []


def test_what_can_be_searched_for_is_told(manager: RunningManager) -> None:
    submit(manager, **{"project": "Spring", "a/b c": "x"})
    submit(manager, project="Agent")
    with ManagerClient(f"http://127.0.0.1:{manager.port}/") as client:
        assert client.fetch_job_metadata_keys() == ["a/b c", "project"]
        assert client.fetch_job_metadata_values("project") == ["Agent", "Spring"]
        assert client.fetch_job_metadata_values("a/b c") == ["x"]
        assert client.fetch_job_metadata_values("unknown") == []
        found = client.fetch_jobs({"metadata": '{"project": "Agent"}'})
        assert [job.metadata for job in found] == [{"project": "Agent"}]
    assert manager.get("/jobs/metadata/project?limit=1").json == {"values": ["Agent"]}
    assert manager.get("/jobs/metadata/project?after=Agent").json == {"values": ["Spring"]}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"status": "queued,sleeping"}, "sleeping: no such status; there are"),
        ({"metadata": "project=Spring"}, "write it as a JSON object"),
        ({"metadata": '{"project": 3}'}, "project: must be a text, not 3; write it"),
        ({"metadata": '["project"]'}, "write it as a JSON object"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_with_what_is_wrong(
    shared_manager: RunningManager, query: dict[str, str], said: str
) -> None:
    reply = shared_manager.get(f"/jobs?{urlencode(query)}")
    assert reply.status == 400
    assert reply.problems == [f"query {next(iter(query))}"]
    assert said in reply.json["problems"][0]["what"]
