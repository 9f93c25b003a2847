"""What a task renders on, where its slot and its job both have a say."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from flamenco_core.device_wishes import ANY_GPU, CPU, DeviceWish
from flamenco_core.errors import FlamencoError


class Fallback(StrEnum):
    """What happens when a render would be done by the processor, though a graphics card was asked
    for.
    """

    FAIL = "fail"
    WARN = "warn"
    ALLOW = "allow"


class NotThisSlot(FlamencoError):
    """A job asks for a device that its slot is not to use."""


def agreed(slot: Sequence[DeviceWish], job: DeviceWish | None) -> tuple[DeviceWish, ...]:
    """What to render on; empty if that is left to the scene.

    A slot keeps to its own devices, and a job chooses among them.

    Raises:
        NotThisSlot: if there is nothing to choose from.
    """
    if job is None:
        return tuple(slot)
    if not slot:
        return (job,)
    fitting = [wish for wish in slot if _fits(wish, job)]
    if not fitting:
        devices = ", ".join(map(str, slot))
        raise NotThisSlot(f"The task asks for the device {job}, and its slot renders on {devices}")
    return tuple(_narrower(wish, job) for wish in fitting)


def _fits(wish: DeviceWish, job: DeviceWish) -> bool:
    if CPU in (wish.kind, job.kind):
        return wish.kind == job.kind
    return wish.kind == job.kind or ANY_GPU in (wish.kind, job.kind)


def _narrower(wish: DeviceWish, job: DeviceWish) -> DeviceWish:
    kind = job.kind if wish.kind == ANY_GPU else wish.kind
    return DeviceWish(kind, wish.which or job.which)
