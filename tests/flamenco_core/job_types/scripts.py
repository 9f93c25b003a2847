"""Scripts for tests, and submissions to go with them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from flamenco_core.model import SubmittedJob

CREATED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def write_script(
    folder: Path, name: str, compile_body: str, *, settings: str = "", top: str = ""
) -> Path:
    """Writes a job type in Python with the given statements in `compile_job`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(
        "from flamenco_core.job_types.authoring import EvalInfo, JobType, Setting\n"
        f"{dedent(top)}\n"
        f"JOB_TYPE = JobType(label='Test', settings=[{settings}])\n"
        "def compile_job(job):\n"
        f"{indent(dedent(compile_body).strip(), '    ')}\n",
        encoding="utf-8",
    )
    return path


def submission(job_type: str, /, **settings: Any) -> SubmittedJob:
    return SubmittedJob(
        name="the job", type=job_type, settings=settings, submitter_platform="linux"
    )


ONE_TASK = "job.task('only', type='misc').command('echo', {'message': 'hi'})"
