"""Reading and changing the configuration of a running Manager, over HTTP and by hand."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import load_config
from flamenco_core.manager import Manager
from tests.eventually import eventually
from tests.manager_service.running_manager import Reply, RunningManager

FILE = "flamenco-manager.yaml"
TEXT = """\
# The farm of the studio.
manager_name: Studio  # on the third floor
task_timeout: 20m
blocklist_threshold: 4
worker_registration_secret: tr33house
variables:
  # where everything lies
  disk: {is_twoway: true, values: [{platform: linux, value: /mnt/farm}]}
"""


@contextmanager
def serving(home: Path, text: str | None = TEXT, **environment: str) -> Iterator[RunningManager]:
    home.mkdir(exist_ok=True)
    if text is not None:
        (home / FILE).write_text(text, encoding="utf-8")
    path = home / FILE if text is not None else None
    config = load_config(path, home=home, environment=environment)
    with RunningManager(home, config=config) as manager:
        yield manager


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[RunningManager]:
    with serving(tmp_path / "farm") as manager:
        yield manager


def report(manager: RunningManager) -> dict[str, Any]:
    reply = manager.get("/configuration/settings")
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.json
    return found


def setting(manager: RunningManager, name: str) -> dict[str, Any]:
    sections = report(manager)["sections"]
    return next(each for part in sections for each in part["settings"] if each["name"] == name)


def change(manager: RunningManager, etag: str = "", query: str = "", **body: Any) -> Reply:
    headers = {"If-Match": f'"{etag}"'} if etag else {}
    path = f"/configuration/settings{query}"
    return manager.request("PATCH", path, json_body=body, headers=headers)


def text_of(manager: RunningManager) -> str:
    return (manager.config.home / FILE).read_text(encoding="utf-8")


def test_each_setting_says_its_value_and_where_it_comes_from(configured: RunningManager) -> None:
    timeout = setting(configured, "task_timeout")
    assert (timeout["value"], timeout["default"]) == ("20m0s", "10m0s")
    assert (timeout["source"], timeout["place"]) == ("file", f"{FILE}, line 3")
    assert timeout["needs_restart"] is False
    assert setting(configured, "listen")["source"] == "default"
    state = report(configured)["state"]
    assert state["file"] == str(configured.config.home / FILE)
    assert (state["exists"], state["problems"], state["waiting_for_restart"]) == (True, [], [])


def test_no_answer_holds_a_secret(configured: RunningManager) -> None:
    for path in ("/configuration/settings", "/configuration/file", "/configuration/text"):
        reply = configured.get(path)
        assert reply.status == 200
        assert b"tr33house" not in reply.content
    assert setting(configured, "worker_registration_secret")["is_set"] is True


def test_a_change_counts_at_once_and_keeps_the_comments(configured: RunningManager) -> None:
    reply = change(configured, settings={"manager_name": "Attic", "blocklist_threshold": 7})
    assert reply.status == 200, reply
    assert configured.get("/version").json["name"] == "Attic"
    assert "manager_name: Attic # on the third floor" in " ".join(text_of(configured).split())
    assert "# where everything lies" in text_of(configured)
    thresholds = configured.on_loop(
        configured.server.service.farm.run(lambda farm: farm.config.blocklist_threshold)
    )
    assert thresholds == 7


def test_the_audit_log_tells_who_changed_which_settings_and_no_values(
    configured: RunningManager,
) -> None:
    changes = {"task_timeout": "1h", "mqtt.client.password": "5e-cret"}
    assert change(configured, query="?check=true", settings=changes).status == 200
    variables = {"new": {"values": [{"value": "/x", "platforms": ["all"]}]}}
    assert change(configured, settings=changes, variables=variables).status == 200
    reply = configured.get("/audit")
    assert b"5e-cret" not in reply.content
    rows = [row for row in reply.json["audit"] if row["action"] == "configuration.change"]
    (row,) = rows
    assert row["details"]["settings"] == [
        "mqtt.client.password",
        "task_timeout",
        "variables.disk",
        "variables.new",
    ]


def test_null_takes_a_setting_out_of_the_file(configured: RunningManager) -> None:
    assert change(configured, settings={"task_timeout": None}).status == 200
    assert "task_timeout" not in text_of(configured)
    assert setting(configured, "task_timeout")["source"] == "default"


def test_all_that_is_wrong_with_a_change_is_said_and_nothing_changes(
    configured: RunningManager,
) -> None:
    refused = change(
        configured,
        settings={"task_timeout": "20", "task_timeuot": "20m", "job_fail_percentage": 200},
        worker_settings=[{"tag": "GPU"}],
    )
    assert refused.status == 400
    assert len(refused.problems) == 4
    assert "settings.task_timeuot" in refused.problems
    told = json.dumps(refused.json)
    assert "did you mean task_timeout?" in told
    assert "write 20s, 20m or 20h" in told
    assert text_of(configured) == TEXT


def test_a_check_changes_nothing(configured: RunningManager) -> None:
    assert change(configured, query="?check=true", settings={"task_timeout": "1h"}).status == 200
    assert change(configured, query="?check=true", settings={"task_timeout": "1"}).status == 400
    assert text_of(configured) == TEXT


def test_the_second_of_two_who_looked_at_the_same_is_refused(configured: RunningManager) -> None:
    etag = report(configured)["state"]["etag"]
    assert configured.get("/configuration/settings").headers["Etag"] == f'"{etag}"'
    assert change(configured, etag, settings={"task_timeout": "1h"}).status == 200
    refused = change(configured, etag, settings={"task_timeout": "2h"})
    assert refused.status == 412
    assert setting(configured, "task_timeout")["value"] == "1h0m0s"


def test_what_needs_a_restart_waits_for_it(configured: RunningManager) -> None:
    storage = configured.get("/configuration").json["storageLocation"]
    reply = change(configured, settings={"shared_storage_path": "/elsewhere", "listen": ":9"})
    assert reply.json["state"]["waiting_for_restart"] == ["listen", "shared_storage_path"]
    assert setting(configured, "listen")["is_waiting"] is True
    assert configured.get("/configuration").json["storageLocation"] == storage
    back = change(configured, settings={"shared_storage_path": None, "listen": None})
    assert back.json["state"]["waiting_for_restart"] == []


def test_variables_are_replaced_as_a_whole(configured: RunningManager) -> None:
    shown = report(configured)["variables"]
    shown["disk"]["values"].append({"value": "D:\\farm", "platforms": ["windows"]})
    shown["tools"] = {"values": [{"value": "/opt", "platforms": ["linux"], "audience": "workers"}]}
    assert change(configured, variables=shown).status == 200
    windows = configured.get("/configuration/variables/workers/windows").json
    assert windows["disk"] == {"value": "D:\\farm", "is_twoway": True}
    assert "blender:" not in text_of(configured), "a default that stays is not written"
    assert "# where everything lies" in text_of(configured)
    del shown["disk"]
    assert change(configured, variables=shown).status == 200
    linux = configured.get("/configuration/variables/workers/linux").json
    assert ("disk" in linux, linux["tools"]["value"]) == (False, "/opt")


def test_what_the_environment_says_cannot_be_changed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLAMENCO_TASK_TIMEOUT", "3m")
    with serving(tmp_path / "farm", FLAMENCO_TASK_TIMEOUT="3m") as manager:
        assert setting(manager, "task_timeout")["source"] == "environment"
        refused = change(manager, settings={"task_timeout": "1h"})
        assert (refused.status, refused.problems) == (400, ["settings.task_timeout"])
        assert "FLAMENCO_TASK_TIMEOUT" in refused.json["message"]


def test_a_file_is_made_where_there_was_none(tmp_path: Path) -> None:
    with serving(tmp_path / "farm", None) as manager:
        assert report(manager)["state"]["exists"] is False
        assert change(manager, settings={"task_timeout": "1h"}).status == 200
        assert report(manager)["state"]["exists"] is True
        assert load_config(manager.config.home / FILE, environment={}).task_timeout.seconds == 3600


def test_a_manager_without_a_place_for_a_file_can_be_looked_at_only(
    shared_manager: RunningManager,
) -> None:
    assert report(shared_manager)["state"]["file"] == ""
    assert change(shared_manager, settings={"task_timeout": "1h"}).status == 409
    assert shared_manager.get("/configuration/text").status == 409


def test_what_is_edited_by_hand_counts_soon(configured: RunningManager) -> None:
    file = configured.config.home / FILE
    file.write_text(TEXT.replace("Studio", "Cellar"), encoding="utf-8")
    eventually(lambda: bool(configured.get("/version").json["name"] == "Cellar"))


def test_a_file_broken_by_hand_is_refused_with_its_lines_until_it_is_good(
    configured: RunningManager,
) -> None:
    file = configured.config.home / FILE
    file.write_text("manager_name: Cellar\ntask_timeout: 5\nmode: [\n", encoding="utf-8")
    assert "line 4" in report(configured)["state"]["problems"][0]["where"]
    file.write_text("manager_name: Cellar\ntask_timeout: 5\nlisten: x\n", encoding="utf-8")
    problems = report(configured)["state"]["problems"]
    assert [each["where"].split(", ")[1] for each in problems] == ["line 2", "line 3"]
    assert configured.get("/version").json["name"] == "Studio"
    assert change(configured, settings={"blocklist_threshold": 5}).status == 400
    assert configured.post("/configuration/restart").status == 409
    file.write_text("manager_name: Cellar\n", encoding="utf-8")
    assert report(configured)["state"]["problems"] == []
    assert configured.get("/version").json["name"] == "Cellar"


def test_a_file_that_is_gone_changes_nothing(configured: RunningManager) -> None:
    (configured.config.home / FILE).unlink()
    assert "is gone" in report(configured)["state"]["problems"][0]["what"]
    assert configured.get("/version").json["name"] == "Studio"


def put_text(manager: RunningManager, text: str, query: str = "", **headers: str) -> Reply:
    return manager.request(
        "PUT",
        f"/configuration/text{query}",
        body=text.encode(),
        headers={"Content-Type": "application/yaml", **headers},
    )


def test_the_text_can_be_edited_without_seeing_the_secrets(configured: RunningManager) -> None:
    shown = configured.get("/configuration/text").content.decode()
    assert shown == TEXT.replace("tr33house", '"(secret)"')
    assert put_text(configured, shown.replace("Studio", "Attic")).status == 204
    assert configured.get("/version").json["name"] == "Attic"
    assert text_of(configured) == TEXT.replace("tr33house", '"tr33house"').replace(
        "Studio", "Attic"
    )


def test_a_text_with_mistakes_is_refused_with_their_lines(configured: RunningManager) -> None:
    refused = put_text(configured, "task_timeout: 5\nlisten: x\n")
    assert (refused.status, len(refused.problems)) == (400, 2)
    assert put_text(configured, "a: [").status == 400
    unknown = put_text(configured, "\nmqtt: {client: {password: (secret)}}\n")
    assert unknown.problems == [f"{FILE}, line 2, mqtt.client.password"]
    assert put_text(configured, TEXT, **{"Content-Type": "text/plain"}).status == 415
    assert put_text(configured, "#" * (2**20 + 1)).status == 413
    assert put_text(configured, "manager_name: X\n", **{"If-Match": '"other"'}).status == 412
    assert text_of(configured) == TEXT


def test_flamenco_3s_settings_page_changes_what_it_changed_only(
    configured: RunningManager,
) -> None:
    form = configured.get("/configuration/file").json
    form["task_timeout"] = "30m0s"
    form["mqtt"]["client"]["broker"] = "mqtt://broker:1883"
    form["variables"]["tools"] = {
        "is_twoway": False,
        "values": [{"value": "/opt", "platform": "all"}],
    }
    reply = configured.request("PUT", "/configuration/file", json_body=form)
    assert reply.status == 204, reply
    text = text_of(configured)
    assert ("tr33house" in text, "task_timeout: 30m0s" in text) == (True, True)
    assert "worker_timeout" not in text, "what stays as it is, is not written"
    assert configured.get("/configuration/file").json == form
    del form["variables"]["disk"]
    form["task_timeout"] = "7"
    assert configured.request("PUT", "/configuration/file", json_body=form).status == 400
    assert configured.get("/configuration/variables/workers/linux").json["disk"]


def test_a_restart_is_refused_if_nothing_could_listen_afterwards(
    configured: RunningManager,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert change(configured, settings={"listen": f"127.0.0.1:{port}"}).status == 200
        refused = configured.post("/configuration/restart")
    assert (refused.status, refused.problems) == (409, ["listen"])
    assert not configured.server.service.ending.is_near


def test_a_restart_is_refused_with_all_that_would_keep_the_manager_from_starting(
    configured: RunningManager, tmp_path: Path
) -> None:
    file, certificate = tmp_path / "file", tmp_path / "certificate.pem"
    file.touch()
    certificate.write_text("no certificate")
    (configured.config.home / FILE).write_text(
        f"shared_storage_path: {file}/below\nauthentication: local\n"
        f"tlscert: {certificate}\ntlskey: {certificate}\n",
        encoding="utf-8",
    )
    refused = configured.post("/configuration/restart")
    assert refused.status == 409
    assert {"shared_storage_path", "authentication"} < set(refused.problems)
    assert any("tlscert" in where for where in refused.problems)
    (configured.config.home / FILE).write_text(TEXT, encoding="utf-8")
    assert configured.post("/configuration/restart").status == 204


def test_a_restart_with_another_database_is_refused_if_that_is_no_farm_to_start_with(
    configured: RunningManager, tmp_path: Path
) -> None:
    notes, other = tmp_path / "notes.sqlite", tmp_path / "other.sqlite"
    notes.write_text("no database at all")
    with Manager.open(other):
        for file, what in ((notes, "not a database"), (other, "is run by process")):
            assert change(configured, settings={"database": str(file)}).status == 200
            refused = configured.post("/configuration/restart")
            assert (refused.status, refused.problems) == (409, ["database"])
            assert what in refused.json["message"]
    (configured.config.home / FILE).write_text(
        f"database: {tmp_path / 'new.sqlite'}\nauthentication: local\n", encoding="utf-8"
    )
    refused = configured.post("/configuration/restart")
    assert (refused.status, refused.problems) == (409, ["authentication"])
    assert not configured.server.service.ending.is_near
    (configured.config.home / FILE).write_text(f"database: {other}\n", encoding="utf-8")
    assert configured.post("/configuration/restart").status == 204


def test_a_port_that_the_manager_has_itself_is_free_for_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(tmp_path / "farm", f"listen: ':{port}'\n") as manager:
            assert change(manager, settings={"listen": f"127.0.0.1:{port}"}).status == 200
            assert manager.post("/configuration/restart").status == 204


def test_a_restart_is_asked_for_once_the_answer_is_on_its_way(configured: RunningManager) -> None:
    assert configured.post("/configuration/restart").status == 204
    eventually(lambda: configured.server.service.ending.is_near)


def test_from_elsewhere_nothing_is_changed_as_long_as_everybody_is_trusted(
    configured: RunningManager,
) -> None:
    through_a_proxy = {"X-Forwarded-For": "10.0.0.7"}
    for method, path in [
        ("PATCH", "/configuration/settings"),
        ("PUT", "/configuration/file"),
        ("POST", "/configuration/restart"),
    ]:
        reply = configured.request(method, path, json_body={}, headers=through_a_proxy)
        assert reply.status == 403
    assert put_text(configured, TEXT, **through_a_proxy).status == 403
    assert text_of(configured) == TEXT


@pytest.mark.parametrize(
    "body",
    [
        {"settings": {"\ud800": 1}},
        {"settings": {"listen": {"a": [1]}, "manager_name": [], "task_timeout": 1e308}},
        {"variables": {"a\0{": {"values": [{"value": "\u2028", "platforms": []}]}}},
        {"worker_settings": [{"programs": {"": "\0"}, "slots": -1}]},
    ],
)
def test_nonsense_is_refused_in_good_order(
    configured: RunningManager, body: dict[str, Any]
) -> None:
    refused = change(configured, **body)
    assert refused.status == 400, refused
    assert refused.problems
    assert text_of(configured) == TEXT


@pytest.mark.parametrize(
    "content", [b"\xff", b"- 1", b"a: &x [*x]", b"a: !!python/object:os.system x", b"\0"]
)
def test_a_file_of_nonsense_leaves_the_manager_as_it_was(
    configured: RunningManager, content: bytes
) -> None:
    (configured.config.home / FILE).write_bytes(content)
    assert report(configured)["state"]["problems"]
    assert configured.get("/configuration/text").status in (200, 409)
    assert configured.get("/configuration/file").json["manager_name"] == "Studio"
