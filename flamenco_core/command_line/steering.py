"""The commands that steer jobs, tasks and workers, one or several in one request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from flamenco_core.client import ManagerClient
from flamenco_core.command_line.ids import whole_ids
from flamenco_core.command_line.manager_option import with_json, with_manager
from flamenco_core.command_line.output import print_json, size_text
from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.model import HIGHEST_PRIORITY, LOWEST_PRIORITY, JobDeletionInfo
from flamenco_core.model.action_requests import (
    ActionReport,
    JobsActionRequest,
    TasksActionRequest,
    WorkersActionRequest,
)
from flamenco_core.model.actions import JobAction, TaskAction, WorkerAction
from flamenco_core.model.finding import IdKind
from flamenco_core.statuses import TaskStatus

Function = TypeVar("Function", bound=Callable[..., Any])

_MOST_SHOWN = 20
"""Refusals that are shown one by one."""


def _with_jobs(function: Function) -> Function:
    for decorate in (
        with_manager,
        with_json,
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
        click.argument("jobs", metavar="JOB...", nargs=-1, required=True),
    ):
        function = decorate(function)
    return function


_with_reason = click.option("--reason", default="", help="Why, for whoever looks at it later.")


@click.command()
@_with_jobs
@_with_reason
def cancel(
    manager_url: str, as_json: bool, dry_run: bool, jobs: Sequence[str], reason: str
) -> None:
    """Cancel jobs. JOB is an id or an unmistakable beginning of one."""
    _act_on_jobs(
        manager_url, jobs, as_json, action=JobAction.CANCEL, reason=reason, preview=dry_run
    )


@click.command()
@_with_jobs
@_with_reason
def pause(manager_url: str, as_json: bool, dry_run: bool, jobs: Sequence[str], reason: str) -> None:
    """Let jobs finish what runs, and begin nothing more until they are requeued."""
    _act_on_jobs(manager_url, jobs, as_json, action=JobAction.PAUSE, reason=reason, preview=dry_run)


@click.command()
@_with_jobs
@_with_reason
@click.option("--failed", is_flag=True, help="Only their failed tasks, while the rest goes on.")
@click.option(
    "--compile-again", is_flag=True, help="From the start, with tasks as their job type makes now."
)
def requeue(
    manager_url: str,
    as_json: bool,
    dry_run: bool,
    jobs: Sequence[str],
    reason: str,
    failed: bool,
    compile_again: bool,
) -> None:
    """Queue jobs again: what is not done, or all of a completed job; a paused one goes on."""
    if failed and compile_again:
        raise click.UsageError("--failed and --compile-again exclude each other")
    action = JobAction.REQUEUE
    if failed:
        action = JobAction.REQUEUE_FAILED
    elif compile_again:
        action = JobAction.COMPILE_AGAIN
    _act_on_jobs(manager_url, jobs, as_json, action=action, reason=reason, preview=dry_run)


@click.command()
@_with_jobs
def archive(manager_url: str, as_json: bool, dry_run: bool, jobs: Sequence[str]) -> None:
    """Keep the records of jobs that are done, and drop what only running them needs.

    There is no way back: an archived job can only be deleted.
    """
    _act_on_jobs(manager_url, jobs, as_json, action=JobAction.ARCHIVE, preview=dry_run)


@click.command()
@click.argument("value", metavar="PRIORITY", type=click.IntRange(LOWEST_PRIORITY, HIGHEST_PRIORITY))
@_with_jobs
def priority(
    manager_url: str, as_json: bool, dry_run: bool, jobs: Sequence[str], value: int
) -> None:
    """Give jobs another priority; those with a higher one go first."""
    _act_on_jobs(
        manager_url,
        jobs,
        as_json,
        action=JobAction.SET_PRIORITY,
        priority=value,
        preview=dry_run,
    )


@click.command()
@_with_jobs
@click.option("--leave-files", is_flag=True, help="Leave their logs and checkouts where they are.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(
    manager_url: str,
    as_json: bool,
    dry_run: bool,
    jobs: Sequence[str],
    leave_files: bool,
    yes: bool,
) -> None:
    """Delete jobs with their logs and checkouts; what they rendered stays.

    Asks before it does so. Where nobody could answer, as in a script, --yes has to be said.
    """
    is_asked = not yes and not dry_run
    if is_asked and not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; add --yes if the jobs are to be deleted")
    with ManagerClient(manager_url) as client:
        ids = whole_ids(client, IdKind.JOB, jobs)
        if is_asked or (dry_run and not as_json):
            _show_deletion([client.delete_job_what_would_it_do(job_id) for job_id in ids])
        if is_asked:
            click.confirm("Delete?", abort=True)
        request = JobsActionRequest(
            action=JobAction.DELETE, job_ids=ids, leave_files=leave_files, preview=dry_run
        )
        _show(client.act_on_jobs(request), "job", as_json)


@click.command("cancel-task")
@with_manager
@with_json
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_with_reason
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
def cancel_task(
    manager_url: str, as_json: bool, dry_run: bool, reason: str, tasks: Sequence[str]
) -> None:
    """Cancel single tasks. TASK is an id or an unmistakable beginning of one."""
    with ManagerClient(manager_url) as client:
        request = TasksActionRequest(
            action=TaskAction.CANCEL,
            task_ids=whole_ids(client, IdKind.TASK, tasks),
            reason=reason,
            preview=dry_run,
        )
        _show(client.act_on_tasks(request), "task", as_json)


@click.command("requeue-task")
@with_manager
@with_json
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_with_reason
@click.option("--alone", is_flag=True, help="Leave what was made from their results as it is.")
@click.option(
    "--all-of",
    "job",
    metavar="JOB",
    help="All tasks of this job that have the status of --status, instead of TASK.",
)
@click.option("--status", type=click.Choice([status.value for status in TaskStatus]))
@click.argument("tasks", metavar="[TASK]...", nargs=-1)
def requeue_task(
    manager_url: str,
    as_json: bool,
    dry_run: bool,
    reason: str,
    alone: bool,
    job: str | None,
    status: str | None,
    tasks: Sequence[str],
) -> None:
    """Queue single tasks again, and with them what was made from their results."""
    if (job is None) != (status is None) or (job is None) == (not tasks):
        raise click.UsageError("Give either TASK, or --all-of JOB and --status")
    with ManagerClient(manager_url) as client:
        request = TasksActionRequest(
            action=TaskAction.REQUEUE,
            task_ids=whole_ids(client, IdKind.TASK, tasks) if tasks else None,
            job_id=whole_ids(client, IdKind.JOB, [job])[0] if job else None,
            status=TaskStatus(status) if status else None,
            reason=reason,
            with_dependants=not alone,
            preview=dry_run,
        )
        _show(client.act_on_tasks(request), "task", as_json)


@click.command("ask-worker")
@with_manager
@with_json
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--lazy", is_flag=True, help="Let them finish what they have first.")
@click.argument("action", type=click.Choice([action.value for action in WorkerAction]))
@click.argument("workers", metavar="WORKER...", nargs=-1, required=True)
def ask_worker(
    manager_url: str,
    as_json: bool,
    dry_run: bool,
    lazy: bool,
    action: str,
    workers: Sequence[str],
) -> None:
    """Ask workers to wake, sleep, pause, shut down or restart, or take back what was asked.

    WORKER is a name, an id or an unmistakable beginning of one.
    """
    with ManagerClient(manager_url) as client:
        request = WorkersActionRequest(
            action=WorkerAction(action),
            worker_ids=whole_ids(client, IdKind.WORKER, workers),
            is_lazy=lazy,
            preview=dry_run,
        )
        _show(client.act_on_workers(request), "worker", as_json)


STEERING_COMMANDS: tuple[click.Command, ...] = (
    cancel,
    pause,
    requeue,
    archive,
    priority,
    delete,
    cancel_task,
    requeue_task,
    ask_worker,
)


def _act_on_jobs(manager_url: str, jobs: Sequence[str], as_json: bool, **request: Any) -> None:
    with ManagerClient(manager_url) as client:
        ids = whole_ids(client, IdKind.JOB, jobs)
        _show(client.act_on_jobs(JobsActionRequest(job_ids=ids, **request)), "job", as_json)


def _show(report: ActionReport, noun: str, as_json: bool) -> None:
    """Prints what became of them. Raises `FlamencoError` if some were refused."""
    total = report.done + report.refused
    if as_json:
        print_json(report)
    else:
        how = "could be asked to" if report.is_preview else "were asked to"
        click.echo(f"{report.done} of {total} {noun}s {how} {report.action}")
    if not report.refused:
        return
    refused = [item for item in report.items if not item.is_done]
    problems = [Problem(item.id, item.reason or "") for item in refused[:_MOST_SHOWN]]
    if report.refused > len(problems):
        problems += [
            Problem("", f"in all {refusal.count} {noun}s: {refusal.reason}")
            for refusal in report.refusals
        ]
    raise FlamencoError(f"{report.refused} of {total} {noun}s cannot", problems=problems)


def _show_deletion(infos: Sequence[JobDeletionInfo]) -> None:
    counted = [info for info in infos if info.files is not None]
    files, size = (
        sum(info.files or 0 for info in counted),
        sum(info.bytes or 0 for info in counted),
    )
    more = "" if all(info.is_all_counted for info in counted) else " or more"
    click.echo(
        f"{len(infos)} jobs with {sum(info.tasks or 0 for info in infos)} tasks, "
        f"{files} files ({size_text(size)}){more} in these folders:"
    )
    for info in infos:
        for folder in info.folders or []:
            click.echo(f"  {folder}")
    if kept := next((info.kept for info in infos if info.kept), ""):
        click.echo(kept)
