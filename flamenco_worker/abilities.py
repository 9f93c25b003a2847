"""What this worker tells its Manager that it can do: task types, what the machine has, slots."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence

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

    def look_for_devices(self) -> None:
        """Asks the Blender that is configured, or the one on PATH, if there is one."""
        name = self._config.blender or self._machine.program("blender")
        if shutil.which(name):
            self._ask([name])

    def look_into(self, task: AssignedTask) -> None:
        """Asks the Blender that a task runs, if none was asked before."""
        if self._asked is not None:
            return
        for command in task.commands:
            exe = command.parameters.get("exe")
            if command.name == _RENDERING and isinstance(exe, str):
                more = command.parameters.get("exeArgs") or ""
                words = shlex.split(more) if isinstance(more, str) else [*map(str, more)]
                self._ask([self._machine.program(exe), *words])
                return

    def close(self) -> None:
        """Ends a Blender that is being asked."""
        self._cancellation.cancel("the worker ends")
        if self._thread is not None:
            self._thread.join()

    def _ask(self, blender: list[str]) -> None:
        if self._asked is not None:
            return
        self._asked = blender
        self._found = self._inventory.known(blender)
        if self._found is not None:
            self._on_devices()
            return
        self._thread = threading.Thread(target=self._ask_blender, args=(blender,), name="devices")
        self._thread.start()

    def _ask_blender(self, blender: Sequence[str]) -> None:
        try:
            self._found = self._inventory.ask(blender, self._cancellation)
        except Exception:
            # It can render all the same.
            log.exception("this machine's devices cannot be found out")
        if self._found is not None:
            names = ", ".join(f"{each.type} {each.name}" for each in self._found.devices)
            log.info("Blender %s has these devices: %s", self._found.version, names or "CPU")
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
