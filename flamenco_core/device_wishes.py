"""Which devices of a machine something is to render on, as people write it.

`cpu`; `gpu` for all graphics cards, by the best way that Blender knows for them; `cuda`, `optix`,
`hip`, `oneapi` or `metal` for all cards that can be used in this way; `optix:1` for the second of
them, in Blender's order; `optix:RTX 4090` for those with such a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CPU = "cpu"
ANY_GPU = "gpu"
GPU_KINDS = ("optix", "cuda", "hip", "oneapi", "metal")
"""Blender's ways to use graphics cards, best first where a card offers several."""
KINDS = (CPU, ANY_GPU, *GPU_KINDS)
DEVICE_KEY = "device"
"""Of a job's metadata, of parameters, and of requirements."""


@dataclass(frozen=True, slots=True)
class DeviceWish:
    """One device, or all of a kind."""

    kind: str
    """One of `KINDS`."""
    which: str = ""
    """A position from 0 on, or part of a name; empty for all."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.which}" if self.which else self.kind


def parse_device(text: str) -> DeviceWish:
    """What a text such as `optix:1` asks for; raises `ValueError` with the end of a sentence."""
    kind, colon, which = text.strip().partition(":")
    kind, which = kind.strip().lower(), which.strip()
    if kind not in KINDS:
        raise ValueError(f"must be one of {', '.join(KINDS)}, such as optix:0; {text!r} is none")
    if colon and not which:
        raise ValueError(f"needs a number or a name behind the colon of {text!r}")
    if which and kind == CPU:
        raise ValueError(f"has one processor only; write {CPU} instead of {text!r}")
    return DeviceWish(kind, which)


def parse_devices(texts: Iterable[str]) -> tuple[DeviceWish, ...]:
    """Several that are used together; raises `ValueError` with the end of a sentence."""
    wishes = tuple(parse_device(text) for text in texts)
    if len({wish.kind for wish in wishes if wish.kind != CPU}) > 1:
        # Cycles renders in one of these ways at a time.
        raise ValueError(f"must be of one kind, not {', '.join(map(str, wishes))}")
    return wishes


def device_of_job(metadata: Mapping[str, Any]) -> DeviceWish | None:
    """What a job asks to be rendered on; raises `ValueError` with the end of a sentence."""
    text = str(metadata.get(DEVICE_KEY) or "").strip()
    return parse_device(text) if text else None
