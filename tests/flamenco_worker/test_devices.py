"""Devices: found, asked for, set in Blender, and confirmed by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flamenco_core.device_wishes import parse_device, parse_devices
from flamenco_core.model import Command
from flamenco_worker.abilities import device_kinds, machine_capabilities
from flamenco_worker.blender import in_blender_devices
from flamenco_worker.blender.in_blender_devices import device_in_use, list_devices, use_devices
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.device_inventory import CACHE_NAME, Device, DeviceInventory, Inventory
from flamenco_worker.device_wishes import Fallback, NotThisSlot, agreed
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.recorded_devices import (
    AMD,
    APPLE,
    INTEL,
    MACHINES,
    NO_CARD,
    NVIDIA,
    OLD_NVIDIA,
    Recorded,
)


@dataclass
class Listed:
    """A device as Blender's preferences show it."""

    type: str
    name: str
    id: str
    use: bool = True


@dataclass
class Preferences:
    """Those of Cycles, on a machine that was recorded."""

    recorded: Recorded
    compute_device_type: str = "NONE"
    listed: dict[str, list[Listed]] = field(default_factory=dict)

    def get_device_types(self, _context: Any) -> list[tuple[str, str, str, int]]:
        return [("NONE", "None", "", 0), *((way, way, "", 1) for way in self.recorded)]

    def get_devices_for_type(self, way: str) -> list[Listed]:
        devices = [Listed(*device) for device in self.recorded[way]]
        return self.listed.setdefault(way, devices)

    @property
    def used(self) -> list[str]:
        return [each.id for each in self.listed[self.compute_device_type] if each.use]


@pytest.fixture(autouse=True)
def _without_blender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_blender_devices, "bpy", SimpleNamespace(context=None), raising=False)


def scene(engine: str = "CYCLES") -> Any:
    return SimpleNamespace(
        render=SimpleNamespace(engine=engine), cycles=SimpleNamespace(device="CPU")
    )


def wishes(*texts: str) -> list[list[str]]:
    return [[wish.kind, wish.which] for wish in parse_devices(texts)]


@pytest.mark.parametrize(
    ("machine", "asked", "way", "count"),
    [
        ("nvidia", ["gpu"], "OPTIX", 2),
        ("nvidia", ["cuda"], "CUDA", 2),
        ("nvidia", ["optix:1"], "OPTIX", 1),
        ("nvidia", ["gpu:0"], "OPTIX", 1),
        ("old", ["gpu"], "CUDA", 1),
        ("amd", ["gpu"], "HIP", 2),
        ("amd", ["hip:6800m"], "HIP", 1),
        ("intel", ["oneapi"], "ONEAPI", 1),
        ("intel", ["gpu"], "ONEAPI", 1),
        ("new amd", ["hip:rx 9070"], "HIP", 1),
        ("workstation", ["gpu"], "OPTIX", 1),
        ("workstation", ["oneapi"], "ONEAPI", 1),
        ("apple", ["metal"], "METAL", 1),
        ("apple", ["gpu", "cpu"], "METAL", 2),
    ],
)
def test_cards_that_are_asked_for_are_set_and_read_back(
    machine: str, asked: list[str], way: str, count: int
) -> None:
    preferences, of_shot = Preferences(MACHINES[machine]), scene()
    assert use_devices(of_shot, preferences, wishes(*asked)) == ""
    assert (of_shot.cycles.device, preferences.compute_device_type) == ("GPU", way)
    assert len(preferences.used) == count
    assert ("CPU" in preferences.used) is ("cpu" in asked)
    in_use = device_in_use(of_shot, preferences)
    assert in_use is not None
    assert in_use.startswith(f"{way}: ")


def test_the_second_of_two_equal_cards_is_the_second() -> None:
    preferences = Preferences(NVIDIA)
    use_devices(scene(), preferences, wishes("optix:1"))
    assert preferences.used == ["CUDA_GeForce RTX 2070 SUPER_0000:0d:00_OptiX"]


@pytest.mark.parametrize(
    ("recorded", "asked", "sentence"),
    [
        (NO_CARD, "gpu", "Blender has no device gpu here; there are: none"),
        (AMD, "optix", "Blender has no device optix here; there are: hip (AMD Radeon RX 6800M)"),
        (NVIDIA, "optix:2", "Blender has no device optix:2 here"),
        (OLD_NVIDIA, "optix", "Blender has no device optix here; there are: cuda (NVIDIA GeForce"),
        (APPLE, "cuda", "Blender has no device cuda here; there are: metal (Apple M4 Max"),
    ],
)
def test_a_card_that_is_not_there_is_told_with_those_that_are(
    recorded: Recorded, asked: str, sentence: str
) -> None:
    of_shot = scene()
    assert use_devices(of_shot, Preferences(recorded), wishes(asked)).startswith(sentence)
    assert of_shot.cycles.device == "CPU"


def test_a_blender_that_does_not_do_as_it_is_told_is_found_out() -> None:
    class Stubborn(Preferences):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, "NONE" if name == "compute_device_type" else value)

    told = use_devices(scene(), Stubborn(NVIDIA), wishes("gpu"))
    assert told == "Blender renders on the CPU, though it was told otherwise"


