"""Job types in JavaScript for tests."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import SubmittedJob
from tests.flamenco_core.job_types.scripts import CREATED, submission

JOB_ID = "11111111-2222-3333-4444-555555555555"

ANY_SETTINGS = """
{ key: "text", type: "string", default: "" }, { key: "number", type: "int32", default: 0 }
"""

ONE_JS_TASK = """
const task = author.Task("only", "misc");
task.addCommand(author.Command("echo", { message: job.settings.text }));
job.addTask(task);
"""


def write_js(folder: Path, name: str, body: str, *, settings: str = ANY_SETTINGS) -> Path:
    """Writes a job type with the given statements in `compileJob`; they begin in line 3."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.js"
    path.write_text(
        f"const JOB_TYPE = {{ label: 'Test', settings: [{' '.join(settings.split())}] }};\n"
        f"function compileJob(job) {{\n{dedent(body).strip()}\n}}\n",
        encoding="utf-8",
    )
    return path


def compiled(folder: Path, job_type: str, /, **settings: Any) -> CompiledJob:
    """A job of that type, compiled in this process."""
    return compiled_submission(folder, submission(job_type, **settings))


def compiled_submission(folder: Path, submitted: SubmittedJob) -> CompiledJob:
    """The submitted job, compiled in this process; ids are counted up."""
    ids = count(1)
    return compile_job(
        JobTypeLibrary([folder]),
        submitted,
        job_id=JOB_ID,
        created=CREATED,
        new_id=lambda: str(UUID(int=next(ids))),
    )


def results(folder: Path, *expressions: str) -> list[Any]:
    """What the expressions are worth inside `compileJob`."""
    write_js(
        folder,
        "expressions",
        f"""
        const task = author.Task("t", "misc");
        task.addCommand(author.Command("echo", {{ message: [{", ".join(expressions)}] }}));
        job.addTask(task);
        """,
    )
    found = compiled(folder, "expressions").tasks[0].commands[0].parameters["message"]
    assert isinstance(found, list)
    return found
