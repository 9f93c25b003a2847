"""Gives up on workers, and on tasks, that were quiet for too long.

Workers go first: a task whose worker is lost is nobody's failure and is simply queued again. What
is left are tasks whose worker is there and does not get on with them; such a task has failed on
that worker, and another one may try.
"""

from __future__ import annotations

from datetime import timedelta

from flamenco_core.durations import format_duration
from flamenco_core.manager import task_failures, transitions, worker_sessions
from flamenco_core.manager.unit import Unit
from flamenco_core.rules import timeouts
from flamenco_core.rules.timeouts import TaskLimit, TimeoutLimits
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import silence, tasks, workers

PIECE_SIZE = 10
"""Workers, and tasks, given up on in one transaction; each may end a job and so change many."""


def check(unit: Unit, *, running_for: timedelta) -> bool:
    """Handles some of what has timed out; returns whether there may be more of it."""
    if not timeouts.may_look(running_for):
        return False
    config = unit.config
    limits = TimeoutLimits(
        silence=config.task_timeout,
        progress=config.task_progress_timeout,
        total=config.task_total_timeout,
        worker=config.worker_timeout,
    )
    if _lose_workers(unit, limits.worker) == PIECE_SIZE:
        return True
    return any(_fail_tasks(unit, limit, limits.of_task(limit)) == PIECE_SIZE for limit in TaskLimit)


def _lose_workers(unit: Unit, allowed: timedelta) -> int:
    since = timeouts.cut_off(unit.steady, allowed)
    if since is None:
        return 0
    quiet = silence.workers(unit.db, since, limit=PIECE_SIZE)
    for found in quiet:
        worker = workers.by_uuid(unit.db, found.uuid)
        age = timedelta(seconds=int((unit.steady - found.alive_at).total_seconds()))
        reason = f"nothing was heard from worker {worker.name} for {format_duration(age)}"
        worker_sessions.lose(unit, worker, reason)
    return len(quiet)


def _fail_tasks(unit: Unit, limit: TaskLimit, allowed: timedelta) -> int:
    since = timeouts.cut_off(unit.steady, allowed)
    if since is None:
        return 0
    quiet = silence.tasks(unit.db, limit, since, limit=PIECE_SIZE)
    for found in quiet:
        # One failure may end the whole job, and others of the list with it.
        task = tasks.by_id(unit.db, found.task_id)
        if task.status is not TaskStatus.ACTIVE:
            continue
        worker = workers.find(unit.db, found.worker_id)
        if worker is None:
            transitions.return_task(unit, task, reason="its worker does not exist any more")
            continue
        sentence = timeouts.task_sentence(limit, worker.name, allowed)
        transitions.add_log_line(unit, task, sentence)
        task_failures.fail(unit, worker, task, sentence)
        unit.audit("task.time-out", task.uuid, limit=limit.value, worker=worker.uuid)
    return len(quiet)
