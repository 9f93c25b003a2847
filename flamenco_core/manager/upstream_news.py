"""Notes what a Flamenco Server is to be told, in the transaction that makes it true.

Nothing is noted, and nothing looked up, unless the link to a server is configured; then only for
tasks that came from it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flamenco_core.manager.unit import Unit
from flamenco_core.rules.upstream import TOLD_AS, UpstreamStatus
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import logs, upstream
from flamenco_core.store.tasks import StoredTask

TAIL_LINES = 10
"""Lines of a task's log that the server shows."""

LONGEST_ACTIVITY = 128
"""Characters; more do not fit the server's own schema of a task."""

_ID_LENGTH = 24


def note_status(unit: Unit, task: StoredTask, status: TaskStatus, activity: str | None) -> None:
    """A task has got a status; `task` is as it was before, or as it is now."""
    theirs = _upstream_id(unit, task)
    if theirs is None:
        return
    facts = _facts(unit, task, steps=task.steps_total if status is TaskStatus.COMPLETED else None)
    if activity is not None:
        facts["activity"] = activity
    add(unit, theirs, TOLD_AS[status], **facts)


def note_progress(unit: Unit, task: StoredTask, *, steps: int, activity: str | None) -> None:
    """A task's worker says how far it is."""
    theirs = _upstream_id(unit, task)
    if theirs is None:
        return
    facts = _facts(unit, task, steps=steps)
    if activity is not None:
        facts["activity"] = activity
    add(unit, theirs, None, **facts)


def add(unit: Unit, upstream_id: str, status: UpstreamStatus | None, **facts: Any) -> None:
    """Queues an update of a task, known here or not."""
    update_id = object_id(unit.new_id())
    body: dict[str, Any] = {
        "_id": update_id,
        "task_id": upstream_id,
        "received_on_manager": _time(unit.now),
        **facts,
    }
    if status is not None:
        body["task_status"] = status.value
    if len(activity := body.get("activity", "")) > LONGEST_ACTIVITY:
        body["activity"] = f"{activity[: LONGEST_ACTIVITY - 1]}…"
    upstream.add_update(
        unit.db,
        update_id=update_id,
        upstream_task_id=upstream_id,
        status=status,
        body=json.dumps(body),
        now=unit.now,
    )


def object_id(uuid: str) -> str:
    """An id in the form that the server's database has."""
    return uuid.replace("-", "")[:_ID_LENGTH]


def _upstream_id(unit: Unit, task: StoredTask) -> str | None:
    if not unit.config.upstream.is_linked:
        return None
    return upstream.upstream_id(unit.db, task.id)


def _facts(unit: Unit, task: StoredTask, *, steps: int | None) -> dict[str, Any]:
    done = task.steps_completed if steps is None else steps
    percentage = done * 100 // task.steps_total if task.steps_total else 0
    facts: dict[str, Any] = {
        "task_progress_percentage": min(percentage, 100),
        "current_command_idx": 0,
        "command_progress_percentage": min(percentage, 100),
        "failed_by_workers": [
            {"id": object_id(uuid), "identifier": f"{address} ({name})"}
            for uuid, name, address in upstream.failed_by(unit.db, task.id)
        ],
    }
    if task.worker_id is not None:
        facts["worker"] = upstream.worker_name(unit.db, task.worker_id)
    if task.attempt:
        lines = logs.tail(unit.db, task.id, task.attempt).splitlines()[-TAIL_LINES:]
        facts["log_tail"] = "".join(f"{line}\n" for line in lines)
    return facts


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