def test_the_processor_is_set_where_it_is_asked_for_and_other_engines_choose_themselves() -> None:
    of_shot = scene()
    of_shot.cycles.device = "GPU"
    assert use_devices(of_shot, Preferences(NVIDIA), wishes("cpu")) == ""
    assert device_in_use(of_shot, Preferences(NVIDIA)) == "CPU"
    assert use_devices(scene("BLENDER_EEVEE"), Preferences(NO_CARD), wishes("gpu")) == ""
    assert device_in_use(scene("BLENDER_EEVEE"), None) is None
    assert "no preferences of Cycles" in use_devices(scene(), None, wishes("gpu"))


@pytest.mark.parametrize(
    ("machine", "asked", "kinds"),
    [
        ("nvidia", [], ["cpu", "gpu", "optix", "cuda"]),
        ("nvidia", ["optix:0"], ["gpu", "optix"]),
        ("nvidia", ["cpu"], ["cpu"]),
        ("nvidia", ["hip"], []),
        ("amd", ["gpu", "cpu"], ["cpu", "gpu", "hip"]),
        ("apple", [], ["cpu", "gpu", "metal"]),
        ("workstation", [], ["cpu", "gpu", "optix", "cuda", "oneapi"]),
    ],
)
def test_a_task_can_ask_for_what_its_slot_renders_on(
    machine: str, asked: list[str], kinds: list[str]
) -> None:
    devices = [Device(**each) for each in list_devices(Preferences(MACHINES[machine]))]
    assert device_kinds(devices, parse_devices(asked)) == kinds


def test_the_manager_is_told_what_the_machine_has() -> None:
    devices = tuple(Device(**each) for each in list_devices(Preferences(INTEL)))
    told = machine_capabilities(Inventory("4.5.2", devices), [()])
    assert told["device"] == "cpu, gpu, oneapi"
    assert (told["blender"], told["gpu"]) == ("4.5.2", "Intel(R) Arc(TM) A770 Graphics")
    assert int(told["memory_gb"]) > 0
    assert "device" not in machine_capabilities(None, [()])


@pytest.mark.parametrize(
    ("slot", "job", "together"),
    [
        ([], None, ()),
        (["optix:1"], None, ("optix:1",)),
        ([], "gpu", ("gpu",)),
        (["optix:1"], "gpu", ("optix:1",)),
        (["gpu"], "cuda:0", ("cuda:0",)),
        (["gpu", "cpu"], "cpu", ("cpu",)),
        (["optix:1"], "cuda", None),
        (["optix"], "cpu", None),
    ],
)
def test_a_job_chooses_among_the_devices_of_its_slot(
    slot: list[str], job: str | None, together: tuple[str, ...] | None
) -> None:
    wish = None if job is None else parse_device(job)
    if together is None:
        with pytest.raises(NotThisSlot, match=f"asks for the device {job}"):
            agreed(parse_devices(slot), wish)
        return
    assert tuple(map(str, agreed(parse_devices(slot), wish))) == together


BLENDER = [BPY.exe, *BPY.exe_args.split()]


def test_a_real_blender_is_asked_once_and_its_answer_kept(tmp_path: Path) -> None:
    inventory = DeviceInventory(tmp_path)
    assert inventory.known(BLENDER) is None
    found = inventory.ask(BLENDER, Cancellation())
    assert found is not None
    assert found.version.startswith("4.")
    assert DeviceInventory(tmp_path).known(BLENDER) == found
    assert inventory.known([BPY.exe, "-m", "another"]) is None
    kept = json.loads((tmp_path / CACHE_NAME).read_text())
    (tmp_path / CACHE_NAME).write_text(json.dumps(kept | {"machine_started": 0}))
    assert inventory.known(BLENDER) is None, "cards may have been put in since"


def test_a_blender_that_says_nothing_of_devices_is_let_be(tmp_path: Path) -> None:
    inventory = DeviceInventory(tmp_path)
    assert inventory.ask(["/bin/true"], Cancellation()) is None
    assert inventory.ask(["/nowhere/blender"], Cancellation()) is None
    assert inventory.known(["/nowhere/blender"]) is None


@pytest.mark.parametrize("fallback", list(Fallback))
def test_a_render_without_its_card_fails_or_falls_back_as_the_worker_is_set(
    new_task: Callable[[], RecordedTask], tmp_path: Path, fallback: Fallback
) -> None:
    blend = BPY.make_blend(tmp_path / "small.blend")
    parameters = {
        "exe": BPY.exe,
        "exeArgs": BPY.exe_args,
        "argsBefore": [],
        "blendfile": str(blend),
        "args": ["--render-output", str(tmp_path / "out" / "######"), "--render-frame", "1"],
        "device": "gpu",
    }
    task = new_task()
    context = replace(task.context(), device_fallback=fallback)
    command = make_command(
        Command(name="blender-render", parameters=parameters, total_step_count=1)
    )
    if fallback is Fallback.FAIL:
        with pytest.raises(CommandFailed, match="Blender has no device gpu here"):
            command.run(context)
        assert not list(tmp_path.glob("out/*.png"))
        return
    command.run(context)
    assert list(tmp_path.glob("out/*.png"))
    assert "Blender renders on CPU" in task.log
    assert task.statistics.so_far().device == "CPU"
    assert ("WARNING: Blender has no device gpu" in task.log) is (fallback is Fallback.WARN)
