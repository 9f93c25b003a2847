"""The audit log and saved queries over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Config
from flamenco_core.manager import Manager
from flamenco_core.store.listing import ListRequest
from tests.flamenco_core.farms import FakeClock, compiled_job, store
from tests.manager_service.running_manager import Reply, RunningManager

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_the_audit_log_is_told_page_by_page(manager: RunningManager) -> None:
    job = manager.submit()
    worker = manager.add_worker()
    change = {"status": "cancel-requested", "reason": "enough"}
    assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
    ended, cancelled = manager.get("/audit?action=job.status&limit=2").json["audit"]
    assert (ended["actor"], ended["details"]["status"]) == ("manager", "canceled")
    assert cancelled["actor"].startswith("person:")
    assert cancelled["details"] == {**change, "before": "queued"}
    mine = manager.get(f"/audit?job={job['id']}&actor={cancelled['actor']}").json["audit"]
    assert [row["action"] for row in mine] == ["job.status", "job.submit"]
    of_worker = manager.get(f"/audit?worker={worker.uuid}&sort=time").json["audit"]
    assert [row["action"] for row in of_worker][:2] == ["worker.register", "worker.sign-on"]
    first = manager.get("/audit?limit=2").json
    second = manager.get(f"/audit?limit=2&cursor={first['next']}").json
    assert first["audit"] + second["audit"] == manager.get("/audit?limit=4").json["audit"]
    assert manager.get("/audit?since=2200-01-01").json == {"audit": []}


def test_the_audit_log_forgets_what_is_older_than_its_retention(tmp_path: Path) -> None:
    clock = FakeClock()
    config = Config(home=tmp_path, audit_retention=timedelta(days=30))
    file = tmp_path / "farm.sqlite"
    with (
        Manager.open(file, config=config, clock=clock, monotonic=clock.monotonic) as manager,
        manager.reader() as reader,
    ):
        store(manager, compiled_job())
        clock.advance(timedelta(days=20))
        newer = store(manager, compiled_job())
        assert manager.forget_old_audit() == 0
        clock.advance(timedelta(days=20))
        assert manager.forget_old_audit() == 1
        assert manager.forget_old_audit() == 0
        rows = map(json.loads, reader.list_page(ListRequest(listing="audit")).items)
        assert [row["subject"] for row in rows] == [newer]


def save(manager: RunningManager, where: str = "", **changes: Any) -> Reply:
    query = {
        "name": "Failed of mine",
        "list": "jobs",
        "query": {"status": "failed", "sort": "-priority", "fields": "id,name", "limit": "50"},
        **changes,
    }
    return manager.post(f"/saved-queries{where}", query)


def saved(manager: RunningManager) -> list[tuple[str, bool]]:
    queries = manager.get("/saved-queries").json["queries"]
    return [(query["name"], query["is_shared"]) for query in queries]


def test_queries_are_saved_for_oneself_and_for_everybody(manager: RunningManager) -> None:
    mine = save(manager).json
    shared = save(manager, "/shared", name="Everything", query={}).json
    assert saved(manager) == [("Failed of mine", False), ("Everything", True)]
    change = {"name": "Mine", "list": "tasks", "query": {"worker": "x", "sort": "status"}}
    path = f"/saved-queries/{mine['id']}"
    changed = manager.request("PUT", path, json_body=change)
    assert changed.json["query"] == change["query"]
    assert changed.json["created"] == mine["created"]
    assert saved(manager)[0] == ("Mine", False)
    assert manager.request("DELETE", f"/saved-queries/{shared['id']}").status == 404
    assert manager.request("DELETE", f"/saved-queries/shared/{mine['id']}").status == 404
    assert manager.request("DELETE", f"/saved-queries/shared/{shared['id']}").status == 204
    assert manager.request("DELETE", path).status == 204
    assert saved(manager) == []
    actions = [row["action"] for row in manager.get("/audit").json["audit"]]
    assert actions.count("query.save") == 2
    assert actions.count("query.delete") == 2


def test_a_name_is_taken_once_for_each_list_and_owner(manager: RunningManager) -> None:
    first = save(manager).json
    assert save(manager).status == 409
    assert save(manager, "/shared").status == 200
    assert save(manager, list="workers", query={}).status == 200
    same = {"name": first["name"], "list": "jobs", "query": {}}
    path = f"/saved-queries/{first['id']}"
    assert manager.request("PUT", path, json_body=same).status == 200
    unknown = manager.request("PUT", f"/saved-queries/{UNKNOWN}", json_body=same)
    assert unknown.status == 404


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"query": {"sort": "updated", "colour": "red"}}, ["query.colour", "query.sort"]),
        ({"query": {"status": "sleeping", "limit": "many"}}, ["query.limit", "query.status"]),
        ({"query": {"limit": "0"}}, ["query.limit"]),
        ({"query": {"limit": "9" * 5000}}, ["query.limit"]),
        ({"name": "  "}, ["name"]),
        ({"list": "tags"}, ["list"]),
        ({"query": {"cursor": "abc"}}, ["query.cursor"]),
    ],
)
def test_a_query_that_its_list_does_not_take_is_not_saved(
    shared_manager: RunningManager, changes: dict[str, Any], places: list[str]
) -> None:
    reply = save(shared_manager, **changes)
    assert reply.status == 400
    assert sorted(reply.problems) == places
