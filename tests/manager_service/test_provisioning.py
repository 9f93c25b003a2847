"""Workers are told of their set-up at sign-on, and again when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.test_configuration_over_http import change, serving

TEXT = """\
worker_settings:
  - programs: {ffmpeg: '{tools}/ffmpeg'}
  - {tag: GPU, limits: {threads: 8}}
  - {worker: render-07, slots: 2}
variables:
  tools: {values: [{platform: linux, value: /opt/tools}]}
"""
NAME = "render-07"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with serving(tmp_path / "farm", TEXT) as running:
        yield running


def sign_on(
    manager: RunningManager, worker: WorkerLogin, name: str = NAME, **more: Any
) -> dict[str, Any]:
    body = {"name": name, "supported_task_types": ["misc"], "software_version": "1"}
    reply = manager.post("/worker/sign-on", body | more, worker=worker)
    assert reply.status == 200, reply
    answer: dict[str, Any] = reply.json
    return answer


def settings(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    reply = manager.get("/worker/settings", worker=worker)
    assert reply.status == 200, reply
    answer: dict[str, Any] = reply.json
    return answer


def next_task(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    manager.submit(settings={"message": "x", "sleep_repeats": 1, "sleep_duration_seconds": 0})
    reply = manager.post("/worker/task", worker=worker)
    assert reply.status == 200, reply
    task: dict[str, Any] = reply.json
    done = {"taskStatus": "completed", "attempt": task["attempt"]}
    assert manager.post(f"/worker/task/{task['uuid']}", done, worker=worker).status == 204
    return task


def test_a_worker_is_told_at_sign_on_with_its_variables_filled_in(manager: RunningManager) -> None:
    worker = manager.add_worker(NAME)
    told = sign_on(manager, worker)["settings"]
    assert told["programs"] == {"ffmpeg": "/opt/tools/ffmpeg"}
    assert (told["slots"], told["limits"]) == (2, {})
    assert settings(manager, worker) == told


def test_another_name_at_sign_on_makes_other_settings(manager: RunningManager) -> None:
    worker = manager.add_worker(NAME)
    sign_on(manager, worker)
    assert "slots" not in sign_on(manager, worker, "render-08")["settings"]


def test_a_task_tells_when_the_settings_have_changed(manager: RunningManager) -> None:
    worker = manager.add_worker(NAME)
    told = sign_on(manager, worker)["settings"]
    manager.post("/worker/state-changed", {"status": "awake"}, worker=worker)
    assert next_task(manager, worker)["settings_etag"] == told["etag"]

    tag = manager.post("/worker-mgt/tags", {"name": "GPU"}).json["id"]
    path = f"/worker-mgt/workers/{worker.uuid}/settags"
    assert manager.post(path, {"tag_ids": [tag]}).status == 204
    eventually(lambda: settings(manager, worker)["limits"] == {"threads": 8})
    by_tag = settings(manager, worker)["etag"]
    assert next_task(manager, worker)["settings_etag"] == by_tag != told["etag"]

    assert change(manager, worker_settings=[{"programs": {"ffmpeg": "other"}}]).status == 200
    changed = settings(manager, worker)
    assert changed["programs"] == {"ffmpeg": "other"}
    assert next_task(manager, worker)["settings_etag"] == changed["etag"] != by_tag


def test_a_variable_that_changes_changes_the_settings(manager: RunningManager) -> None:
    worker = manager.add_worker(NAME)
    sign_on(manager, worker)
    shown = manager.get("/configuration/settings").json["variables"]
    shown["tools"]["values"][0]["value"] = "/srv"
    assert change(manager, variables=shown).status == 200
    assert settings(manager, worker)["programs"] == {"ffmpeg": "/srv/ffmpeg"}


def test_a_program_counts_instead_of_the_variable_of_its_name(manager: RunningManager) -> None:
    rules = [
        {"worker": NAME, "programs": {"blender": "{tools}/blender", "disk": "/x"}},
        {"programs": {"blender": "everybody's"}},
    ]
    shown = manager.get("/configuration/settings").json["variables"]
    shown["disk"] = {"is_twoway": True, "values": [{"value": "/mnt", "platforms": ["linux"]}]}
    assert change(manager, worker_settings=rules, variables=shown).status == 200
    for name, program in ((NAME, "/opt/tools/blender"), ("render-08", "everybody's")):
        worker = manager.add_worker(name)
        settings = {"program": "{blender}", "arguments": "{disk}/a"}
        manager.submit(type="run-command", settings=settings)
        task = manager.post("/worker/task", worker=worker).json
        parameters = task["commands"][0]["parameters"]
        assert parameters == {"exe": program, "args": ["/mnt/a"]}


def test_a_worker_hears_at_sign_on_which_blender_its_tasks_start(manager: RunningManager) -> None:
    rules = [{"worker": NAME, "programs": {"blender": "{tools}/blender"}}]
    shown = manager.get("/configuration/settings").json["variables"]
    shown["blender"] = {"values": [{"value": "/opt/blender-4.5/blender", "platforms": ["linux"]}]}
    shown["blenderArgs"] = {"values": [{"value": "-b --threads 4", "platforms": ["all"]}]}
    assert change(manager, worker_settings=rules, variables=shown).status == 200
    worker = manager.add_worker("render-08")
    told = sign_on(manager, worker, "render-08", slots=[])
    assert told["blender"] == "/opt/blender-4.5/blender"
    assert told["blender_args"] == "-b --threads 4"
    # The name counts that it has signed on with.
    assert sign_on(manager, worker, NAME, slots=[])["blender"] == "/opt/tools/blender"
    assert "blender" not in sign_on(manager, worker, NAME), "Flamenco 3's workers know of no such"


def test_a_farm_without_rules_tells_nothing(shared_manager: RunningManager) -> None:
    worker = shared_manager.add_worker(NAME)
    assert "settings" not in sign_on(shared_manager, worker)
    shared_manager.post("/worker/state-changed", {"status": "awake"}, worker=worker)
    assert "settings_etag" not in next_task(shared_manager, worker)
    assert settings(shared_manager, worker)["programs"] == {}


def test_other_people_cannot_ask_for_a_workers_settings(manager: RunningManager) -> None:
    assert manager.get("/worker/settings").status == 403
