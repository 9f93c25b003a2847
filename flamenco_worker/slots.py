"""The slots of a worker: at each of them one task runs at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flamenco_core.device_wishes import DeviceWish
from flamenco_core.model import ProvisionedSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotConfig:
    """What a configuration says of one slot; what it leaves out is as for the whole worker."""

    name: str = ""
    task_types: tuple[str, ...] | None = None
    devices: tuple[DeviceWish, ...] | None = None
    threads: int | None = None
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPlan:
    """One slot, complete."""

    number: int
    name: str
    task_types: tuple[str, ...]
    devices: tuple[DeviceWish, ...] = ()
    """What to render on; empty: as the scenes say."""
    threads: int | None = None
    """Of the processor, for a render; `None`: all."""
    memory_limit: int | None = None
    """Bytes that the programs of a task may have; `None`: all."""


def plan_slots(
    slots: Sequence[SlotConfig], for_all: SlotConfig, told: ProvisionedSettings
) -> list[SlotPlan]:
    """The slots that a worker is to have; one of them at least.

    Args:
        slots: of its configuration, maybe none.
        for_all: what counts where a slot does not say anything; its task types are known.
        told: what the Manager says: how many, and limits.
    """
    count = max(1, len(slots)) if told.slots is None else told.slots
    given = [*slots[:count], *[SlotConfig()] * (count - len(slots))]
    threads = told.limits.get("threads", for_all.threads)
    return [
        SlotPlan(
            number=number,
            name=slot.name or (f"slot {number}" if count > 1 else ""),
            task_types=(for_all.task_types or ()) if slot.task_types is None else slot.task_types,
            devices=(for_all.devices or ()) if slot.devices is None else slot.devices,
            threads=threads if slot.threads is None else slot.threads,
            memory_limit=for_all.memory_limit if slot.memory_limit is None else slot.memory_limit,
        )
        for number, slot in enumerate(given)
    ]
