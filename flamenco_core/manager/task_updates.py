"""What workers say of the tasks they have."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flamenco_core.errors import InvalidInput, NotFound, one_problem
from flamenco_core.events import TaskProgressed
from flamenco_core.manager import hand_out, task_failures, transitions, upstream_news
from flamenco_core.manager.unit import Unit
from flamenco_core.model import Audience, MayKeepRunning, TaskStatistics, TaskUpdate
from flamenco_core.rules.lifecycle import STATUSES_A_WORKER_MAY_REPORT, is_known_already
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import attempts, statistics, tasks, workers
from flamenco_core.store.tasks import StoredTask
from flamenco_core.store.workers import StoredWorker


@dataclass(frozen=True, slots=True)
class UpdateAnswer:
    """Whether an update counts.

    Its log and statistics are kept either way, with the attempt they belong to.
    """

    is_accepted: bool
    reason: str = ""
    status: int = 409
    """Of HTTP, for one that is not accepted."""


Together = set[tuple[int, int]]
"""The keys of tasks, and numbers of attempts, of which something stood in a report already."""


def update_task(
    unit: Unit,
    worker_uuid: str,
    task_uuid: str,
    update: TaskUpdate,
    together: Together | None = None,
) -> UpdateAnswer:
    """Takes in an update, which may be one of several that came `together`.

    Raises:
        NotFound: if there is no such task.
        InvalidInput: if it reports a status that is not a worker's to report.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    task = tasks.by_uuid(unit.db, task_uuid)
    if update.taskStatus is not None and update.taskStatus not in STATUSES_A_WORKER_MAY_REPORT:
        allowed = ", ".join(sorted(STATUSES_A_WORKER_MAY_REPORT))
        raise one_problem("taskStatus", f"a worker may report {allowed}, not {update.taskStatus}")
    if _starts_reserved(worker, task, update):
        hand_out.start_reserved(unit, worker, task)
        task = tasks.by_id(unit.db, task.id)
    attempt = _attempt(unit, worker, task, update)
    is_repeated = attempt == task.attempt and is_known_already(task.status, update.taskStatus)
    refusal = _refusal(worker, task, attempt, is_repeated=is_repeated)
    earlier = _earlier_verdict(
        unit, task, attempt, update, set() if together is None else together, refusal
    )
    if earlier is not None:
        return earlier
    if attempt is not None and update.log:
        transitions.append_log(unit, task, attempt, update.log)
    if attempt is not None and update.statistics:
        told = _with_variables(unit, worker, update.statistics)
        statistics.report(unit.db, task.id, attempt, told)
    if refusal:
        unit.audit("task.late-update", task.uuid, attempt=attempt, reason=refusal)
        return UpdateAnswer(is_accepted=False, reason=refusal)
    if is_repeated:
        # The answer to the first time was lost: there is nothing left to change.
        return UpdateAnswer(is_accepted=True)
    if update.taskStatus is not None:
        unit.audit("task.update", task.uuid, status=update.taskStatus.value, attempt=attempt)
    if update.taskStatus is TaskStatus.COMPLETED:
        # That is all the progress there can be.
        transitions.change_task(
            unit, task, TaskStatus.COMPLETED, activity=update.activity, is_sign_of_life=True
        )
    else:
        _store_progress(unit, task, update)
    if update.taskStatus is TaskStatus.FAILED:
        failed = tasks.by_id(unit.db, task.id)
        task_failures.end_attempt(unit, worker, failed, activity=update.activity or "Failed")
    return UpdateAnswer(is_accepted=True)


def update_or_answer(
    unit: Unit, worker_uuid: str, task_uuid: str, update: TaskUpdate, together: Together
) -> UpdateAnswer:
    """The same for one of several updates, which does not keep the others from being stored."""
    try:
        return update_task(unit, worker_uuid, task_uuid, update, together)
    except NotFound as error:
        return UpdateAnswer(is_accepted=False, reason=str(error), status=404)
    except InvalidInput as error:
        # Raised before anything is changed.
        return UpdateAnswer(is_accepted=False, reason=str(error), status=400)


