"""`slots` of a rule in `worker_settings`: how many there are, or what each of them takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flamenco_core.byte_sizes import parse_byte_size
from flamenco_core.config import values
from flamenco_core.config.document import Entry
from flamenco_core.config.report import Report
from flamenco_core.device_wishes import parse_devices
from flamenco_core.errors import InvalidInput, one_problem
from flamenco_core.model.worker_protocol import LIMITS, MOST_SLOTS, SlotSettings

SLOTS = "slots"


def read_slots(entry: Entry, place: str, report: Report) -> dict[str, Any]:
    """The fields of a rule that come of it; what is wrong is reported."""
    if not isinstance(entry.value, list):
        try:
            return {"slots": values.count(1, MOST_SLOTS)(entry)}
        except InvalidInput as error:
            what, hint = values.reason(error)
            report.problem(entry, place, what, hint or "or a list with what each slot takes")
            return {}
    if not 1 <= len(entry.value) <= MOST_SLOTS:
        report.problem(entry, place, f"must have from 1 to {MOST_SLOTS} slots")
        return {}
    slots = tuple(
        _read_slot(item, f"{place}[{index}]", report) for index, item in enumerate(entry.value)
    )
    names = [slot.name for slot in slots if slot.name]
    if len(set(names)) < len(names):
        report.problem(entry, place, "must have different names")
    return {"slots": len(slots), "slot_settings": slots}


def slots_as_written(slots: Iterable[SlotSettings]) -> list[dict[str, Any]]:
    """In the form of the file, with what they say only."""
    return [
        {name: value for name in _READERS if (value := getattr(slot, name)) not in (None, "")}
        for slot in slots
    ]


def _read_slot(entry: Entry, place: str, report: Report) -> SlotSettings:
    if entry.members is None:
        report.problem(entry, place, f"must have some of {', '.join(_READERS)}")
        return SlotSettings()
    report.unknown_keys(entry.members, place, _READERS)
    given: dict[str, Any] = {}
    for name, read in _READERS.items():
        member = entry.members.get(name)
        if member is None:
            continue
        try:
            given[name] = read(member)
        except InvalidInput as error:
            report.problem(member, f"{place}.{name}", *values.reason(error))
    return SlotSettings(**given)


def _texts(entry: Entry) -> list[str]:
    return [str(text) for text in values.listed(values.text)(entry)]


def _devices(entry: Entry) -> list[str]:
    try:
        return [str(wish) for wish in parse_devices(_texts(entry))]
    except ValueError as error:
        raise one_problem("", str(error)) from None


def _byte_size(entry: Entry) -> int:
    try:
        return parse_byte_size(values.text(entry))
    except ValueError as error:
        raise one_problem("", str(error)) from None


_READERS: dict[str, Callable[[Entry], Any]] = {
    "name": values.text,
    "task_types": _texts,
    "devices": _devices,
    "threads": values.count(*LIMITS["threads"]),
    "memory_limit": _byte_size,
}
