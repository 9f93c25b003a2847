from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamenco_core.config import Config, ConfigFile, parse_config
from flamenco_core.errors import InvalidInput, StorageError, Unavailable
from flamenco_core.model import Audience
from flamenco_core.statuses import WorkerStatus
from tests.flamenco_core.config.parsing import BEFORE_VERSIONS, FLAMENCO_2, FLAMENCO_3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the example of Flamenco 3."""
    path = tmp_path / "flamenco-manager.yaml"
    path.write_text(FLAMENCO_3.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def opened(path: Path, **environment: str) -> ConfigFile:
    return ConfigFile(path, environment=environment)


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went, and those that came."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_saving_changes_what_was_asked_for_and_keeps_everything_else(file: Path) -> None:
    before = file.read_text(encoding="utf-8")
    config = opened(file).save({"task_timeout": "20m", "shaman": {"enabled": False}})
    assert (config.task_timeout, config.shaman_enabled) == (timedelta(minutes=20), False)
    gone, came = changed_lines(before, file.read_text(encoding="utf-8"))
    assert gone == ["  enabled: true", "task_timeout: 10m0s"] or gone == ["task_timeout: 10m0s"]
    assert came == ["  enabled: false", "task_timeout: 20m"]


def test_settings_may_be_named_by_their_paths(file: Path) -> None:
    config = opened(file).save(
        {
            "shaman.enabled": False,
            "shaman.garbageCollect.maxAge": timedelta(days=2),
            "mqtt.client.clientID": "studio",
        }
    )
    assert not config.shaman_enabled
    assert config.shaman_garbage_max_age == timedelta(days=2)
    assert config.mqtt.client_id == "studio"
    assert "shaman.enabled" not in file.read_text(encoding="utf-8")


def test_saving_nothing_changes_nothing(file: Path) -> None:
    before = file.read_text(encoding="utf-8")
    opened(file).save({})
    assert file.read_text(encoding="utf-8") == before


def test_comments_stay_beside_what_changes(file: Path) -> None:
    opened(file).save(
        {
            "manager_name": "Renamed",
            "variables": {
                "blender": {
                    "values": [
                        {"platform": "linux", "value": "/opt/blender"},
                        {"platform": "windows", "value": "B:\\blender\\blender.exe"},
                    ]
                },
                "blenderArgs": None,
            },
        }
    )
    text = file.read_text(encoding="utf-8")
    for comment in (
        "# Configuration file for Flamenco.",
        "# shown on the web page",
        "# Uploads by the add-on.",
        "# The Windows machines have it on a drive.",
        "# known under a path of its own on each platform",
    ):
        assert comment in text
    config = parse_config(text, name="f", home=file.parent)
    assert config.manager_name == "Renamed"
    assert "blenderArgs:" not in text
    blender = config.variables.by_name["blender"]
    assert [value.value for value in blender.values] == ["/opt/blender", "B:\\blender\\blender.exe"]


@pytest.mark.parametrize(
    "name", ["on", "yes", "42", "1:30", "null", "~", "a: b", "#x", "2026-01-02"]
)
def test_any_text_is_saved_as_text(file: Path, name: str) -> None:
    opened(file).save({"manager_name": name})
    assert opened(file).config.manager_name == name


def test_values_may_be_given_as_they_are_in_the_configuration(file: Path) -> None:
    config = opened(file).save(
        {
            "task_timeout": timedelta(minutes=90),
            "shared_storage_path": Path("{storage}") / "x",
            "worker_cleanup_status": (WorkerStatus.ASLEEP,),
        }
    )
    assert config.task_timeout == timedelta(minutes=90)
    assert config.worker_cleanup_status == (WorkerStatus.ASLEEP,)
    assert "task_timeout: 1h30m0s" in file.read_text(encoding="utf-8")
    assert opened(file).config == config


@pytest.mark.parametrize(
    "changes",
    [
        {"manager_name": object()},
        {"manager_name": {1, 2}},
        {"manager_name": "half a \ud83d character"},
        {"shaman": 5},
        {"variables": {"blender": {"values": "x"}}},
        {5: "x"},
        {"task_timeout": 600},
    ],
)
def test_what_a_setting_cannot_be_is_not_saved(file: Path, changes: dict[Any, Any]) -> None:
    before = file.read_text(encoding="utf-8")
    with pytest.raises(InvalidInput):
        opened(file).save(changes)
    assert file.read_text(encoding="utf-8") == before


@given(text=st.text(min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_saved_is_read_again(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flamenco-manager.yaml"
    path.write_text(FLAMENCO_3.read_text(encoding="utf-8"), encoding="utf-8")
    value = {"values": [{"platform": "all", "value": text}]}
    saved = opened(path).save({"mqtt": {"client": {"password": text}}, "variables": {"x": value}})
    assert saved.mqtt.password == text
    assert saved.variables.by_name["x"].values[0].value == text
    assert opened(path).config == saved


def test_a_mistake_leaves_file_and_configuration_as_they_were(file: Path) -> None:
    before = file.read_text(encoding="utf-8")
    configuration = opened(file)
    running = configuration.config
    with pytest.raises(InvalidInput) as caught:
        configuration.save({"task_timeout": "20", "listne": ":80"})
    assert len(caught.value.problems) == 2
    assert configuration.config is running
    assert file.read_text(encoding="utf-8") == before
    assert list(file.parent.iterdir()) == [file]


def test_a_broken_file_never_replaces_a_running_configuration(file: Path) -> None:
    configuration = opened(file)
    running = configuration.config
    for broken in (
        *("task_timeout: [", "task_timeout: 20\n", "- x\n", "variables: {x: }\n"),
        *("variables: [x]\n", "path_replacement: 5\n", "listen: :1\nlisten: :2\n"),
    ):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(InvalidInput):
            configuration.reload()
        with pytest.raises(InvalidInput):
            configuration.save({"manager_name": "Other"})
        assert configuration.config is running
        assert file.read_text(encoding="utf-8") == broken
    file.write_text("manager_name: Mended\n", encoding="utf-8")
    assert configuration.reload().manager_name == "Mended"
    assert configuration.config.manager_name == "Mended"


def test_what_somebody_else_wrote_meanwhile_is_kept(file: Path) -> None:
    configuration = opened(file)
    with file.open("a", encoding="utf-8") as stream:
        stream.write("time_zone: Europe/Amsterdam # by hand\n")
    config = configuration.save({"manager_name": "Other"})
    assert (config.manager_name, config.time_zone) == ("Other", "Europe/Amsterdam")
    assert "# by hand" in file.read_text(encoding="utf-8")


def test_the_first_save_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "flamenco-manager.yaml"
    configuration = opened(path)
    assert configuration.config == Config(home=path.parent)
    configuration.save({"shared_storage_path": "/mnt/farm"})
    assert opened(path).config.shared_storage == Path("/mnt/farm")
    assert path.read_text(encoding="utf-8").startswith("# Configuration of a Flamenco Manager")
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_comments_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "flamenco-manager.yaml"
    path.write_text("# to be done\n", encoding="utf-8")
    opened(path).save({"manager_name": "Studio"})
    assert path.read_text(encoding="utf-8").startswith("# to be done\n")
    assert opened(path).config.manager_name == "Studio"


def test_the_environment_stays_out_of_the_file(file: Path) -> None:
    configuration = opened(file, FLAMENCO_MANAGER_NAME="Container", FLAMENCO_TASK_TIMEOUT="1h")
    config = configuration.save({"manager_name": "Saved"})
    assert config.manager_name == "Container"
    assert configuration.reload().task_timeout == timedelta(hours=1)
    assert opened(file).config.manager_name == "Saved"
    assert "1h" not in file.read_text(encoding="utf-8").replace("744h", "").replace("24h", "")


def test_what_only_the_environment_completes_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "flamenco-manager.yaml"
    path.write_text("mqtt: {client: {enabled: true}}\n", encoding="utf-8")
    configuration = opened(path, FLAMENCO_MQTT_CLIENT_BROKER="mqtt://broker")
    assert configuration.save({"manager_name": "Studio"}).mqtt.broker == "mqtt://broker"
    assert "broker" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("example", [FLAMENCO_2, BEFORE_VERSIONS], ids=["2", "before"])
def test_saving_a_file_of_flamenco_2_gives_it_the_present_form(
    tmp_path: Path, example: Path
) -> None:
    path = tmp_path / "flamenco-manager.yaml"
    path.write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    configuration = opened(path)
    before = configuration.config
    after = configuration.save({"manager_name": before.manager_name})
    assert after == before
    assert not any("has the form of" in str(warning) for warning in after.warnings)
    text = path.read_text(encoding="utf-8")
    assert "version: 3" in text
    for old_name in ("active_task_timeout_interval", "blacklist_threshold", "path_replacement"):
        assert old_name not in text
    for comment in line_comments(example):
        assert comment in text
    for platform in ("linux", "windows", "darwin"):
        for audience in Audience:
            tables = [each.variables_for(audience, platform).as_sent() for each in (before, after)]
            assert tables[0] == tables[1]
    assert opened(path).save({}) == after


def line_comments(example: Path) -> list[str]:
    """The comments of an example, without those inside the variables that get a new form."""
    text = example.read_text(encoding="utf-8").partition("variables:")[0]
    return [line[line.index("#") :] for line in text.splitlines() if "#" in line]


def test_a_whole_new_text_is_checked_first(file: Path) -> None:
    configuration = opened(file)
    running = configuration.config
    with pytest.raises(InvalidInput, match="line 2"):
        configuration.replace("listen: :80\nfoo: bar\n")
    assert configuration.config is running
    assert configuration.replace("listen: :80 # short\n").listen == ":80"
    assert file.read_text(encoding="utf-8") == "listen: :80 # short\n"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_linked_file_stays_linked_and_keeps_its_rights(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "etc" / "flamenco-manager.yaml"
    link.parent.mkdir()
    link.symlink_to(file)
    opened(link).save({"manager_name": "Linked"})
    assert link.is_symlink()
    assert opened(file).config.manager_name == "Linked"
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file system of POSIX")
def test_a_file_that_cannot_be_written_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = opened(file)
    running, before = configuration.config, file.read_text(encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        configuration.save({"manager_name": "Other"})
    assert configuration.config is running
    assert file.read_text(encoding="utf-8") == before
    assert list(file.parent.iterdir()) == [file]


def test_without_the_library_for_comments_it_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked: dict[str, Any] = {"ruamel": None, "ruamel.yaml": None}
    for name, nothing in blocked.items():
        monkeypatch.setitem(sys.modules, name, nothing)
    configuration = opened(file)
    with pytest.raises(Unavailable, match=r"flamenco-python\[manager\]"):
        configuration.save({"manager_name": "Other"})
    assert configuration.config.manager_name == "Animation Studio"


def test_values_by_names_are_replaced_together_and_keep_their_comments(tmp_path: Path) -> None:
    path = tmp_path / "flamenco-manager.yaml"
    path.write_text(
        "job_fail_percentage_by_type:\n  render: 25 # long\n  echo: 100\n", encoding="utf-8"
    )
    config = opened(path).save({"job_fail_percentage_by_type": {"render": 30}})
    assert config.job_fail_percentage_by_type == {"render": 30}
    assert path.read_text(encoding="utf-8") == (
        "job_fail_percentage_by_type:\n  render: 30 # long\n"
    )
    assert opened(path).save({"job_fail_percentage_by_type": None}) == Config(home=tmp_path)
