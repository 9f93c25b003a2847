"""The assistant of the first start, with real folders and real programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import load_config
from manager_service.settings import blender_search, file_association, storage_check
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_command_line import TIME_LIMIT, running
from tests.manager_service.test_configuration import get
from tests.manager_service.test_configuration_over_http import FILE, serving
from tests.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs here are shell scripts")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[RunningManager]:
    """A Manager that nobody has set up."""
    with serving(tmp_path / "home", None) as manager:
        yield manager


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def blender(path: Path, version: str = "4.2.3 LTS") -> Path:
    """What tells of itself what Blender does, with the noise that it makes before."""
    return program(path, f'echo "Read prefs: /nowhere"; echo "Blender {version}"; echo built')


def check_storage(manager: RunningManager, path: Path | str) -> dict[str, Any]:
    reply = manager.post("/configuration/check/shared-storage", {"path": str(path)})
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.json
    return found


def check_blender(manager: RunningManager, path: Path | str) -> dict[str, Any]:
    reply = manager.post("/configuration/check/blender", {"path": str(path)})
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.json
    return found


def find_blenders(manager: RunningManager) -> list[dict[str, Any]]:
    reply = manager.get("/configuration/check/blender")
    assert reply.status == 200, reply
    found: list[dict[str, Any]] = reply.json
    return found


def test_a_folder_that_can_be_shared_is_left_as_it_was(
    fresh: RunningManager, tmp_path: Path
) -> None:
    folder = tmp_path / "größe"
    folder.mkdir()
    found = check_storage(fresh, folder)
    assert (found["path"], found["is_usable"], found["cause"]) == (str(folder), True, "")
    assert found["free_bytes"] == pytest.approx(shutil.disk_usage(folder).free, rel=0.2)
    assert found["can_symlink"] is True
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_shared_is_refused_with_the_reason(
    fresh: RunningManager, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    cases: list[tuple[Path | str, str]] = [
        ("", "is needed"),
        ("  ", "is needed"),
        ("farm", "whole path"),
        ("\\\\server\\share", "Network paths of Windows"),
        (tmp_path / "missing", "no such folder"),
        (file, "not a folder"),
        (fresh.config.home, "its own files"),
        ("/proc/self", "cannot write there"),
        ("/a\0b", "no such folder"),
    ]
    for path, cause in cases:
        found = check_storage(fresh, path)
        assert not found["is_usable"]
        assert cause in found["cause"], path


def test_a_folder_that_does_not_answer_is_refused_in_time(
    fresh: RunningManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_check, "TIME_LIMIT", timedelta(seconds=0.1))
    monkeypatch.setattr(storage_check, "_check", lambda *_: time.sleep(2))
    assert "does not answer" in check_storage(fresh, tmp_path)["cause"]


def test_a_blender_is_found_as_file_folder_and_name(
    fresh: RunningManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = blender(tmp_path / "opt" / "blender")
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    for written, source in [
        (str(path), "input_path"),
        (str(path.parent), "input_path"),
        ("blender", "path_envvar"),
    ]:
        assert check_blender(fresh, written) == {
            "input": written,
            "path": str(path),
            "source": source,
            "is_usable": True,
            "cause": "Blender 4.2.3 LTS",
        }


def test_what_is_no_blender_is_refused_with_the_reason(
    fresh: RunningManager, tmp_path: Path
) -> None:
    text = tmp_path / "readme"
    text.write_text("hello")
    cases: list[tuple[Path | str, str]] = [
        ("", "is needed"),
        ("no-such-blender", "in no folder of the PATH"),
        (tmp_path / "missing", "no file"),
        (tmp_path, "no file"),
        (text, "cannot be run"),
        (program(tmp_path / "other", "echo Gimp 2; exit 3"), "ended with code 3"),
    ]
    for path, cause in cases:
        found = check_blender(fresh, path)
        assert not found["is_usable"]
        assert cause in found["cause"], path


def test_a_blender_that_hangs_is_ended_in_time(
    fresh: RunningManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blender_search, "VERSION_TIME_LIMIT", timedelta(seconds=1))
    pid = tmp_path / "pid"
    hanging = program(tmp_path / "blender", f"echo $$ > {pid}; exec sleep 60")
    assert "within" in check_blender(fresh, hanging)["cause"]
    # On a busy machine it may have been ended before it could say who it is.
    number = pid.read_text().strip() if pid.exists() else ""
    eventually(lambda: not number or not Path(f"/proc/{number}").exists())


@pytest.mark.skipif(sys.platform != "linux", reason="desktop entries are of Linux")
def test_blenders_are_found_by_association_path_and_place(
    fresh: RunningManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    associated = blender(tmp_path / "desktop" / "blender-app", "5.1.0")
    on_path = blender(tmp_path / "bin" / "blender", "4.2.3")
    broken = program(tmp_path / "opt" / "blender-2.8" / "blender", "exit 1")
    program(tmp_path / "bin" / "xdg-mime", "echo blender.desktop")
    entry = tmp_path / "data" / "applications" / "blender.desktop"
    entry.parent.mkdir(parents=True)
    entry.write_text(f"[Desktop Entry]\nName=Blender\nExec={associated} %f\n")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", f"{on_path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(blender_search, "_system_locations", lambda: [broken, on_path])
    found = [(each["source"], each["path"], each["is_usable"]) for each in find_blenders(fresh)]
    assert found == [
        ("file_association", str(associated), True),
        ("path_envvar", str(on_path), True),
        ("system_location", str(broken), False),
    ]


def test_a_machine_without_blender_has_none(
    fresh: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(blender_search, "_system_locations", list)
    monkeypatch.setattr(blender_search, "associated_program", lambda *_: None)
    assert find_blenders(fresh) == []
    assert file_association.associated_program(".blend", "application/x-blender") is None


def answers(storage: Path | str, **changes: Any) -> dict[str, Any]:
    executable = {"input": "", "path": "", "source": "default", "is_usable": True, "cause": ""}
    return {"storageLocation": str(storage), "blenderExecutable": {**executable, **changes}}


def test_what_the_assistant_was_told_is_saved_and_the_manager_starts_again(
    fresh: RunningManager, tmp_path: Path
) -> None:
    assert fresh.get("/configuration").json["isFirstRun"] is True
    storage, path = tmp_path / "farm", str(tmp_path / "blender")
    storage.mkdir()
    told = answers(storage, source="input_path", input=path, path=path)
    assert fresh.post("/configuration/setup-assistant", told).status == 204
    assert fresh.get("/configuration").json["isFirstRun"] is False
    eventually(lambda: fresh.server.service.ending.is_near)
    saved = load_config(fresh.config.home / FILE, environment={})
    assert saved.shared_storage == storage
    values = {each.value: each.platforms for each in saved.variables.by_name["blender"].values}
    assert values[path] == (saved.platform,)
    assert values["blender.exe"] == ("windows",)


def test_workers_look_for_blender_themselves_if_nothing_else_is_said(
    fresh: RunningManager, tmp_path: Path
) -> None:
    storage = tmp_path / "farm"
    storage.mkdir()
    assert fresh.post("/configuration/setup-assistant", answers(storage)).status == 204
    text = (fresh.config.home / FILE).read_text(encoding="utf-8")
    assert "variables" not in text


def test_who_wants_no_assistant_is_not_asked_again(fresh: RunningManager) -> None:
    assert fresh.get("/configuration").json["isFirstRun"] is True
    assert fresh.post("/configuration/setup-assistant/skip").status == 204
    assert fresh.get("/configuration").json["isFirstRun"] is False
    assert not (fresh.config.home / FILE).exists()
    with serving(fresh.config.home / "other", text=None) as other:
        assert other.get("/configuration").json["isFirstRun"] is True, "another farm is asked"


def test_answers_that_cannot_be_used_are_refused_together(fresh: RunningManager) -> None:
    told = answers("", source="input_path", is_usable=False)
    refused = fresh.post("/configuration/setup-assistant", told)
    assert refused.status == 400
    assert refused.problems == [
        "storageLocation",
        "blenderExecutable.is_usable",
        "blenderExecutable.path",
    ]
    assert not (fresh.config.home / FILE).exists()


def test_from_elsewhere_nothing_is_looked_at(fresh: RunningManager, tmp_path: Path) -> None:
    elsewhere = {"X-Forwarded-For": "10.0.0.7"}
    body = {"path": str(tmp_path)}
    for path in ("check/shared-storage", "check/blender"):
        assert fresh.post(f"/configuration/{path}", body, headers=elsewhere).status == 403
    assert fresh.get("/configuration/check/blender", headers=elsewhere).status == 403


def test_a_new_program_is_set_up_and_starts_again_with_what_it_was_told(tmp_path: Path) -> None:
    storage = tmp_path / "farm"
    storage.mkdir()
    listen = f"127.0.0.1:{free_port()}"
    with running("--home", tmp_path / "home", "--listen", listen) as (process, url):
        assert get(f"{url}api/v3/configuration")["isFirstRun"] is True
        request = urllib.request.Request(
            f"{url}api/v3/configuration/setup-assistant",
            data=json.dumps(answers(storage)).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=TIME_LIMIT) as answer:
            assert answer.status == 204
        assert process.stdout is not None
        assert process.stdout.readline().strip().endswith(url), "it has started again"
        configuration = get(f"{url}api/v3/configuration")
        assert configuration["isFirstRun"] is False
        assert configuration["storageLocation"] == (storage / "jobs").as_posix()
        process.terminate()
        process.communicate(timeout=TIME_LIMIT)
