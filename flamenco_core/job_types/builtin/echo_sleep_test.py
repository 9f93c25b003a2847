"""Says something, then sleeps: a job to try a farm with, which needs no Blender."""

from __future__ import annotations

from flamenco_core.job_types.authoring import AuthoredJob, JobType, Setting

JOB_TYPE = JobType(
    label="Echo Sleep Test",
    settings=[
        Setting("message", "string", required=True),
        Setting("sleep_duration_seconds", "int32", default=1),
        Setting("sleep_repeats", "int32", default=1),
    ],
)


def compile_job(job: AuthoredJob) -> None:
    # Not as limits of the settings: the etag is Flamenco 3's, which has none.
    for key in ("sleep_duration_seconds", "sleep_repeats"):
        if job.settings[key] < 0:
            job.refuse(key, "cannot be less than 0")
    echo = job.task("echo", type="misc")
    echo.command("echo", {"message": job.settings.message})
    for _ in range(job.settings.sleep_repeats):
        sleep = job.task("sleep", type="misc")
        sleep.command("sleep", {"duration_in_seconds": job.settings.sleep_duration_seconds})
        sleep.depends_on(echo)
