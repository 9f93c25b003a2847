"""What the Manager tells of a worker's set-up is what its commands go by."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.device_wishes import parse_devices
from flamenco_core.model.worker_protocol import ProvisionedSettings, SlotSettings
from flamenco_worker.blender.render_arguments import RenderArguments
from flamenco_worker.config import WorkerConfig
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.slots import SlotConfig
from tests.flamenco_worker.protocol_manager import ProtocolManager, command, task_of
from tests.flamenco_worker.test_worker import FIRST, SECOND, is_completed, running

CONFIG = WorkerConfig(
    home=Path("/nowhere"), worker_name="tester", ffmpeg="/own/ffmpeg", oom_score_adjust=100
)


def told(**settings: Any) -> ProvisionedSettings:
    return ProvisionedSettings(etag="e1", **settings)


def test_what_the_manager_tells_counts_more_than_the_own_configuration() -> None:
    machine = MachineSettings(CONFIG)
    assert (machine.ffmpeg, machine.oom_score, machine.threads) == ("/own/ffmpeg", 100, None)
    limits = {"threads": 4, "oom_score_adjust": 500}
    machine.take(told(programs={"FFmpeg.exe": "/farm/ffmpeg"}, limits=limits))
    assert (machine.ffmpeg, machine.oom_score, machine.threads) == ("/farm/ffmpeg", 500, 4)
    machine.take(None)
    assert (machine.ffmpeg, machine.oom_score, machine.threads) == ("/own/ffmpeg", 100, None)


def test_only_bare_names_of_programs_are_exchanged() -> None:
    machine = MachineSettings(CONFIG)
    machine.take(told(programs={"blender": "/farm/blender"}))
    for name in ("blender", "Blender", "blender.exe"):
        assert machine.program(name) == "/farm/blender"
    for name in ("/usr/bin/blender", "C:\\blender.exe", "blender-5", "python"):
        assert machine.program(name) == name


def test_settings_that_say_nothing_have_no_etag() -> None:
    machine = MachineSettings(CONFIG)
    machine.take(told())
    assert machine.etag is None
    machine.take(told(slots=1))
    assert machine.etag == "e1"


def test_the_manager_says_how_many_slots_there_are_and_the_configuration_what_they_take() -> None:
    gpu = SlotConfig(name="graphics", task_types=("blender",), devices=parse_devices(["optix:0"]))
    config = replace(CONFIG, slots=(gpu, SlotConfig(threads=2)), threads=8, memory_limit=1000)
    machine = MachineSettings(config)
    first, second = machine.slots()
    assert (first.number, first.name, first.task_types) == (0, "graphics", ("blender",))
    assert [str(device) for device in first.devices] == ["optix:0"]
    assert (first.threads, second.threads) == (8, 2)
    assert (second.number, second.name, second.devices) == (1, "slot 1", ())
    assert second.task_types == config.task_types
    assert {slot.memory_limit for slot in (first, second)} == {1000}
    machine.take(told(slots=3, limits={"threads": 4}))
    assert [slot.threads for slot in machine.slots()] == [4, 2, 4]
    machine.take(told(slots=1))
    assert [slot.name for slot in machine.slots()] == ["graphics"]


def test_the_manager_says_what_each_slot_takes_and_the_worker_what_is_left_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = replace(CONFIG, slots=(SlotConfig(name="own"),), threads=8, memory_limit=1000)
    machine = MachineSettings(config)
    card = SlotSettings(name="card", task_types=["blender"], devices=["optix:0"], threads=2)
    rest = SlotSettings(task_types=["misc"], devices=["warp drive"], memory_limit=5)
    machine.take(told(slots=2, slot_settings=[card, rest]))
    first, second = machine.slots()
    assert (first.name, first.task_types, first.threads) == ("card", ("blender",), 2)
    assert [str(device) for device in first.devices] == ["optix:0"]
    assert (first.memory_limit, second.memory_limit) == (1000, 5)
    assert (second.name, second.task_types, second.devices) == ("slot 1", ("misc",), ())
    assert second.threads == 8
    assert "'warp drive' is none" in caplog.text, "a newer Manager may know more devices"
    machine.take(told())
    assert [slot.name for slot in machine.slots()] == ["own"]


def test_without_any_word_there_is_one_slot_for_everything() -> None:
    (slot,) = MachineSettings(CONFIG).slots()
    assert (slot.number, slot.name, slot.task_types) == (0, "", CONFIG.task_types)
    assert (slot.devices, slot.threads, slot.memory_limit) == ((), None, None)


def test_a_limit_of_threads_is_given_to_blender_unless_the_job_has_one() -> None:
    arguments = RenderArguments(["blender", "-b"], ["-y"], "a.blend", ["-f", "1"])
    assert arguments.with_threads(None) == arguments
    assert arguments.with_threads(4).before == ["--threads", "4", "-y"]
    own = RenderArguments(["blender", "-b"], [], "a.blend", ["-t", "2", "-f", "1"])
    assert own.with_threads(4) == own


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as serving:
        yield serving


def run_it(name: str) -> dict[str, Any]:
    return command("exec", exe=name, args=["-c", "print('it ran')"])


def test_programs_of_the_farm_are_run_and_a_change_counts_from_the_next_task_on(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.settings = {"etag": "one", "programs": {"farm-python": sys.executable}, "limits": {}}
    manager.hand_out({**task_of(FIRST, run_it("farm-python")), "settings_etag": "one"})
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, FIRST), "the first task")
        assert manager.requests("/settings") == []
        manager.settings = {"etag": "two", "programs": {"snake": sys.executable}, "limits": {}}
        manager.hand_out({**task_of(SECOND, run_it("snake")), "settings_etag": "two"})
        manager.wait_for(is_completed(manager, SECOND), "the second task")
        assert len(manager.requests("/settings")) == 1
    assert "it ran" in manager.log_of(SECOND)
    assert sys.executable in manager.log_of(SECOND)


def test_without_settings_on_the_farm_nothing_is_asked_for(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.hand_out(task_of(FIRST, command("echo", message="x")))
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, FIRST), "the task")
    assert manager.requests("/settings") == []


def test_settings_that_are_not_told_leave_the_worker_at_work(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.fail = lambda request: 500 if request.path == "/settings" else None
    manager.hand_out({**task_of(FIRST, command("echo", message="x")), "settings_etag": "new"})
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, FIRST), "the task")
