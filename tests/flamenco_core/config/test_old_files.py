"""Files of Flamenco 2."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.config import ConfigFile, Tls, Upstream, load_config
from flamenco_core.config.keys import WITHOUT_MEANING
from flamenco_core.model import Audience
from flamenco_core.paths import this_platform
from flamenco_core.statuses import WorkerStatus
from tests.flamenco_core.config.parsing import (
    BEFORE_VERSIONS,
    FLAMENCO_2,
    HOME,
    parse,
    problems,
    warnings,
)


def test_a_file_of_flamenco_2_is_read() -> None:
    config = load_config(FLAMENCO_2, home=HOME, environment={})
    assert config.task_timeout == timedelta(minutes=5)
    assert config.worker_timeout == timedelta(seconds=90)
    assert config.blocklist_threshold == 4
    assert config.task_fail_after_softfail_count == 5
    assert config.worker_cleanup_max_age == timedelta(days=30)
    assert config.worker_cleanup_status == (WorkerStatus.OFFLINE, WorkerStatus.ASLEEP)
    assert config.worker_registration_secret == "let me in"
    assert config.local_storage == Path("/var/log/flamenco")
    assert config.watch_for_latest_image == Path("/mnt/render")
    assert config.listen == ":8083"
    assert config.own_url == "https://flamenco.studio/"
    assert not config.autodiscoverable
    assert config.ssdp_device_uuid == ""  # every Manager had that one
    assert config.tls == Tls(
        listen=":8433", key=Path("/etc/ssl/farm.key"), certificate=Path("/etc/ssl/farm.crt")
    )
    assert config.upstream == Upstream(
        manager_id="5852bc5198377351f95d103e",
        manager_secret="SRVxxxxxxxxxxxxxxxxxxxxxx",
        download_throttle=timedelta(seconds=-1),
    )
    assert config.upstream.is_linked


def test_flamenco_2s_storage_is_where_it_was() -> None:
    config = load_config(FLAMENCO_2, home=HOME, environment={})
    assert config.shared_storage == Path("/shared/flamenco")
    assert config.job_storage == Path("/shared/flamenco/jobs")
    assert config.file_store == Path("/shared/flamenco/file-store")
    assert config.shaman_extra_checkouts == (Path("/shared/old-jobs"),)
    assert config.shaman_garbage_period == timedelta(hours=8)


def test_flamenco_2s_variables_keep_direction_platforms_and_audiences() -> None:
    config = load_config(FLAMENCO_2, home=HOME, environment={})
    users = config.variables_for(Audience.USERS, "linux")
    workers = config.variables_for(Audience.WORKERS, "linux")
    assert users.values["blender"] == "/home/artist/blender"
    assert workers.values["blender"] == "/opt/blender"
    assert workers.abbreviate("/shared/flamenco/jobs/x") == "{job_storage}/x"


def test_what_has_no_meaning_here_is_warned_of_with_the_reason() -> None:
    config = load_config(FLAMENCO_2, home=HOME, environment={})
    texts = warnings(config)
    assert "has the form of Flamenco 2 (version 2)" in texts[0]
    for key in WITHOUT_MEANING:
        if key != "dynamic_pool_platforms":
            assert any(f", {key}: has no meaning here: " in text for text in texts), key
    assert "flamenco-2.yaml, line 4, mode: has no meaning here: there is only one mode" in texts
    assert len(texts) == len(WITHOUT_MEANING)


@pytest.mark.skipif(this_platform() == "windows", reason="the example is of Linux")
def test_a_file_without_a_version_is_read() -> None:
    config = load_config(BEFORE_VERSIONS, home=HOME, environment={})
    assert config.listen == ":8083"
    assert not config.shaman_enabled
    assert config.job_storage == Path("/render/shared")
    assert config.task_timeout == timedelta(minutes=1)
    linux = config.variables_for(Audience.WORKERS, "linux")
    assert linux.values["blender"] == "/opt/myblenderbuild/blender"
    assert linux.abbreviate("/render/a") == "{render}/a"
    windows = config.variables_for(Audience.WORKERS, "windows")
    assert windows.expand("{render}/a") == "R:\\a"
    assert windows.values["jobs"] == "R:\\shared"
    assert "blender" not in config.variables_for(Audience.WORKERS, "darwin").values


def test_the_folder_of_jobs_without_shaman_is_the_variable_for_it() -> None:
    config = parse(
        "_meta: {version: 2}\n"
        "shaman: {enabled: false}\n"
        "variables:\n"
        "  job_storage: {direction: twoway, values: [{platform: all, value: /mnt/jobs}]}\n"
    )
    assert config.job_storage == Path("/mnt/jobs")


@pytest.mark.parametrize("version", ["0", "1"])
def test_the_first_versions_have_a_number_too(version: str) -> None:
    config = parse(f"_meta: {{version: {version}}}\nlisten: :9000\n")
    assert (config.listen, config.shaman_enabled) == (":9000", False)


def test_old_names_work_in_new_files() -> None:
    config = parse("_meta: {version: 3}\nactive_task_timeout_interval: 5m\n")
    assert config.task_timeout == timedelta(minutes=5)
    assert config.warnings == ()


def test_one_setting_under_both_names_is_refused() -> None:
    found = problems("task_timeout: 5m\nactive_task_timeout_interval: 6m\n")
    assert len(found) == 1
    assert found[0].startswith(
        "line 2, active_task_timeout_interval: is the same setting as the one on line 1"
    )
    assert found[0].endswith("(leave one out; it is now called task_timeout)")


def test_an_unfinished_link_to_a_server_is_warned_of() -> None:
    config = parse("manager_id: abc\n")
    assert not config.upstream.is_linked
    assert "manager_secret belong together" in warnings(config)[0]


def test_statuses_of_workers_may_have_their_old_names() -> None:
    config = parse("worker_cleanup_status: [offline, timeout]\n")
    assert config.worker_cleanup_status == (WorkerStatus.OFFLINE, WorkerStatus.ERROR)


def test_a_number_is_enough_where_the_name_says_seconds(tmp_path: Path) -> None:
    text = "active_task_timeout_interval_seconds: 600\n"
    assert parse(text).task_timeout == timedelta(minutes=10)
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(text, encoding="utf-8")
    saved = ConfigFile(file, environment={}).save({"manager_name": "Studio"})
    assert saved.task_timeout == timedelta(minutes=10)
    assert "task_timeout: 600s" in file.read_text(encoding="utf-8")
