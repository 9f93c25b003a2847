"""What workers are told about their own set-up by the Manager: programs, slots, limits.

A farm has a list of rules. Each says for which workers it is (a platform, a tag, a worker's name or
UUID; all that it names must fit; a rule that names nothing is for every worker) and what those
are told. Where several rules say something about the same thing, the one that is about fewer
workers counts: naming the worker weighs more than naming a tag, which weighs more than naming a
platform. Of equals the later one counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from flamenco_core.model.worker_protocol import (
    LIMITS,
    MOST_SLOTS,
    ProvisionedSettings,
    SlotSettings,
)

__all__ = ["LIMITS", "MOST_SLOTS", "SlotSettings", "WorkerRule", "WorkerTraits", "settings_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTraits:
    """What rules tell workers apart by."""

    uuid: str
    name: str
    platform: str
    tags: frozenset[str] = frozenset()
    """Names and UUIDs of the worker's tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRule:
    """What some workers are told; an empty text or `None` says nothing."""

    platform: str = ""
    tag: str = ""
    worker: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Which program to run for a name, such as `blender`; paths may hold variables."""
    slots: int | None = None
    """How many tasks the worker may run at the same time."""
    slot_settings: tuple[SlotSettings, ...] = ()
    """What each of these slots takes; empty if the rule says only how many there are."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """By the names of `LIMITS`."""

    def is_for(self, worker: WorkerTraits) -> bool:
        """Names and platforms are compared without regard to case."""
        return (
            _fits(self.platform, (worker.platform,))
            and _fits(self.tag, worker.tags)
            and _fits(self.worker, (worker.name, worker.uuid))
        )

    @property
    def weight(self) -> tuple[bool, bool, bool]:
        """Greater for rules that are about fewer workers."""
        return bool(self.worker), bool(self.tag), bool(self.platform)


def settings_for(
    rules: Iterable[WorkerRule],
    worker: WorkerTraits,
    *,
    expand: Callable[[str], str] = lambda path: path,
) -> ProvisionedSettings:
    """What a worker is told; `expand` fills variables in for its platform."""
    programs: dict[str, str] = {}
    limits: dict[str, int] = {}
    slots: int | None = None
    of_slots: tuple[SlotSettings, ...] = ()
    # Sorting keeps the order of equals.
    for rule in sorted((each for each in rules if each.is_for(worker)), key=_weight):
        programs |= rule.programs
        limits |= rule.limits
        if rule.slots is not None:
            slots, of_slots = rule.slots, rule.slot_settings
    programs = {name: expand(path) for name, path in sorted(programs.items())}
    limits = dict(sorted(limits.items()))
    content = json.dumps(
        [programs, slots, [asdict(slot) for slot in of_slots], limits], ensure_ascii=False
    )
    etag = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:16]
    return ProvisionedSettings(
        etag=etag,
        programs=programs,
        slots=slots,
        slot_settings=[*of_slots] or None,
        limits=limits,
    )


def _weight(rule: WorkerRule) -> tuple[bool, bool, bool]:
    return rule.weight


def _fits(wanted: str, present: Iterable[str]) -> bool:
    return not wanted or wanted.casefold() in {each.casefold() for each in present}
