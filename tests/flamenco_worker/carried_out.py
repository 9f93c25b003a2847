"""Whole jobs, carried out by the worker's command classes without a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flamenco_core.manager import Manager
from flamenco_core.model import SubmittedJob
from flamenco_core.statuses import JobStatus
from flamenco_worker.commands import make_command
from tests.flamenco_core.farms import awake_worker, complete, take_or_none
from tests.flamenco_worker.blenders import BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask


def carry_out(
    manager: Manager,
    blender: BlenderProgram,
    new_task: Callable[[], RecordedTask],
    job_type: str,
    settings: dict[str, Any],
) -> dict[str, str]:
    """Submits a job and runs all its tasks here; returns their logs by their names."""
    submitted = SubmittedJob(
        name="job", type=job_type, settings=settings, submitter_platform="linux"
    )
    job = manager.submit_job(submitted)
    worker = awake_worker(manager, "blender", "ffmpeg")
    logs: dict[str, str] = {}
    while (assigned := take_or_none(manager, worker)) is not None:
        task = new_task()
        for command in assigned.commands:
            if command.name == "blender-render":
                command.parameters.update(exe=blender.exe, exeArgs=blender.exe_args)
            make_command(command).run(task.context())
        logs[assigned.name] = task.log
        complete(manager, worker, assigned)
    assert manager.job(job.id).status is JobStatus.COMPLETED
    return logs
