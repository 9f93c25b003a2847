from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.device_wishes import parse_devices
from flamenco_core.errors import FarmLocked, InvalidInput
from flamenco_core.time_limits import TimeLimits
from flamenco_worker.blender.keeping_rules import KeepingRules
from flamenco_worker.config import (
    DEFAULT_LIMITS,
    DEFAULT_TASK_TYPES,
    load_config,
    variable_of,
)
from flamenco_worker.config_keys import KEYS, PreTaskCheck
from flamenco_worker.credentials import Credentials, load_credentials, save_credentials
from flamenco_worker.device_wishes import Fallback
from flamenco_worker.host import default_home, host_name, locked_home
from flamenco_worker.process import Priority
from flamenco_worker.slots import SlotConfig

KNOWN = ", ".join(KEYS)
NO_SUCH_SLOT_KEY = (
    "slots [1] has no setting 'device'; known are name, task_types, devices, threads, memory_limit"
)
NO_SUCH_DEVICE = (
    "devices must be one of cpu, gpu, optix, cuda, hip, oneapi, metal, such as optix:0; "
    "'rtx' is none"
)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_count(tmp_path: Path) -> None:
    config = load_config(home=tmp_path, environment={})
    assert config.manager_url == ""
    assert config.task_types == DEFAULT_TASK_TYPES
    assert config.worker_name == host_name()
    assert config.restart_exit_code == 0
    assert config.oom_score_adjust is None


def test_every_key_is_read(tmp_path: Path) -> None:
    file = write(
        tmp_path / "my.yaml",
        "worker_name: ' desk '\nmanager_url: http://farm:8080/\ntask_types: [blender]\n"
        "restart_exit_code: 47\noom_score_adjust: 500\nffmpeg: /opt/ffmpeg\n"
        "worker_registration_secret: let me in\n",
    )
    config = load_config(config_file=file, home=tmp_path, environment={})
    assert config.worker_name == "desk"
    assert config.manager_url == "http://farm:8080/"
    assert config.task_types == ("blender",)
    assert config.restart_exit_code == 47
    assert config.oom_score_adjust == 500
    assert config.ffmpeg == "/opt/ffmpeg"
    assert config.worker_registration_secret == "let me in"
    assert "let me in" not in repr(config)


def test_the_registration_secret_may_stand_in_the_environment(tmp_path: Path) -> None:
    environment = {"FLAMENCO_WORKER_REGISTRATION_SECRET": "of environment"}
    config = load_config(home=tmp_path, environment=environment)
    assert config.worker_registration_secret == "of environment"
    file = write(tmp_path / "my.yaml", "worker_registration_secret: of file\n")
    config = load_config(config_file=file, home=tmp_path, environment=environment)
    assert config.worker_registration_secret == "of environment"


def test_arguments_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    write(tmp_path / "flamenco-worker.yaml", "worker_name: file\nmanager_url: http://file/\n")
    environment = {"FLAMENCO_HOME": str(tmp_path), "FLAMENCO_WORKER_NAME": "environment"}
    config = load_config(environment=environment)
    assert (config.worker_name, config.manager_url) == ("environment", "http://file/")
    config = load_config(environment=environment, worker_name="me", manager_url="http://me/")
    assert (config.worker_name, config.manager_url) == ("me", "http://me/")
    config = load_config(environment={"FLAMENCO_WORKER_NAME": ""}, home=tmp_path)
    assert config.worker_name == "file"


def test_the_file_of_the_current_folder_comes_before_that_of_the_home(tmp_path: Path) -> None:
    write(tmp_path / "flamenco-worker.yaml", "worker_name: home")
    write(Path("flamenco-worker.yaml"), "worker_name: current")
    assert load_config(home=tmp_path, environment={}).worker_name == "current"


