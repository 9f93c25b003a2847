"""Runs a program on a worker, once; its exit code decides whether that was a success."""

from __future__ import annotations

from flamenco_core.errors import InvalidInput
from flamenco_core.job_types.authoring import AuthoredJob, JobType, Setting
from flamenco_core.job_types.shell_words import split_words

JOB_TYPE = JobType(
    label="Run Command",
    description="Run a program on a worker, without a shell",
    settings=[
        Setting(
            "program",
            "string",
            required=True,
            description="The program, by its path, its name or a variable such as {blender}",
        ),
        Setting(
            "arguments",
            "string",
            default="",
            description="What the program is told, with quotes around what has blanks in it; "
            "between single quotes a backslash is a backslash",
        ),
        Setting(
            "task_type",
            "string",
            choices=["misc", "blender", "ffmpeg", "file-management"],
            default="misc",
            visible="submission",
            description="Which workers may run it",
        ),
    ],
)


def compile_job(job: AuthoredJob) -> None:
    settings = job.settings
    try:
        arguments = split_words(settings.arguments)
    except InvalidInput as error:
        job.refuse("arguments", error.message)
    task = job.task("run-command", type=settings.task_type)
    task.command("exec", {"exe": settings.program, "args": arguments})
