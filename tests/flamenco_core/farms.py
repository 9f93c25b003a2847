"""Builds farms for tests and benches: workers that are awake, jobs of any size and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.manager import MANAGER, Manager, UpdateAnswer
from flamenco_core.model import (
    AssignedTask,
    Command,
    JobStatusChange,
    JobStorageInfo,
    TaskRequest,
    TaskUpdate,
    WorkerRegistration,
    WorkerSignOn,
)
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
    elapsed: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        """Seconds, as of a clock that nobody sets."""
        return self.elapsed.total_seconds()

    def advance(self, by: timedelta) -> None:
        """Lets time pass."""
        self.now += by
        self.elapsed += by

    def jump(self, by: timedelta) -> None:
        """Sets the wall clock, forward or back."""
        self.now += by


def awake_worker(
    manager: Manager,
    *task_types: str,
    name: str = "worker",
    capabilities: Mapping[str, str] | None = None,
) -> str:
    """Registers a worker that takes these task types; returns its UUID."""
    types = [*task_types] or ["blender"]
    registration = WorkerRegistration(
        name=name, secret=str(uuid4()), platform="linux", supported_task_types=types
    )
    worker = manager.register_worker(registration, address="127.0.0.1")
    sign_on = WorkerSignOn(
        name=name,
        supported_task_types=types,
        software_version="1.0",
        capabilities=dict(capabilities or {}),
    )
    manager.sign_on(worker.uuid, sign_on, address="127.0.0.1")
    manager.worker_state_changed(worker.uuid, WorkerStatus.AWAKE)
    return worker.uuid


def compiled_task(
    name: str = "render",
    *,
    task_type: str = "blender",
    depends_on: Sequence[int] = (),
    priority: int = 50,
    steps: int = 1,
    requirements: Mapping[str, str] | None = None,
) -> CompiledTask:
    """A task with as much text as that of a real render job."""
    return CompiledTask(
        id=str(uuid4()),
        name=name,
        type=task_type,
        priority=priority,
        commands=[
            Command(
                name="blender-render",
                parameters={
                    "exe": "{blender}",
                    "exeArgs": "{blenderArgs}",
                    "blendfile": "{jobs}/shot/scene.blend",
                    "args": ["--render-output", "/render/shot/######", "--render-frame", "1..10"],
                },
                total_step_count=steps,
            )
        ],
        depends_on=[*depends_on],
        requirements=dict(requirements or {}),
        steps_total=steps,
    )


def compiled_job(
    tasks: int | Sequence[CompiledTask] = 1,
    *,
    task_type: str = "blender",
    priority: int = 50,
    status: JobStatus = JobStatus.QUEUED,
    worker_tag: str | None = None,
    storage: JobStorageInfo | None = None,
) -> CompiledJob:
    """A job of these tasks, or of so many independent ones."""
    listed = (
        [compiled_task(f"render-{index}", task_type=task_type) for index in range(tasks)]
        if isinstance(tasks, int)
        else [*tasks]
    )
    return CompiledJob(
        id=str(uuid4()),
        name="shot",
        type="simple-blender-render",
        priority=priority,
        status=status,
        settings={},
        metadata={},
        submitter_platform="linux",
        worker_tag=worker_tag,
        storage=storage,
        created=datetime.now(UTC),
        tasks=listed,
    )


def store(manager: Manager, job: CompiledJob) -> str:
    """Stores a compiled job; returns its UUID."""
    for step in manager.storing(job, actor=MANAGER):
        step()
    return job.id


def take(manager: Manager, worker: str) -> AssignedTask:
    """Hands a task to a worker, which must get one."""
    task = take_or_none(manager, worker)
    assert task is not None
    return task


def take_or_none(manager: Manager, worker: str) -> AssignedTask | None:
    task = manager.next_task(worker, TaskRequest())
    return task if isinstance(task, AssignedTask) else None


def report(
    manager: Manager, worker: str, task: AssignedTask, status: TaskStatus, *, log: str = ""
) -> UpdateAnswer:
    """Lets a worker report a status for the attempt it was given."""
    update = TaskUpdate(taskStatus=status, attempt=task.attempt, log=log or None)
    return manager.update_task(worker, task.uuid, update)


def complete(manager: Manager, worker: str, task: AssignedTask) -> UpdateAnswer:
    return report(manager, worker, task, TaskStatus.COMPLETED)


def fail(manager: Manager, worker: str, task: AssignedTask) -> UpdateAnswer:
    return report(manager, worker, task, TaskStatus.FAILED)


def ask(manager: Manager, job: str, status: JobStatus) -> None:
    """Lets a person ask a job for a status, and carries all of it out."""
    manager.set_job_status(job, JobStatusChange(status=status, reason="test"), actor=MANAGER)
    while manager.unsettled_jobs():
        manager.settle(job)


def statuses(manager: Manager, job: str) -> list[str]:
    """The statuses of a job's tasks, in their order."""
    return [task.status.value for task in manager.tasks(job)]
