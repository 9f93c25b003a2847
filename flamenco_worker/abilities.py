"""What this worker tells its Manager that it can do: task types, what the machine has, slots."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import psutil

from flamenco_core.device_wishes import ANY_GPU, CPU, DeviceWish
from flamenco_core.model import AssignedTask, WorkerAbilities, WorkerSlot
from flamenco_core.paths import this_platform
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.config import WorkerConfig
from flamenco_worker.device_inventory import Device, DeviceInventory, Inventory
from flamenco_worker.graphics_cards import largest_memory
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.slots import SlotPlan

log = logging.getLogger(__name__)

_GIGABYTE = 10**9
_RENDERING = "blender-render"
_NEW_BLENDER_AFTER = 10
"""Tasks in a row that run another Blender than the one that is told of: by then it has been
exchanged. Jobs that run different ones in turn change nothing."""


@dataclass(frozen=True, slots=True)
class BlenderCommand:
    """How a task starts Blender."""

    exe: str
    """A name or a path."""
    arguments: str = ""
    """As one would type them."""


class Abilities:
    """Known at once as far as the machine tells them; devices once a Blender has told them."""

    def __init__(
        self, config: WorkerConfig, machine: MachineSettings, on_devices: Callable[[], None]
    ) -> None:
        """`on_devices` is called from another thread when more is known than before."""
        self._config = config
        self._machine = machine
        self._on_devices = on_devices
        self._inventory = DeviceInventory(config.home)
        self._found: Inventory | None = None
        self._asked: list[str] | None = None
        self._is_of_task = False
        """Whether tasks run the Blender that was asked."""
        self._others_in_a_row = 0
        self._to_ask: list[str] | None = None
        self._cancellation = Cancellation()
        self._thread: threading.Thread | None = None

    def now(self) -> WorkerAbilities:
        """As far as it is known."""
        plans = self._machine.slots()
        types = dict.fromkeys(kind for plan in plans for kind in plan.task_types)
        devices = self._found.devices if self._found else ()
        return WorkerAbilities(
            supported_task_types=list(types),
            capabilities=machine_capabilities(self._found, [plan.devices for plan in plans]),
            slots=[_slot(plan, devices) for plan in plans] if len(plans) > 1 else None,
        )

    def look_for_devices(self, of_farm: BlenderCommand | None = None) -> None:
        """Asks the Blender that is configured or else `of_farm`, which the Manager names.

        If it names none: the one that tasks ran the last time, or the one on PATH. Where the farm's
        is not here, no other one is told of, since tasks do not run it.
        """
        words = None if of_farm is None else self._words(of_farm)
        if self._config.blender:
            self._ask_first([self._config.blender], is_of_task=False)
        elif words is not None:
            self._ask_first(words, is_of_task=True)
        elif of_tasks := self._inventory.of_tasks():
            self._ask_first(of_tasks, is_of_task=True)
        else:
            self._ask_first([self._machine.program("blender")], is_of_task=False)

    def _ask_first(self, blender: list[str], *, is_of_task: bool) -> None:
        """At sign-on, of which there may be several."""
        if shutil.which(blender[0]) is None:
            log.info("this machine has no Blender %s", blender[0])
        elif self._asked is None:
            self._ask(blender, is_of_task=is_of_task)
        elif is_of_task and blender != self._asked:
            self._to_ask = blender

    def look_into(self, task: AssignedTask) -> None:
        """Takes note of the Blender that a task runs: it counts more than the one on PATH.

        It is asked at once where no other was, else when there is nothing else to do (`rests`).
        """
        blender = self._blender_of(task)
        if blender is None:
            return
        if blender == self._asked:
            self._is_of_task, self._others_in_a_row, self._to_ask = True, 0, None
            return
        self._others_in_a_row += 1
        if self._asked is None:
            self._ask(blender, is_of_task=True)
        elif not self._is_of_task or self._others_in_a_row >= _NEW_BLENDER_AFTER:
            self._to_ask = blender

    def rests(self) -> None:
        """A slot has nothing to do now."""
        if self._to_ask is not None:
            self._ask(self._to_ask, is_of_task=True)

    def _blender_of(self, task: AssignedTask) -> list[str] | None:
        for command in task.commands:
            exe = command.parameters.get("exe")
            if command.name == _RENDERING and isinstance(exe, str):
                more = command.parameters.get("exeArgs") or ""
                if isinstance(more, str):
                    return self._words(BlenderCommand(exe, more))
                return [self._machine.program(exe), *map(str, more)]
        return None

    def _words(self, blender: BlenderCommand) -> list[str] | None:
        """What to start; None if nobody could."""
        try:
            return [self._machine.program(blender.exe), *shlex.split(blender.arguments)]
        except ValueError:  # a quote without its other half, of which the task's log tells
            return None

    def close(self) -> None:
        """Ends a Blender that is being asked."""
        self._cancellation.cancel("the worker ends")
        if self._thread is not None:
            self._thread.join()

    def _ask(self, blender: list[str], *, is_of_task: bool) -> None:
        if self._thread is not None and self._thread.is_alive():
            return  # one at a time; the next moment without work asks again
        self._to_ask = None
        self._asked, self._is_of_task, self._others_in_a_row = blender, is_of_task, 0
        found = self._inventory.known(blender)
        if found is not None:
            self._found = found
            self._on_devices()
            return
        self._thread = threading.Thread(
            target=self._ask_blender, args=(blender, is_of_task), name="devices"
        )
        self._thread.start()

    def _ask_blender(self, blender: Sequence[str], is_of_task: bool) -> None:
        found = None
        try:
            found = self._inventory.ask(blender, self._cancellation, is_of_task=is_of_task)
        except Exception:
            # It can render all the same.
            log.exception("this machine's devices cannot be found out")
        if found is not None:
            self._found = found
            names = ", ".join(f"{each.type} {each.name}" for each in found.devices)
            log.info("Blender %s has these devices: %s", found.version, names or "CPU")
            self._on_devices()


def machine_capabilities(
    found: Inventory | None, of_slots: Iterable[Sequence[DeviceWish]]
) -> dict[str, str]:
    """By their keys; `of_slots` is what each slot renders on, empty for what scenes say."""
    memory = psutil.virtual_memory().total // _GIGABYTE
    capabilities = {
        "platform": this_platform(),
        "cores": str(os.cpu_count() or 1),
        "memory_gb": str(memory),
    }
    if found is None:
        return capabilities
    kinds: dict[str, None] = {}
    for wishes in of_slots:
        kinds |= dict.fromkeys(device_kinds(found.devices, wishes))
    capabilities |= {"blender": found.version, "device": ", ".join(kinds)}
    if found.program:
        capabilities["blender_program"] = found.program
    names = list(dict.fromkeys(each.name for each in found.devices if each.type != "CPU"))
    if names:
        capabilities["gpu"] = ", ".join(names)
        if card := largest_memory():
            capabilities["gpu_memory_gb"] = str(card // _GIGABYTE)
    return capabilities


def device_kinds(devices: Sequence[Device], wishes: Sequence[DeviceWish]) -> list[str]:
    """What a task can ask for as `device` where renders go to these."""
    present = list(dict.fromkeys(each.type.lower() for each in devices if each.type != "CPU"))
    if not wishes:
        return [CPU, *([ANY_GPU] if present else []), *present]
    asked = {wish.kind for wish in wishes}
    cards = present if ANY_GPU in asked else [kind for kind in present if kind in asked]
    return [*([CPU] if CPU in asked else []), *([ANY_GPU] if cards else []), *cards]


def _slot(plan: SlotPlan, devices: Sequence[Device]) -> WorkerSlot:
    own = {"device": ", ".join(device_kinds(devices, plan.devices))} if plan.devices else None
    return WorkerSlot(
        slot=plan.number, name=plan.name, task_types=list(plan.task_types), capabilities=own
    )
