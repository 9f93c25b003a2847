"""What compiling a submitted job yields: everything a store needs to keep it, and no more.

These travel between the helper process and the Manager as JSON, the tasks in parts of their own,
hence the plain conversions below: both ends are this module, so nothing is checked here (the
compiler has done that).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flamenco_core.model import DEFAULT_PRIORITY, Command, JobStorageInfo
from flamenco_core.statuses import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTask:
    """One task as its job type wrote it."""

    id: str
    """UUID text."""
    name: str
    type: str
    """What kind of worker may take it (`blender`, `ffmpeg` …)."""
    priority: int = DEFAULT_PRIORITY
    commands: list[Command]
    depends_on: list[int] = field(default_factory=list)
    """Positions in `CompiledJob.tasks`, ascending, each once; never part of a cycle."""
    requirements: dict[str, str] = field(default_factory=dict)
    """What it asks of a worker beyond its type; see `requirements`."""
    steps_total: int
    """The commands' steps; a command that declares none counts as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledJob:
    """A job with its tasks, ready to be stored."""

    id: str
    """UUID text."""
    name: str
    type: str
    priority: int
    status: JobStatus
    """The status the job has once all of it is stored."""
    settings: dict[str, Any]
    """As submitted, with defaults filled in and whatever the job type changed."""
    metadata: dict[str, str]
    submitter_platform: str
    storage: JobStorageInfo | None = None
    worker_tag: str | None = None
    created: datetime
    """Aware; the moment that `{timestamp}` in the job's paths stands for."""
    tasks: list[CompiledTask]
    rna_overrides: list[str] = field(default_factory=list)
    """Valid lines of Python, carried out before each render of the job."""


TASKS_IN_A_PART = 100
"""So few that reading a part takes a millisecond: nothing else in the process runs meanwhile."""


def compiled_job_to_json(job: CompiledJob) -> dict[str, Any]:
    """The job without its tasks as JSON-ready data; see `compiled_job_from_json`."""
    return {
        "id": job.id,
        "name": job.name,
        "type": job.type,
        "priority": job.priority,
        "status": job.status.value,
        "settings": job.settings,
        "metadata": job.metadata,
        "submitter_platform": job.submitter_platform,
        "shaman_checkout_id": job.storage.shaman_checkout_id if job.storage else None,
        "has_storage": job.storage is not None,
        "worker_tag": job.worker_tag,
        "created": job.created.isoformat(),
        "rna_overrides": job.rna_overrides,
    }


def tasks_to_json(job: CompiledJob) -> Iterator[list[dict[str, Any]]]:
    """The tasks of a job as JSON-ready data, part by part, for `tasks_from_json`."""
    for first in range(0, len(job.tasks), TASKS_IN_A_PART):
        yield [_task_to_json(task) for task in job.tasks[first : first + TASKS_IN_A_PART]]


def tasks_from_json(part: list[dict[str, Any]]) -> list[CompiledTask]:
    """The tasks of one of the parts that `tasks_to_json` made."""
    return [_task_from_json(task) for task in part]


def compiled_job_from_json(data: dict[str, Any], tasks: list[CompiledTask]) -> CompiledJob:
    """The job that `compiled_job_to_json` took apart, with its tasks."""
    checkout_id = data["shaman_checkout_id"]
    return CompiledJob(
        id=data["id"],
        name=data["name"],
        type=data["type"],
        priority=data["priority"],
        status=JobStatus(data["status"]),
        settings=data["settings"],
        metadata=data["metadata"],
        submitter_platform=data["submitter_platform"],
        storage=JobStorageInfo(shaman_checkout_id=checkout_id) if data["has_storage"] else None,
        worker_tag=data["worker_tag"],
        created=datetime.fromisoformat(data["created"]),
        tasks=tasks,
        rna_overrides=data["rna_overrides"],
    )


def _task_to_json(task: CompiledTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "name": task.name,
        "type": task.type,
        "priority": task.priority,
        "commands": [
            [command.name, command.parameters, command.total_step_count]
            for command in task.commands
        ],
        "depends_on": task.depends_on,
        "requirements": task.requirements,
        "steps_total": task.steps_total,
    }


def _task_from_json(data: dict[str, Any]) -> CompiledTask:
    return CompiledTask(
        id=data["id"],
        name=data["name"],
        type=data["type"],
        priority=data["priority"],
        commands=[
            Command(name=name, parameters=parameters, total_step_count=steps)
            for name, parameters, steps in data["commands"]
        ],
        depends_on=data["depends_on"],
        requirements=data["requirements"],
        steps_total=data["steps_total"],
    )
