"""`worker_settings`: what workers are told about their set-up, as a list of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flamenco_core.config import values
from flamenco_core.config.document import Entry
from flamenco_core.config.report import Report, nearest
from flamenco_core.config.slots_section import SLOTS, read_slots, slots_as_written
from flamenco_core.errors import InvalidInput
from flamenco_core.model import Platform
from flamenco_core.provisioning import LIMITS, WorkerRule

WORKER_SETTINGS = "worker_settings"
_TEXTS = ("platform", "tag", "worker")
_KEYS = (*_TEXTS, "programs", SLOTS, "limits")


def read_worker_rules(entry: Entry | None, report: Report) -> tuple[WorkerRule, ...]:
    """The rules of a file; what is wrong with them is reported."""
    if entry is None or entry.value is None:
        return ()
    if not isinstance(entry.value, list):
        report.problem(entry, WORKER_SETTINGS, "must be a list of rules", "begin each with a dash")
        return ()
    return tuple(
        _read_rule(item, f"{WORKER_SETTINGS}[{index}]", report)
        for index, item in enumerate(entry.value)
    )


def rule_as_written(rule: WorkerRule) -> dict[str, Any]:
    """A rule in the form of the file."""
    written: dict[str, Any] = {name: getattr(rule, name) for name in _TEXTS if getattr(rule, name)}
    if rule.programs:
        written["programs"] = dict(rule.programs)
    if rule.slots is not None:
        written[SLOTS] = slots_as_written(rule.slot_settings) or rule.slots
    if rule.limits:
        written["limits"] = dict(rule.limits)
    return written


def _read_rule(entry: Entry, place: str, report: Report) -> WorkerRule:
    if not entry.members:
        report.problem(entry, place, f"must have some of {', '.join(_KEYS)}")
        return WorkerRule()
    report.unknown_keys(entry.members, place, _KEYS)
    given: dict[str, Any] = {}
    for name in _TEXTS:
        member = entry.members.get(name)
        if member is not None:
            _read(member, f"{place}.{name}", values.text, given, name, report)
    slots = entry.members.get(SLOTS)
    if slots is not None:
        given |= read_slots(slots, f"{place}.{SLOTS}", report)
    for name in ("programs", "limits"):
        given[name] = dict(_named(entry.members.get(name), f"{place}.{name}", name, report))
    _check_platform(entry, place, given.get("platform", ""), report)
    if not (given["programs"] or given["limits"] or SLOTS in entry.members):
        report.problem(entry, place, "says nothing about workers", "add programs, slots or limits")
    return WorkerRule(**given)


def _named(
    section: Entry | None, place: str, name: str, report: Report
) -> Iterator[tuple[str, Any]]:
    if section is None:
        return
    if section.members is None:
        report.problem(section, place, "must be a list of names with values")
        return
    if name == "limits":
        report.unknown_keys(section.members, place, LIMITS)
    for key, entry in section.members.items():
        reader = _limit_reader(key) if name == "limits" else values.text
        read: dict[str, Any] = {}
        if reader is not None:
            _read(entry, f"{place}.{key}", reader, read, key, report)
        yield from read.items()


def _limit_reader(name: str) -> Callable[[Entry], Any] | None:
    bounds = LIMITS.get(name)
    return values.count(*bounds) if bounds else None


def _read(
    entry: Entry,
    place: str,
    read: Callable[[Entry], Any],
    into: dict[str, Any],
    name: str,
    report: Report,
) -> None:
    try:
        into[name] = read(entry)
    except InvalidInput as error:
        report.problem(entry, place, *values.reason(error))


def _check_platform(entry: Entry, place: str, platform: str, report: Report) -> None:
    known: Mapping[str, str] = {each.value: each.value for each in Platform}
    if platform and platform.lower() not in known:
        what = f"the platform {platform!r} is not known"
        hint = nearest(platform, known) or f"known are {', '.join(known)}"
        report.warning(entry, f"{place}.platform", what, hint)