def may_keep_running(unit: Unit, worker_uuid: str, task_uuid: str) -> MayKeepRunning:
    """Whether a worker should go on with a task; also a sign that it still is at it."""
    worker = workers.by_uuid(unit.db, worker_uuid)
    try:
        task = tasks.by_uuid(unit.db, task_uuid)
    except NotFound:
        return _stop("the task does not exist any more")
    if worker.status_requested is not None and not worker.lazy_request:
        return _stop("the worker is to change its status", is_status_change=True)
    reason = _refusal(worker, task, task.attempt)
    if reason:
        return _stop(reason)
    tasks.touch(unit.db, task.id, now=unit.now, steady=unit.steady)
    return MayKeepRunning(mayKeepRunning=True, reason="", statusChangeRequested=False)


def _with_variables(unit: Unit, worker: StoredWorker, told: TaskStatistics) -> TaskStatistics:
    """What a worker tells, with paths that mean the same on other platforms than its own."""
    if not told.output_files:
        return told
    table = unit.config.variables_for(Audience.WORKERS, worker.platform)
    end = statistics.NAMED_OUTPUT_FILES  # the rest is only counted
    named, counted = told.output_files[:end], told.output_files[end:]
    return replace(told, output_files=[*table.abbreviate(named), *counted])


def _attempt(unit: Unit, worker: StoredWorker, task: StoredTask, update: TaskUpdate) -> int | None:
    """Which attempt an update is about; None if the worker never made it."""
    if update.attempt is None:
        return attempts.last_by(unit.db, task.id, worker.id)
    if (task.worker_id, task.attempt) == (worker.id, update.attempt):
        return update.attempt
    is_own = attempts.is_by(unit.db, task.id, update.attempt, worker.id)
    return update.attempt if is_own else None


def _earlier_verdict(
    unit: Unit,
    task: StoredTask,
    attempt: int | None,
    update: TaskUpdate,
    together: Together,
    refusal: str,
) -> UpdateAnswer | None:
    """What an update was answered that is sent again; one that is new is noted with `refusal`."""
    if attempt is None or update.update_id is None:
        return None
    key = (task.id, attempt)
    known = attempts.last_updates(unit.db, task.id, attempt)
    was_accepted = known.get(update.update_id)
    if was_accepted is None:
        others = known if key in together else {}
        attempts.note_updates(unit.db, task.id, attempt, {**others, update.update_id: not refusal})
    together.add(key)
    if was_accepted is None:
        return None
    reason = "" if was_accepted else refusal or "the task was not active when this was said"
    return UpdateAnswer(is_accepted=was_accepted, reason=reason)


def _refusal(
    worker: StoredWorker, task: StoredTask, attempt: int | None, *, is_repeated: bool = False
) -> str:
    """Why an update, or going on, is refused; empty if it is not."""
    if task.worker_id != worker.id:
        return "the task is not assigned to this worker"
    if attempt != task.attempt:
        return f"the task has been handed out again since (attempt {task.attempt})"
    if task.status is not TaskStatus.ACTIVE and not is_repeated:
        return f"the task is {task.status}"
    return ""


def _starts_reserved(worker: StoredWorker, task: StoredTask, update: TaskUpdate) -> bool:
    """Whether a worker says that it begins with the task that was reserved for it."""
    is_start = update.taskStatus is TaskStatus.ACTIVE and update.attempt == task.attempt
    is_reserved = task.reserved_until is not None and not task.is_held_back
    return is_start and is_reserved and task.worker_id == worker.id


def _store_progress(unit: Unit, task: StoredTask, update: TaskUpdate) -> None:
    steps = task.steps_completed if update.steps_completed is None else update.steps_completed
    tasks.set_progress(
        unit.db,
        task,
        steps_completed=min(steps, task.steps_total),
        activity=update.activity,
        now=unit.now,
        steady=unit.steady,
    )
    if update.activity is not None or steps != task.steps_completed:
        unit.announce(TaskProgressed(task_id=task.uuid))
        upstream_news.note_progress(
            unit, task, steps=min(steps, task.steps_total), activity=update.activity
        )


def _stop(reason: str, *, is_status_change: bool = False) -> MayKeepRunning:
    return MayKeepRunning(
        mayKeepRunning=False, reason=reason, statusChangeRequested=is_status_change
    )
