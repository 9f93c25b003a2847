"""A task update that waits for the Manager, and what takes its place when that cannot use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flamenco_core import wire
from flamenco_core.model import TaskUpdate
from flamenco_core.statuses import TaskStatus
from flamenco_worker.task_reporter import printable

_FINAL = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})
_INSTEAD = "Failed: the Manager could not use what this worker reported"
_LONGEST_REASON = 500
"""Characters of the Manager's own words that are sent back to it."""


@dataclass(frozen=True, slots=True)
class WaitingUpdate:
    """A row of the queue."""

    number: int
    task_id: str
    attempt: int | None
    payload: str
    """JSON, as it is sent."""


def replacement(waiting: WaitingUpdate, reason: str) -> str | None:
    """What to send in place of an update that is never taken, as JSON; None for nothing."""
    update = _decoded(waiting.payload)
    isreplacement = str(update.get("activity", "")).startswith(_INSTEAD)
    if update.get("taskStatus") not in _FINAL or isreplacement:
        return None
    sentence = f"{_INSTEAD} ({printable(reason[:_LONGEST_REASON])})"
    instead = TaskUpdate(taskStatus=TaskStatus.FAILED, activity=sentence, attempt=waiting.attempt)
    return json.dumps(wire.to_json(instead))


def _decoded(payload: str) -> dict[str, Any]:
    try:
        update = json.loads(payload)
    except ValueError:
        return {}
    return update if isinstance(update, dict) else {}
