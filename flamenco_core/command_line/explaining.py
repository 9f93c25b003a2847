"""The commands that explain the scheduler, and the one for overrides: why, plan, overrides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from flamenco_core.client import ManagerClient
from flamenco_core.command_line.ids import whole_id
from flamenco_core.command_line.manager_option import with_json, with_manager
from flamenco_core.command_line.output import print_json, print_table
from flamenco_core.model.finding import IdKind
from flamenco_core.model.forecast import JobWhyNot, PlannedHandOut, WhyNotCount, WorkerWhyNot


@click.command()
@with_manager
@with_json
@click.argument("job", metavar="JOB")
@click.argument("worker", metavar="[WORKER]", required=False)
def why(manager_url: str, as_json: bool, job: str, worker: str | None) -> None:
    """Say why workers, or WORKER alone, get nothing of JOB, and what would change that.

    JOB and WORKER are ids or unmistakable beginnings of them; WORKER may be a name too.
    """
    with ManagerClient(manager_url) as client:
        job_id = whole_id(client, IdKind.JOB, job)
        if worker is not None:
            found = client.why_not(whole_id(client, IdKind.WORKER, worker), job_id)
            if as_json:
                print_json(found)
            else:
                _show_worker(found)
            return
        pages = [*client.job_why_not(job_id)]
    if as_json:
        print_json({"pages": pages})
        return
    _show_job(pages)


@click.command()
@with_manager
@with_json
@click.argument("job", metavar="[JOB]", required=False)
def plan(manager_url: str, as_json: bool, job: str | None) -> None:
    """Show which task each free worker would get now, or what becomes of JOB next."""
    with ManagerClient(manager_url) as client:
        if job is not None:
            of_job = client.job_plan(whole_id(client, IdKind.JOB, job))
            if as_json:
                print_json(of_job)
            else:
                click.echo(of_job.summary)
                show_hand_outs(of_job.hand_outs, empty="")
            return
        of_farm = client.plan()
    if as_json:
        print_json(of_farm)
        return
    show_hand_outs(
        of_farm.hand_outs,
        empty="Nothing is there for the workers that are free."
        if of_farm.free_workers
        else "No worker is free.",
    )


@click.command()
@with_manager
@with_json
@click.argument("job", metavar="JOB")
@click.option(
    "--set",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Replace them with the lines of this file; - is standard input.",
)
@click.option("--clear", is_flag=True, help="Remove them.")
def overrides(manager_url: str, as_json: bool, job: str, file: Path | None, clear: bool) -> None:
    """Print, or replace, the lines of Python that run before each render of JOB.

    They count for all tasks handed out from then on.
    """
    if file is not None and clear:
        raise click.UsageError("--set and --clear exclude each other")
    with ManagerClient(manager_url) as client:
        job_id = whole_id(client, IdKind.JOB, job)
        if clear:
            lines = client.set_rna_overrides(job_id, [])
        elif file is not None:
            lines = client.set_rna_overrides(job_id, _lines(file))
        else:
            lines = client.rna_overrides(job_id)
    if as_json:
        print_json({"rna_overrides": lines})
        return
    for line in lines:
        click.echo(line)


EXPLAINING_COMMANDS: tuple[click.Command, ...] = (why, plan, overrides)


def show_hand_outs(hand_outs: Sequence[PlannedHandOut], *, empty: str) -> None:
    """A table of who would get what; `empty` is printed if there is nothing in it."""
    if not hand_outs and not empty:
        return
    print_table(
        ("Worker", "Task", "Type", "Job"),
        [(each.worker_name, each.task_name, each.task_type, each.job_name) for each in hand_outs],
        empty=empty,
    )


def _show_worker(found: WorkerWhyNot) -> None:
    if not found.tasks:
        click.echo("The job has no tasks that could be handed out.")
    for kind in found.tasks:
        if not kind.reasons:
            click.echo(f"{found.worker_name} gets {kind.task_type} tasks when it asks")
        for reason in kind.reasons:
            click.echo(f"{kind.task_type}: {reason.what}: {reason.remedy}")


def _show_job(pages: Sequence[JobWhyNot]) -> None:
    if note := pages[0].note:
        click.echo(note)
    if limit := pages[0].failure_limit:
        click.echo(limit.summary)
    workers = sum(page.workers_looked_at for page in pages)
    able = sum(page.workers_that_get_tasks for page in pages)
    click.echo(f"{able} of {workers} workers get tasks of {pages[0].job_name} when they ask")
    counts: Counter[str] = Counter()
    first: dict[str, WhyNotCount] = {}
    for page in pages:
        for reason in page.reasons:
            counts[reason.condition] += reason.workers
            first.setdefault(reason.condition, reason)
    if counts:
        print_table(
            ("Workers", "Why not, of the first", "What would help"),
            [
                (count, first[condition].what, first[condition].remedy)
                for condition, count in counts.most_common()
            ],
            empty="",
        )


def _lines(file: Path) -> list[str]:
    with click.open_file(str(file), encoding="utf-8") as stream:
        text: str = stream.read()
    return text.splitlines()
