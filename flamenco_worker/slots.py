"""The slots of a worker: at each of them one task runs at a time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from flamenco_core.device_wishes import DeviceWish, parse_devices
from flamenco_core.model import ProvisionedSettings
from flamenco_core.model.worker_protocol import SlotSettings

log = logging.getLogger(__name__)


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
        told: what the Manager says: how many, what each takes, and limits.
    """
    if told.slot_settings:
        given = [_told_slot(*numbered) for numbered in enumerate(told.slot_settings)]
    else:
        count = max(1, len(slots)) if told.slots is None else told.slots
        given = [*slots[:count], *[SlotConfig()] * (count - len(slots))]
    threads = told.limits.get("threads", for_all.threads)
    return [
        SlotPlan(
            number=number,
            name=slot.name or (f"slot {number}" if len(given) > 1 else ""),
            task_types=(for_all.task_types or ()) if slot.task_types is None else slot.task_types,
            devices=(for_all.devices or ()) if slot.devices is None else slot.devices,
            threads=threads if slot.threads is None else slot.threads,
            memory_limit=for_all.memory_limit if slot.memory_limit is None else slot.memory_limit,
        )
        for number, slot in enumerate(given)
    ]


def _told_slot(number: int, told: SlotSettings) -> SlotConfig:
    """As if the worker's own configuration said it; devices of a kind that is not known here are
    left out, as those of a newer Manager can be."""
    try:
        devices = None if told.devices is None else parse_devices(told.devices)
    except ValueError as error:
        log.warning("the Manager's devices for slot %d: %s", number, error)
        devices = None
    return SlotConfig(
        name=told.name,
        task_types=None if told.task_types is None else tuple(told.task_types),
        devices=devices,
        threads=told.threads,
        memory_limit=told.memory_limit,
    )
