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
    first = manager.get("/jobs/metadata/project?limit=1").json
    assert first == {"values": ["Agent"], "next": "Agent"}
    assert manager.get("/jobs/metadata/project?after=Agent").json == {"values": ["Spring"]}
    assert manager.get("/jobs/metadata?limit=1").json == {"keys": ["a/b c"], "next": "a/b c"}
    assert manager.get("/jobs/metadata?limit=2").json == {"keys": ["a/b c", "project"]}


def test_long_lists_of_what_can_be_searched_for_come_in_pages(
    manager: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots = ["", *(f"shot {number:02}" for number in range(11))]
    submit(manager, **{f"key {number:02}": "x" for number in range(11)})
    for shot in shots:
        submit(manager, shot=shot)
    asked: list[str] = []
    get = ManagerClient._get

    def get_few(client: ManagerClient, path: str, form: type[Any]) -> Any:
        """As if the Manager gave no more than one at once."""
        asked.append(path)
        return get(client, f"{path}{'&' if '?' in path else '?'}limit=1", form)

    monkeypatch.setattr(ManagerClient, "_get", get_few)
    with ManagerClient(f"http://127.0.0.1:{manager.port}") as client:
        assert client.fetch_job_metadata_values("shot") == shots
        assert len(asked) == len(shots)
        assert len(client.fetch_job_metadata_keys()) == 12


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
