"""What the farm has promised, written down beside it, and the check that every promise is kept.

Entries are made when a transaction is on disk, whether or not anybody learned of it. The ledger
knows nothing of how the farm works: it only sees requests, results and events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flamenco_core.events import (
    Event,
    JobArchived,
    JobChanged,
    JobDeletionRequested,
    TaskChanged,
    TasksChanged,
    WorkerChanged,
)
from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.manager import Manager, UpdateAnswer
from flamenco_core.model import AssignedTask, TaskRequest, TaskUpdate
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus
from tests.simulator.violation import Violation


@dataclass(frozen=True, slots=True)
class _HandOut:
    attempt: int
    worker_id: str
    slot: int


class Ledger:
    """Jobs, workers, hand-outs, completions and log lines that the farm has to account for."""

    def __init__(self) -> None:
        self.jobs: dict[str, CompiledJob] = {}
        self.archived: set[str] = set()
        self.deleted: set[str] = set()
        self.workers: list[str] = []
        self.completed: dict[str, int] = {}
        """Task → the attempt that completed it."""
        self.completions = 0
        self._handed: dict[str, _HandOut] = {}
        self._begun: set[tuple[str, int | None]] = set()
        """Those that were more than a reservation."""
        self._lines: dict[str, list[str]] = {}
        self._mirror = _Mirror()

    def begin_to_follow(self, manager: Manager) -> None:
        """To be called when the Manager has started: from now on events tell what changes."""
        self._mirror = _Mirror()
        self._mirror.read_everything(manager)
        manager.subscribe(lambda events: self._mirror.on_events(manager, events))

    def job_stored(self, job: CompiledJob) -> None:
        self.jobs[job.id] = job

    def job_archived(self, job_id: str) -> None:
        self.archived.add(job_id)
        self._put_away(job_id)

    def job_deleted(self, job_id: str) -> None:
        self.deleted.add(job_id)
        self._put_away(job_id)

    def was_stored(self, job_id: str) -> bool:
        return job_id in self.jobs or job_id in self.archived | self.deleted

    def _put_away(self, job_id: str) -> None:
        """Its tasks may go, at any time, and are never handed out again."""
        for task in self.jobs.pop(job_id).tasks:
            self.completed.pop(task.id, None)
            self._handed.pop(task.id, None)
            self._lines.pop(task.id, None)

    def worker_registered(self, worker_id: str) -> None:
        self.workers.append(worker_id)

    def handed_out(self, worker_id: str, request: TaskRequest, answer: object) -> None:
        if not isinstance(answer, AssignedTask):
            return
        assert answer.attempt is not None
        if answer.job not in self.jobs:
            raise Violation(f"task {answer.uuid} was handed out, and its job was put away before")
        new = _HandOut(answer.attempt, worker_id, request.slot)
        last = self._handed.get(answer.uuid)
        if answer.uuid in self.completed:
            raise Violation(f"task {answer.uuid} is completed, and was handed out as {new}")
        if last is not None and new != last and new.attempt <= last.attempt:
            raise Violation(f"task {answer.uuid} was handed out as {last}, and then as {new}")
        self._handed[answer.uuid] = new
        if answer.status is TaskStatus.ACTIVE:
            self._begun.add((answer.uuid, answer.attempt))

    def updated(
        self, worker_id: str, task_id: str, update: TaskUpdate, answer: UpdateAnswer
    ) -> None:
        last = self._handed.get(task_id)
        if last is None:
            return  # put away with its job
        if answer.is_accepted and (
            worker_id != last.worker_id or update.attempt not in (None, last.attempt)
        ):
            raise Violation(
                f"attempt {update.attempt} of {worker_id} at task {task_id} was believed, "
                f"though the task was handed out later as {last}"
            )
        if answer.is_accepted:
            self._begun.add((task_id, update.attempt))
        if update.log and (update.attempt is None or (task_id, update.attempt) in self._begun):
            self._lines.setdefault(task_id, []).extend(update.log.splitlines())
        if answer.is_accepted and update.taskStatus is TaskStatus.COMPLETED:
            if self.completed.get(task_id) == last.attempt:
                return  # said again, since the answer was lost
            if task_id in self.completed:
                raise Violation(
                    f"task {task_id} was completed by attempt {self.completed[task_id]}, "
                    f"and then by {last}"
                )
            self.completed[task_id] = last.attempt
            self.completions += 1

    def job_requeued(self, job_id: str, status_before: JobStatus) -> None:
        """Only a completed job does again what is completed."""
        if status_before is JobStatus.COMPLETED:
            self._forget(task.id for task in self.jobs[job_id].tasks)

    def task_requeued(self, job_id: str, task_id: str) -> None:
        """A person wants a task once more, and with it all that was built on it."""
        tasks = self.jobs[job_id].tasks
        again = {index for index, task in enumerate(tasks) if task.id == task_id}
        for index, task in enumerate(tasks):
            # What a task depends on stands before it.
            if again & set(task.depends_on):
                again.add(index)
        self._forget(tasks[index].id for index in sorted(again))

    def _forget(self, task_ids: Iterable[str]) -> None:
        for task_id in task_ids:
            self.completed.pop(task_id, None)

    def verify(self, manager: Manager) -> None:
        """Compares all promises with what the farm has; quick enough to be done often."""
        self._no_difference("the farm does not add up", [it.what for it in manager.check()])
        stored = {row[0]: row[1] for row in _rows(manager, "SELECT uuid, status FROM jobs")}
        kept = self.jobs.keys() | self.archived - self.deleted
        self._no_difference("jobs are lost", sorted(kept - stored.keys()))
        known = {row[0] for row in _rows(manager, "SELECT uuid FROM workers")}
        self._no_difference("workers are lost", sorted(set(self.workers) - known))
        self._verify_hand_outs(manager)
        self._verify_completions(manager)
        self._verify_attempts(manager)
        self._mirror.verify(manager)

    def verify_logs(self, manager: Manager) -> None:
        """Looks for every log line that was taken in; reads all logs."""
        for task_id, lines in self._lines.items():
            log = set(manager.task_log(task_id).splitlines())
            missing = [line for line in lines if line not in log]
            self._no_difference(f"lines are missing in the log of task {task_id}", missing)

    def verify_deletions(self, manager: Manager) -> None:
        """To be called when there was time for all of them."""
        stored = {row[0] for row in _rows(manager, "SELECT uuid FROM jobs")}
        self._no_difference("jobs were deleted, and are there", sorted(self.deleted & stored))

    def verify_file(self, manager: Manager) -> None:
        found = [finding.what for finding in manager.check(whole_file=True)]
        self._no_difference("the farm file is damaged", found)

    def _verify_hand_outs(self, manager: Manager) -> None:
        attempts = {row[0]: row[1] for row in _rows(manager, "SELECT uuid, attempt FROM tasks")}
        forgotten = {
            task_id: (handed, attempts.get(task_id))
            for task_id, handed in self._handed.items()
            if attempts.get(task_id, 0) < handed.attempt
        }
        self._no_difference("hand-outs are forgotten (handed out, stored)", forgotten)

    def _verify_completions(self, manager: Manager) -> None:
        # A job that is to do everything again gets there piece by piece.
        query = """SELECT t.uuid, a.attempt FROM tasks t JOIN jobs j ON j.id = t.job_id
                   LEFT JOIN task_attempts a
                   ON a.task_id = t.id AND a.attempt = t.attempt AND a.outcome = 'completed'
                   WHERE t.status = 'completed' AND NOT j.requeue_everything
                   AND j.delete_requested_at IS NULL AND j.archived_at IS NULL"""
        completed = {row[0]: row[1] for row in _rows(manager, query)}
        different = {
            task_id: (self.completed.get(task_id), completed.get(task_id))
            for task_id in sorted(completed.keys() | self.completed.keys())
            if self.completed.get(task_id) != completed.get(task_id)
        }
        self._no_difference("attempts that completed tasks (reported, stored)", different)

    def _verify_attempts(self, manager: Manager) -> None:
        opened = "SELECT task_id, attempt FROM task_attempts WHERE ended_at IS NULL"
        active = "SELECT id, attempt FROM tasks WHERE status = 'active'"
        different = {tuple(row) for row in _rows(manager, opened)} ^ {
            tuple(row) for row in _rows(manager, active)
        }
        self._no_difference("attempts that go on without their task, or the other way", different)

    @staticmethod
    def _no_difference(what: str, different: object) -> None:
        if different:
            raise Violation(f"{what}: {different}")


class _Mirror:
    """The statuses of everything, as somebody knows them who follows the events."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobStatus] = {}
        self.tasks: dict[str, TaskStatus] = {}
        self.workers: dict[str, WorkerStatus] = {}
        self._tasks_of: dict[str, list[str]] = {}
        self._put_away: set[str] = set()
        """Jobs that are archived or deleted: nobody is told of their tasks any more."""

    def read_everything(self, manager: Manager) -> None:
        self.jobs = {
            row[0]: JobStatus(row[1])
            for row in _rows(
                manager,
                """SELECT uuid, status FROM jobs
                   WHERE delete_requested_at IS NULL AND archived_at IS NULL""",
            )
            if row[1] != JobStatus.UNDER_CONSTRUCTION
        }
        self.workers = {
            row[0]: WorkerStatus(row[1])
            for row in _rows(manager, "SELECT uuid, status FROM workers")
            if row[1] != WorkerStatus.OFFLINE  # which they are before any event tells of them
        }
        self.tasks = {}
        for job_id in self.jobs:
            self._read_tasks(manager, job_id)

    def on_events(self, manager: Manager, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, JobArchived | JobDeletionRequested):
                self._forget_job(event.job_id)
        to_read = {event.job_id: None for event in events if isinstance(event, TasksChanged)}
        for event in events:
            if isinstance(event, WorkerChanged):
                self._follow_worker(event)
            elif getattr(event, "job_id", "") in self._put_away:
                continue
            elif isinstance(event, JobChanged):
                self._expect(event, self.jobs.get(event.job_id), event.previous_status)
                self.jobs[event.job_id] = event.status
                if event.previous_status is None:
                    to_read[event.job_id] = None
            elif isinstance(event, TaskChanged):
                if event.job_id not in to_read:
                    self._expect(event, self.tasks.get(event.task_id), event.previous_status)
                self.tasks[event.task_id] = event.status
        for job_id in to_read.keys() - self._put_away:
            self._read_tasks(manager, job_id)

    def _follow_worker(self, event: WorkerChanged) -> None:
        known = self.workers.get(event.worker_id, WorkerStatus.OFFLINE)
        self._expect(event, known, event.previous_status)
        self.workers[event.worker_id] = event.status
        if event.status is WorkerStatus.OFFLINE:
            del self.workers[event.worker_id]

    def verify(self, manager: Manager) -> None:
        real = _Mirror()
        real.read_everything(manager)
        for name in ("jobs", "tasks", "workers"):
            told, true = getattr(self, name), getattr(real, name)
            different = {
                key: (told.get(key), true.get(key))
                for key in sorted(told.keys() | true.keys())
                if told.get(key) != true.get(key)
            }
            if different:
                raise Violation(f"{name} that no event told of (told, true): {different}")

    def _forget_job(self, job_id: str) -> None:
        self._put_away.add(job_id)
        self.jobs.pop(job_id, None)
        for task_id in self._tasks_of.pop(job_id, ()):
            self.tasks.pop(task_id, None)

    def _read_tasks(self, manager: Manager, job_id: str) -> None:
        query = """SELECT t.uuid, t.status FROM tasks t JOIN jobs j ON j.id = t.job_id
                   WHERE j.uuid = ?"""
        statuses = {row[0]: TaskStatus(row[1]) for row in manager._db.execute(query, [job_id])}
        self._tasks_of[job_id] = [*statuses]
        self.tasks |= statuses

    @staticmethod
    def _expect(event: Event, known: object, previous: object) -> None:
        if known != previous:
            raise Violation(f"{event} comes, and what was told before is {known}")


def _rows(manager: Manager, query: str) -> list[Any]:
    return manager._db.execute(query).fetchall()
