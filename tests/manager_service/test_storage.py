"""Where things are kept, and what paths become."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.shaman.usage import StoreUsage, usage_of
from tests.manager_service.running_manager import RunningManager, sha256
from tests.manager_service.test_configuration_over_http import serving

TEXT = """\
shared_storage_path: '{farm}/shared'
variables:
  farm:
    is_twoway: true
    values:
      - {platform: linux, value: 'HOME'}
      - {platform: windows, value: 'F:\\farm'}
      - {platform: darwin, value: /Volumes/farm}
"""


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    home = tmp_path_factory.mktemp("farm")
    with serving(home, TEXT.replace("HOME", home.as_posix())) as running:
        yield running


def tried(manager: RunningManager, text: str, platform: str, **more: Any) -> dict[str, Any]:
    body = {"text": text, "platform": platform, **more}
    reply = manager.post("/configuration/variables/try", body)
    assert reply.status == 200, reply
    found: dict[str, Any] = reply.json
    return found


def test_folders_are_told_with_the_room_that_there_is(manager: RunningManager) -> None:
    found = manager.get("/storage").json
    shared = manager.config.shared_storage
    assert found["shared"]["path"] == str(shared)
    assert found["shared"]["exists"] is True
    assert found["shared"]["free_bytes"] == pytest.approx(shutil.disk_usage(shared).free, rel=0.2)
    assert found["shared"]["total_bytes"] == shutil.disk_usage(shared).total
    assert found["jobs"] == {**found["jobs"], "exists": False, "problem": ""}
    assert found["jobs"]["free_bytes"] > 0
    assert found["database_bytes"] >= manager.config.database_file.stat().st_size


def test_the_content_store_is_counted(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        for content in (b"a" * 1000, b"b" * 500):
            path = f"/shaman/files/{sha256(content)}/{len(content)}"
            headers = {"Content-Type": "application/octet-stream"}
            assert manager.post(path, body=content, headers=headers).status == 204
        assert manager.get("/storage").json["shaman"] == {
            "files": 2,
            "bytes": 1500,
            "is_complete": True,
        }


def test_counting_ends_when_the_time_is_up(tmp_path: Path) -> None:
    for folder in ("aa", "bb"):
        (tmp_path / "stored" / folder).mkdir(parents=True)
        (tmp_path / "stored" / folder / "7.blob").write_bytes(b"1234567")
    assert usage_of(tmp_path, is_time_up=lambda: False) == StoreUsage(2, 14, is_complete=True)
    assert not usage_of(tmp_path, is_time_up=lambda: True).is_complete
    nothing = usage_of(tmp_path / "missing", is_time_up=lambda: False)
    assert nothing == StoreUsage(0, 0, is_complete=True)


def test_without_shaman_there_is_nothing_to_count(tmp_path: Path) -> None:
    with RunningManager(tmp_path, shaman_enabled=False) as manager:
        assert "shaman" not in manager.get("/storage").json


def test_a_path_is_tried_in_both_directions(manager: RunningManager) -> None:
    found = tried(manager, "f:/FARM/shots/a.blend", "windows")
    assert found["stored"] == "{farm}/shots/a.blend"
    home = manager.config.home.as_posix()
    assert found["on_platforms"] == {
        "linux": f"{home}/shots/a.blend",
        "windows": "F:\\farm\\shots\\a.blend",
        "darwin": "/Volumes/farm/shots/a.blend",
    }
    found = tried(manager, "{farm}/a {nothing}", "darwin", audience="users")
    assert found["expanded"] == "/Volumes/farm/a {nothing}"
    assert found["missing"] == ["nothing"]
    jobs = tried(manager, "{jobs}/a", "windows")["expanded"]
    assert jobs == "F:\\farm\\shared\\jobs\\a"


def test_variables_can_be_tried_before_they_are_set(manager: RunningManager) -> None:
    variables = {"disk": {"is_twoway": True, "values": [{"value": "/x", "platforms": ["all"]}]}}
    found = tried(manager, "/x/a", "linux", variables=variables)
    assert found["stored"] == "{disk}/a"
    assert "disk" not in manager.get("/configuration/variables/workers/linux").json


def test_variables_that_name_each_other_in_a_circle_are_refused(manager: RunningManager) -> None:
    variables = {
        name: {"values": [{"value": f"{{{other}}}", "platforms": ["all"]}]}
        for name, other in (("a", "b"), ("b", "a"))
    }
    body = {"text": "{a}", "platform": "linux", "variables": variables}
    assert manager.post("/configuration/variables/try", body).status == 400