def test_all_problems_are_named_with_their_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path / "bad.yaml",
        "# comment\nmanager_url: 3\ntask_types: blender\n\nrestart_exit_code: 300\n"
        "oom_score_adjust: high\nworker_nmae: x\n",
    )
    with pytest.raises(InvalidInput) as refused:
        load_config(config_file=file, home=tmp_path, environment={})
    assert [str(problem).removeprefix(f"{file}, ") for problem in refused.value.problems] == [
        "line 2: manager_url must be a text",
        "line 3: task_types must be a list of at least one task type",
        "line 5: restart_exit_code must be a whole number from 0 to 255",
        "line 6: oom_score_adjust must be a whole number from -1000 to 1000",
        f"line 7: there is no setting 'worker_nmae' (known are {KNOWN})",
    ]


@pytest.mark.parametrize("text", ["a: [", "- a list", "\x00"])
def test_a_broken_file_is_an_error_and_not_the_defaults(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "broken.yaml", text)
    with pytest.raises(InvalidInput, match=r"broken\.yaml"):
        load_config(config_file=file, home=tmp_path, environment={})


def test_a_config_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.yaml cannot be read"):
        load_config(config_file=tmp_path / "none.yaml", home=tmp_path, environment={})


def test_an_empty_file_is_no_problem(tmp_path: Path) -> None:
    file = write(tmp_path / "empty.yaml", "# nothing\n")
    assert load_config(config_file=file, home=tmp_path, environment={}).ffmpeg == ""


def test_the_home_is_where_flamenco_3_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert default_home({"FLAMENCO_HOME": "/srv/f"}) == Path("/srv/f")
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/data/flamenco")
    assert default_home({}) == Path.home() / ".local/share/flamenco"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_home({}) == Path.home() / "Library/Application Support/Flamenco"
    monkeypatch.setattr("sys.platform", "win32")
    local = {"LOCALAPPDATA": "C:/Users/x/AppData/Local"}
    assert default_home(local) == Path("C:/Users/x/AppData/Local/Blender Foundation/Flamenco")


def test_two_workers_cannot_share_a_home(tmp_path: Path) -> None:
    with (
        locked_home(tmp_path / "new"),
        pytest.raises(FarmLocked, match="Another worker runs in"),
        locked_home(tmp_path / "new"),
    ):
        pass
    with locked_home(tmp_path / "new"):
        pass


def test_credentials_come_back_as_they_were_saved(tmp_path: Path) -> None:
    assert load_credentials(tmp_path) is None
    for secret in ("first", "second"):
        save_credentials(tmp_path, Credentials("0123", secret))
        assert load_credentials(tmp_path) == Credentials("0123", secret)
    assert [path.name for path in tmp_path.glob("*credentials*")] == [
        "flamenco-worker-credentials.yaml"
    ]


@pytest.mark.parametrize("text", ["", "worker_id: x", "worker_id: [", "- x", "worker_id: ''"])
def test_credentials_that_cannot_be_used_are_an_error(tmp_path: Path, text: str) -> None:
    write(tmp_path / "flamenco-worker-credentials.yaml", text)
    with pytest.raises(InvalidInput, match="flamenco-worker-credentials"):
        load_credentials(tmp_path)


def test_credentials_of_flamenco_3_are_taken_over(tmp_path: Path) -> None:
    write(
        tmp_path / "flamenco-worker-credentials.yaml",
        "# This file contains the worker credentials\n\n"
        "worker_id: 1f7d9a4e-5a4b-4f5e-8f59-2d5d5f0c6a5e\nworker_secret: 00ff\n",
    )
    assert load_credentials(tmp_path) == Credentials("1f7d9a4e-5a4b-4f5e-8f59-2d5d5f0c6a5e", "00ff")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("2 GB", 2 * 10**9),
        ("512MiB", 512 * 2**20),
        ("1.5 tb", 1_500_000_000_000),
    ],
)
def test_sizes_are_numbers_with_a_unit(tmp_path: Path, text: str, size: int) -> None:
    file = write(tmp_path / "size.yaml", f"minimum_free_space: {text}\n")
    config = load_config(config_file=file, home=tmp_path, environment={})
    assert config.minimum_free_space == size


