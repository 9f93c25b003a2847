"""The keys of `flamenco-worker.yaml`: what each one may be, and what is made of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from flamenco_core.byte_sizes import parse_byte_size
from flamenco_core.device_wishes import DeviceWish, parse_devices
from flamenco_core.durations import parse_duration
from flamenco_core.errors import InvalidInput
from flamenco_core.model.worker_protocol import MOST_SLOTS
from flamenco_core.time_limits import parse_limits
from flamenco_worker.blender.keeping_rules import KeepingRules
from flamenco_worker.device_wishes import Fallback
from flamenco_worker.process import Priority
from flamenco_worker.slots import SlotConfig

HIGHEST_EXIT_CODE = 255
OOM_SCORES = range(-1000, 1001)


class WrongValue(Exception):
    """The end of a sentence that begins with the key and says what is wrong with its value."""


@dataclass(frozen=True, slots=True)
class PreTaskCheck:
    """What of the storage has to be there before a task is begun."""

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `read` makes its value of what YAML has, or raises `WrongValue`."""

    read: Callable[[Any], Any]
    is_text: bool = False
    """Environment variables hold other values as YAML: `[blender, misc]`."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValue("must be a text")
    return value


def _task_types(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise WrongValue("must be a list of at least one task type")
    if not all(isinstance(item, str) and item for item in value):
        raise WrongValue("must hold texts only")
    return tuple(value)


def _addresses(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    try:
        for item in items:
            ipaddress.IPv4Address(item)
    except ValueError:
        what = "must be a list of IP addresses of version 4, such as [10.0.0.9]"
        raise WrongValue(what) from None
    return tuple(items)


def _priority(value: Any) -> Priority:
    if value not in list(Priority):
        raise WrongValue(f"must be one of {', '.join(Priority)}")
    return Priority(value)


def _bytes(value: Any) -> int:
    try:
        return parse_byte_size(str(value))
    except ValueError as error:
        raise WrongValue(str(error)) from None


def _storage(value: Any) -> PreTaskCheck:
    if not isinstance(value, dict) or set(value) - {"read", "write"}:
        raise WrongValue("must have the keys read and write, each with a list of paths")
    return PreTaskCheck(**{key: _paths(paths) for key, paths in value.items()})


def _paths(value: Any) -> tuple[Path, ...]:
    paths = value if isinstance(value, list) else [value]
    for path in paths:
        if not isinstance(path, str) or not Path(path).is_absolute():
            raise WrongValue(f"must name whole paths, beginning at the root; {path!r} is none")
    return tuple(Path(path) for path in paths)


def _path(value: Any) -> Path:
    if not isinstance(value, str):
        raise WrongValue("must be the path of a file")
    return Path(value)


def _limits(value: Any) -> dict[str, timedelta | None]:
    try:
        return parse_limits(value, where="")
    except InvalidInput as error:
        wrong = "; ".join(str(problem) for problem in error.problems)
        raise WrongValue(f"cannot be used: {wrong}") from None


def _keeping(value: Any) -> KeepingRules:
    """`false`, or the rules that differ from what they are by themselves."""
    if isinstance(value, bool):
        return KeepingRules(is_on=value)
    if not isinstance(value, dict) or set(value) - {"idle", "frames"}:
        raise WrongValue("must be true, false, or have the keys idle and frames")
    rules = KeepingRules()
    if "frames" in value:
        rules = replace(rules, frames=_whole_number(range(1, 1_000_001))(value["frames"]))
    if "idle" not in value:
        return rules
    try:
        return replace(rules, idle=parse_duration(value["idle"], where="idle"))
    except InvalidInput as error:
        wrong = "; ".join(str(problem) for problem in error.problems)
        raise WrongValue(f"cannot be used: {wrong}") from None


def _whole_number(allowed: range) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise WrongValue(f"must be a whole number from {allowed.start} to {allowed.stop - 1}")
        return value

    return read


def _seconds(value: Any) -> timedelta:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0.1 <= value <= 3600:
        raise WrongValue("must be a number of seconds from 0.1 to 3600")
    return timedelta(seconds=value)


def _devices(value: Any) -> tuple[DeviceWish, ...]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise WrongValue("must be a list of devices, such as [optix:0]")
    try:
        return parse_devices(items)
    except ValueError as error:
        raise WrongValue(str(error)) from None


def _fallback(value: Any) -> Fallback:
    if value not in list(Fallback):
        raise WrongValue(f"must be one of {', '.join(Fallback)}")
    return Fallback(value)


def _slots(value: Any) -> tuple[SlotConfig, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        return (SlotConfig(),) * _whole_number(range(1, MOST_SLOTS + 1))(value)
    if not isinstance(value, list) or not value:
        raise WrongValue("must be a number, or a list with what each slot takes")
    if len(value) > MOST_SLOTS:
        raise WrongValue(f"must not be more than {MOST_SLOTS}")
    slots = tuple(_slot(number, item) for number, item in enumerate(value))
    names = [slot.name for slot in slots if slot.name]
    if len(set(names)) < len(names):
        raise WrongValue("must have different names")
    return slots


def _slot(number: int, value: Any) -> SlotConfig:
    if not isinstance(value, dict):
        raise WrongValue(f"[{number}] must have keys such as task_types and devices")
    found: dict[str, Any] = {}
    for key, item in value.items():
        read = _SLOT_KEYS.get(key)
        if read is None:
            known = ", ".join(_SLOT_KEYS)
            raise WrongValue(f"[{number}] has no setting {key!r}; known are {known}")
        try:
            found[key] = read(item)
        except WrongValue as wrong:
            raise WrongValue(f"[{number}].{key} {wrong}") from None
    return SlotConfig(**found)


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("must be true or false")
    return value


def _duration(value: Any) -> timedelta | None:
    try:
        return parse_duration(value, where="") or None
    except InvalidInput as error:
        wrong = "; ".join(problem.what for problem in error.problems)
        raise WrongValue(wrong or str(error)) from None


_THREADS = _whole_number(range(1, 1025))
_SLOT_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text,
    "task_types": _task_types,
    "devices": _devices,
    "threads": _THREADS,
    "memory_limit": _bytes,
}

KEYS: Mapping[str, Key] = {
    "blender": Key(_text, is_text=True),
    "device_fallback": Key(_fallback, is_text=True),
    "devices": Key(_devices),
    "discovery_interfaces": Key(_addresses),
    "ffmpeg": Key(_text, is_text=True),
    "limits": Key(_limits),
    "manager_url": Key(_text, is_text=True),
    "may_i_run_interval_seconds": Key(_seconds),
    "memory_limit": Key(_bytes),
    "minimum_free_space": Key(_bytes),
    "only_if_unused_for": Key(_duration),
    "oom_score_adjust": Key(_whole_number(OOM_SCORES)),
    "pre_task_check": Key(_storage),
    "prefetch": Key(_yes_or_no),
    "process_priority": Key(_priority),
    "queue_size": Key(_bytes),
    "restart_exit_code": Key(_whole_number(range(HIGHEST_EXIT_CODE + 1))),
    "slots": Key(_slots),
    "task_types": Key(_task_types),
    "task_update_queue_db": Key(_path, is_text=True),
    "threads": Key(_THREADS),
    "warm_blender": Key(_keeping),
    "worker_name": Key(_text, is_text=True),
    "worker_registration_secret": Key(_text, is_text=True),
}

OTHERWISE: Mapping[str, str] = {
    "push_act_max_interval_seconds": "updates are gathered for two seconds; remove it",
    "push_log_max_entries": "updates are gathered for two seconds; remove it",
    "push_log_max_interval_seconds": "updates are gathered for two seconds; remove it",
    "subprocess_pid_file": "programs are kept account of in the home folder; remove it",
    "worker_id": "credentials stand in flamenco-worker-credentials.yaml in the home folder",
    "worker_secret": "credentials stand in flamenco-worker-credentials.yaml in the home folder",
}
"""Keys of Flamenco 2 that mean nothing here, and why."""
