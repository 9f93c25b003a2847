"""Jobs whose tasks are spelled out by the test that submits them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.farm.farm import Farm, request

_JOB_TYPE = '''
"""Tasks as they are given, one after the other."""

import json

from flamenco_core.job_types.authoring import JobType, Setting

JOB_TYPE = JobType(
    label="Spelled out",
    description="Tasks as they are given",
    settings=[Setting("tasks", "string", required=True)],
)


def compile_job(job):
    before = None
    for name, kind, commands in json.loads(job.settings.tasks):
        task = job.task(name, type=kind)
        for command, parameters, steps in commands:
            task.command(command, parameters, total_step_count=steps)
        if before is not None:
            task.depends_on(before)
        before = task
'''

Command = tuple[str, dict[str, Any], int]
Task = tuple[str, str, list[Command]]


def submit_tasks(farm: Farm, *tasks: Task, metadata: dict[str, str] | None = None) -> str:
    """Each of them waits for the one before it."""
    scripts = farm.home / "scripts"
    scripts.mkdir(exist_ok=True)
    (scripts / "spelled_out.py").write_text(_JOB_TYPE, encoding="utf-8")
    job = {"name": tasks[0][0], "type": "spelled-out", "submitter_platform": "linux"}
    settings = {"tasks": json.dumps(tasks)}
    return farm.submit_job({**job, "settings": settings, "metadata": metadata or {}})


def render(blend: Path, output: Path, *before: str, frames: str = "1..2") -> Command:
    """Renders frames, with further arguments in front of that."""
    arguments = [*before, "--render-output", f"{output}/######", "--render-format", "PNG"]
    parameters: dict[str, Any] = {
        "exe": "{blender}",
        "exeArgs": "-b -y",
        "argsBefore": [],
        "blendfile": str(blend),
        "args": [*arguments, "--render-frame", frames],
    }
    return ("blender-render", parameters, 2)


def python(source: str) -> Command:
    """Runs Python in a process of its own."""
    return ("exec", {"exe": sys.executable, "args": ["-c", source]}, 0)


def requeue(farm: Farm, job_id: str) -> None:
    """What a person does when the cause of a failure is gone."""
    change = {"status": "requeueing", "reason": "the cause is gone"}
    status, answer = request(f"{farm.url}/api/v3/jobs/{job_id}/setstatus", change)
    assert status == 204, answer