def test_what_is_checked_before_a_task_is_a_path_or_several(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    text = f"process_priority: idle\npre_task_check:\n  read: {one}\n  write: [{one}, {other}]\n"
    config = load_config(config_file=write(tmp_path / "c.yaml", text), home=tmp_path)
    assert config.process_priority is Priority.IDLE
    assert config.pre_task_check == PreTaskCheck(read=(one,), write=(one, other))


def test_neighbourly_settings_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    text = """\
process_priority: highest
minimum_free_space: a lot
pre_task_check: {read: [storage]}
"""
    with pytest.raises(InvalidInput) as refused:
        load_config(config_file=write(tmp_path / "c.yaml", text), home=tmp_path)
    assert [problem.what for problem in refused.value.problems] == [
        "process_priority must be one of normal, low, idle",
        "minimum_free_space must be a number of bytes, or a size such as 2 GB or 512 MiB",
        "pre_task_check must name whole paths, beginning at the root; 'storage' is none",
    ]
    for text in ("minimum_free_space: 3 miles", "pre_task_check: {reed: []}", "pre_task_check: 1"):
        with pytest.raises(InvalidInput):
            load_config(config_file=write(tmp_path / "c.yaml", text), home=tmp_path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("slots: 0", "slots must be a whole number from 1 to 64"),
        ("slots: []", "slots must be a number, or a list with what each slot takes"),
        ("slots: [blender]", "slots [0] must have keys such as task_types and devices"),
        (
            "slots: [{}, {device: gpu}]",
            NO_SUCH_SLOT_KEY,
        ),
        ("slots: [{threads: 0}]", "slots [0].threads must be a whole number from 1 to 1024"),
        ("slots: [{name: a}, {name: a}]", "slots must have different names"),
        (
            "devices: [rtx]",
            NO_SUCH_DEVICE,
        ),
        ("devices: ['optix:']", "devices needs a number or a name behind the colon of 'optix:'"),
        ("devices: [cuda, 'optix:1']", "devices must be of one kind, not cuda, optix:1"),
        ("devices: ['cpu:1']", "devices has one processor only; write cpu instead of 'cpu:1'"),
        ("devices: 3", "devices must be a list of devices, such as [optix:0]"),
        ("device_fallback: pray", "device_fallback must be one of fail, warn, allow"),
        ("prefetch: sometimes", "prefetch must be true or false"),
    ],
)
def test_slots_and_devices_that_cannot_be_used_are_told_with_their_place(
    tmp_path: Path, line: str, what: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_config(config_file=write(tmp_path / "c.yaml", line), home=tmp_path)
    assert [problem.what for problem in refused.value.problems] == [what]


def test_a_number_of_slots_stands_for_as_many_that_take_everything(tmp_path: Path) -> None:
    config = load_config(config_file=write(tmp_path / "c.yaml", "slots: 3"), home=tmp_path)
    assert config.slots == (SlotConfig(),) * 3


def test_a_duration_of_nothing_means_at_any_time(tmp_path: Path) -> None:
    text = "only_if_unused_for: '0'"
    config = load_config(config_file=write(tmp_path / "c.yaml", text), home=tmp_path)
    assert config.only_if_unused_for is None


VALUES = {
    "blender": ("/opt/blender/blender", "/opt/blender/blender"),
    "device_fallback": ("warn", Fallback.WARN),
    "devices": ("[optix:0, cpu]", parse_devices(["optix:0", "cpu"])),
    "memory_limit": ("8 GB", 8_000_000_000),
    "only_if_unused_for": ("10m", timedelta(minutes=10)),
    "prefetch": ("false", False),
    "slots": (
        "[{name: card, task_types: [blender], devices: gpu, threads: 2}, {memory_limit: 1 GB}]",
        (
            SlotConfig(
                name="card",
                task_types=("blender",),
                devices=parse_devices(["gpu"]),
                threads=2,
            ),
            SlotConfig(memory_limit=1_000_000_000),
        ),
    ),
    "threads": ("6", 6),
    "discovery_interfaces": ("[10.0.0.9]", ("10.0.0.9",)),
    "ffmpeg": ("/opt/ffmpeg", "/opt/ffmpeg"),
    "limits": (
        "{silence: 10m, total: 2h, quitting: off}",
        TimeLimits(silence=timedelta(minutes=10), total=timedelta(hours=2)),
    ),
    "manager_url": ("http://farm:8080/", "http://farm:8080/"),
    "may_i_run_interval_seconds": ("2.5", timedelta(seconds=2.5)),
    "minimum_free_space": ("2 GB", 2_000_000_000),
    "oom_score_adjust": ("500", 500),
    "pre_task_check": ("{read: /mnt/shots}", PreTaskCheck(read=(Path("/mnt/shots"),))),
    "process_priority": ("idle", Priority.IDLE),
    "queue_size": ("50 MB", 50_000_000),
    "restart_exit_code": ("47", 47),
    "task_types": ("[blender, misc]", ("blender", "misc")),
    "task_update_queue_db": ("/var/queue.sqlite", Path("/var/queue.sqlite")),
    "warm_blender": (
        "{idle: 30s, frames: 7}",
        KeepingRules(idle=timedelta(seconds=30), frames=7),
    ),
    "worker_name": ("123", "123"),
    "worker_registration_secret": ("let me in", "let me in"),
}
"""What can be written for each key, and what it means."""


def test_each_key_has_an_environment_variable_that_counts_more_than_the_file(
    tmp_path: Path,
) -> None:
    assert VALUES.keys() == KEYS.keys()
    environment = {variable_of(key): text for key, (text, _value) in VALUES.items()}
    assert {"FLAMENCO_WORKER_NAME", "FLAMENCO_WORKER_MANAGER_URL"} < environment.keys()
    of_environment = load_config(home=tmp_path, environment=environment)
    quoted = {"worker_name"}
    lines = [
        f"{key}: {text!r}" if key in quoted else f"{key}: {text}"
        for key, (text, _) in VALUES.items()
    ]
    write(tmp_path / "flamenco-worker.yaml", "\n".join(lines))
    of_file = load_config(home=tmp_path, environment={})
    for key, (_text, value) in VALUES.items():
        field = key.removesuffix("_seconds")
        assert getattr(of_environment, field) == value
        assert getattr(of_file, field) == value
    changed = load_config(home=tmp_path, environment={"FLAMENCO_WORKER_RESTART_EXIT_CODE": "3"})
    assert changed == replace(of_file, restart_exit_code=3)


def test_wrong_variables_and_wrong_lines_are_told_together(tmp_path: Path) -> None:
    write(tmp_path / "flamenco-worker.yaml", "limits: {silence: 10, stop: 1m}\nworker_id: x\n")
    environment = {"FLAMENCO_WORKER_TASK_TYPES": "blender", "FLAMENCO_WORKER_QUEUE_SIZE": "[1"}
    with pytest.raises(InvalidInput) as refused:
        load_config(home=tmp_path, environment=environment)
    first, second, third, fourth = map(str, refused.value.problems)
    assert "line 1: limits cannot be used: silence: “10” has no unit" in first
    assert "stop: there is no such limit" in first
    assert "line 2: there is no setting 'worker_id' (credentials stand in" in second
    assert third.startswith("the environment variable FLAMENCO_WORKER_QUEUE_SIZE: is no valid YAML")
    assert fourth == (
        "the environment variable FLAMENCO_WORKER_TASK_TYPES: task_types must be a list of at "
        "least one task type"
    )


def test_limits_that_are_not_named_stay_as_they_are(tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", "limits: {total: 1h}\n")
    limits = load_config(config_file=file, home=tmp_path, environment={}).limits
    assert limits == replace(DEFAULT_LIMITS, total=timedelta(hours=1))
