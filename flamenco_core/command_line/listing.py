"""The commands that show: jobs, job, tasks, task-log, workers, job-types."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import click

from flamenco_core.client import ManagerClient
from flamenco_core.command_line.ids import whole_id
from flamenco_core.command_line.list_options import (
    pages_of,
    query_of,
    with_job_filters,
    with_task_filters,
    with_worker_filters,
)
from flamenco_core.command_line.manager_option import with_json, with_manager
from flamenco_core.command_line.output import (
    ID_HEADING,
    print_fields,
    print_json,
    print_table,
    progress_text,
)
from flamenco_core.model import AvailableJobSetting, AvailableJobType, Job, JobsQueryResult
from flamenco_core.model.finding import IdKind
from flamenco_core.paths import this_platform


@click.command()
@with_manager
@with_json
@with_job_filters
def jobs(manager_url: str, as_json: bool, **asked: Any) -> None:
    """List the jobs of the farm, the newest first.

    A TIME is like 2026-02-03T04:05:06Z or, for a day's beginning in UTC, 2026-02-03.
    """
    query = query_of(asked)
    with ManagerClient(manager_url) as client:
        pages = pages_of(client.fetch_jobs_page, query)
        found = [job for page in pages for job in page.jobs]
    if as_json:
        print_json(JobsQueryResult(jobs=found))
        return
    print_table(
        (ID_HEADING, "Status", "Prio", "Progress", "Type", "Name", "Created"),
        (
            (
                job.id,
                job.status,
                job.priority,
                progress_text(job.steps_completed, job.steps_total),
                job.type,
                job.name,
                job.created,
            )
            for job in found
        ),
        empty="There are no such jobs." if query else "There are no jobs.",
        wide_only=("Type", "Created"),
    )


@click.command()
@with_manager
@with_json
@click.argument("job_id", metavar="JOB")
def job(manager_url: str, as_json: bool, job_id: str) -> None:
    """Show one job. JOB is its id or an unmistakable beginning of it.

    Its paths are shown as they are on this computer, and with --json as the job keeps them.
    """
    platform = "" if as_json else this_platform()
    with ManagerClient(manager_url) as client:
        found = client.fetch_job(whole_id(client, IdKind.JOB, job_id), platform=platform)
    if as_json:
        print_json(found)
        return
    print_fields(_job_fields(found))


@click.command()
@with_manager
@with_json
@with_task_filters
@click.argument("job_id", metavar="JOB")
def tasks(manager_url: str, as_json: bool, job_id: str, **asked: Any) -> None:
    """List the tasks of a job. JOB is its id or an unmistakable beginning of it."""
    query = query_of(asked)
    with ManagerClient(manager_url) as client:
        job_id = whole_id(client, IdKind.JOB, job_id)
        pages = pages_of(partial(client.fetch_job_tasks_page, job_id), query)
        found = [task for page in pages for task in page.tasks]
    if as_json:
        print_json({"tasks": found})
        return
    print_table(
        (ID_HEADING, "Status", "Type", "Progress", "Name", "Worker", "Updated"),
        (
            (
                task.id,
                task.status,
                task.task_type,
                progress_text(task.steps_completed, task.steps_total),
                task.name,
                task.worker.name if task.worker else "",
                task.updated,
            )
            for task in found
        ),
        empty="This job has no such tasks." if query else "This job has no tasks.",
        wide_only=("Type", "Updated"),
    )


@click.command("task-log")
@with_manager
@with_json
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added, until Ctrl+C.")
@click.argument("task_id", metavar="TASK")
def task_log(manager_url: str, as_json: bool, follow: bool, task_id: str) -> None:
    """Print the log of a task. TASK is its id or an unmistakable beginning of it."""
    with ManagerClient(manager_url) as client:
        task_id = whole_id(client, IdKind.TASK, task_id)
        if follow:
            for piece in client.follow_task_log(task_id):
                click.echo(piece, nl=False)
            return
        log = client.fetch_task_log(task_id)
    if as_json:
        print_json({"task_id": task_id, "log": log})
    elif log:
        click.echo(log, nl=not log.endswith("\n"))
    else:
        click.echo("This task has no log yet.", err=True)


@click.command()
@with_manager
@with_json
@with_worker_filters
def workers(manager_url: str, as_json: bool, **asked: Any) -> None:
    """List the workers of the farm."""
    query = query_of(asked)
    with ManagerClient(manager_url) as client:
        pages = pages_of(client.fetch_workers_page, query)
        found = [worker for page in pages for worker in page.workers]
    if as_json:
        print_json({"workers": found})
        return
    print_table(
        (ID_HEADING, "Status", "Name", "Version", "Last seen"),
        (
            (
                worker.id,
                f"{worker.status} → {worker.status_change.status}"
                if worker.status_change
                else worker.status,
                worker.name,
                worker.version,
                worker.last_seen,
            )
            for worker in found
        ),
        empty="There are no such workers." if query else "No worker has registered yet.",
    )


@click.command("job-types")
@with_manager
@with_json
@click.argument("name", required=False)
def job_types(manager_url: str, as_json: bool, name: str | None) -> None:
    """List the job types, or with NAME the settings of one."""
    with ManagerClient(manager_url) as client:
        found = client.get_job_types() if name is None else [client.get_job_type(name)]
    if name is not None:
        if as_json:
            print_json(found[0])
        else:
            _print_job_type(found[0])
        return
    if as_json:
        print_json({"job_types": found})
        return
    print_table(
        ("Name", "Label", "Description"),
        ((job_type.name, job_type.label, job_type.description) for job_type in found),
        empty="The Manager has no job types.",
    )


LISTING_COMMANDS: tuple[click.Command, ...] = (jobs, job, tasks, task_log, workers, job_types)


def _job_fields(job: Job) -> Iterable[tuple[str, object]]:
    yield "Id", job.id
    yield "Name", job.name
    yield "Type", job.type
    yield "Status", job.status
    yield "Activity", job.activity
    if job.stranded_task_types:
        yield "Waits", f"no worker may take its {' and '.join(job.stranded_task_types)} tasks"
    yield "Progress", progress_text(job.steps_completed, job.steps_total)
    if job.task_counts:
        yield "Tasks", ", ".join(f"{count} {name}" for name, count in job.task_counts.items())
    yield "Priority", job.priority
    yield "Tag", job.worker_tag
    yield "Created", job.created
    yield "Updated", job.updated
    for key, value in job.settings.items():
        yield f"  {key}", value
    for key, text in job.metadata.items():
        yield f"  ({key})", text


def _print_job_type(job_type: AvailableJobType) -> None:
    click.echo(f"{job_type.name}: {job_type.label}")
    if job_type.description:
        click.echo(job_type.description)
    click.echo()
    print_table(
        ("Setting", "Type", "Required", "Default", "Description"),
        (
            (
                setting.key,
                setting.type,
                "yes" if setting.required else "",
                setting.default,
                _setting_description(setting),
            )
            for setting in job_type.settings
        ),
        empty="It has no settings.",
    )


def _setting_description(setting: AvailableJobSetting) -> str:
    description = str(setting.description or "")
    if setting.choices:
        description = f"{description} [{', '.join(setting.choices)}]".strip()
    return description
