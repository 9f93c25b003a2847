"""`flamenco submit`: from a .blend file to a job, and to its end if wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

from flamenco_core.client import ManagerClient
from flamenco_core.command_line.explaining import show_hand_outs
from flamenco_core.command_line.job_settings import (
    BLENDFILE,
    SubmissionFacts,
    has_setting,
    make_settings,
    parse_assignments,
)
from flamenco_core.command_line.manager_option import with_json, with_manager
from flamenco_core.command_line.output import print_json, progress_bars, size_text
from flamenco_core.command_line.waiting import wait_for_job
from flamenco_core.errors import FlamencoError, NotFound, one_problem
from flamenco_core.model import (
    DEFAULT_PRIORITY,
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Audience,
    AvailableJobType,
    Job,
    SubmittedJob,
)
from flamenco_core.packing import (
    Packer,
    PackingError,
    PackPlan,
    PackProgress,
    Stage,
    default_output_folder,
    read_blend_facts,
)
from flamenco_core.packing.plan import PackedFile, missing_file_problems
from flamenco_core.packing.progress import ProgressCallback
from flamenco_core.paths import this_platform
from flamenco_core.statuses import JobStatus

_PLACEHOLDER_BLENDFILE = "{jobs}/not-sent-yet.blend"
"""Stands for the file while the Manager checks the job, before anything is sent."""


@dataclass(frozen=True, slots=True)
class _Request:
    """The command line, understood."""

    blend: Path | None
    job_type: str
    given: dict[str, str]
    metadata: dict[str, str]
    name: str
    priority: int
    tag: str | None
    paused: bool
    project: Path | None
    allow_missing: bool
    quiet: bool


@click.command()
@with_manager
@with_json
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--type", "job_type", required=True, metavar="NAME", help="The job type.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the job type (see `flamenco job-types NAME`); can be given several times.",
)
@click.option(
    "--metadata",
    multiple=True,
    metavar="KEY=VALUE",
    help="Kept with the job; limits.total=3h and the like limit its programs. Can be given "
    "several times.",
)
@click.option("--name", help="Name of the job.  [default: the file's name]")
@click.option(
    "--priority",
    type=click.IntRange(LOWEST_PRIORITY, HIGHEST_PRIORITY),
    default=DEFAULT_PRIORITY,
    show_default=True,
)
@click.option("--tag", help="Only workers with this tag (name or id) get the job.")
@click.option("--paused", is_flag=True, help="Do not start the job until somebody requeues it.")
@click.option(
    "--project",
    type=click.Path(path_type=Path),
    help="Root folder of the project.  [default: the closest folder above the file that has "
    ".blender_project, .git or .svn, else the file's folder]",
)
@click.option(
    "--allow-missing", is_flag=True, help="Submit even if files that the project uses are missing."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Send nothing; say who could work on the job, who would begin, and what would be sent.",
)
@click.option("--wait", is_flag=True, help="Wait for the job; exit code 0 only if it completes.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def submit(
    manager_url: str,
    as_json: bool,
    file: Path | None,
    job_type: str,
    assignments: Sequence[str],
    metadata: Sequence[str],
    name: str | None,
    priority: int,
    tag: str | None,
    paused: bool,
    project: Path | None,
    allow_missing: bool,
    dry_run: bool,
    wait: bool,
    quiet: bool,
) -> None:
    """Submit FILE.blend as a job.

    All files that it uses are found and sent along. Settings that are not given are read from
    the file.
    """
    request = _Request(
        blend=file,
        job_type=job_type,
        given=parse_assignments(assignments),
        metadata=parse_assignments(metadata, option="--metadata"),
        name=name or (file.stem if file else job_type),
        priority=priority,
        tag=tag,
        paused=paused,
        project=project,
        allow_missing=allow_missing,
        quiet=quiet or as_json,
    )
    with ManagerClient(manager_url) as client:
        if dry_run:
            _rehearse(client, request, as_json=as_json)
            return
        job = _submit(client, request)
        if not as_json or not wait:
            _report(job, as_json)
        if wait:
            _wait(client, job, as_json=as_json, quiet=request.quiet)


def _wait(client: ManagerClient, job: Job, *, as_json: bool, quiet: bool) -> None:
    """Wait for the job's end. Raises `FlamencoError` with the reason if it is not completed."""
    try:
        end = wait_for_job(client, job, quiet=quiet)
    except KeyboardInterrupt:
        click.echo(f"flamenco: job {job.id} goes on without you", err=True)
        raise
    if as_json:
        print_json(end.job)
    if end.reason:
        raise FlamencoError(end.reason)
    if not as_json:
        click.echo(f"Job {end.job.id} is completed")


def _report(job: Job, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        click.echo(f"Submitted {job.name} as job {job.id}")


def _submit(client: ManagerClient, request: _Request) -> Job:
    job_type = client.get_job_type(request.job_type)
    tag = _tag_id(client, request.tag) if request.tag else None
    _check_file(job_type, request)
    if request.blend is None:
        return client.submit_job(_job(client, job_type, request, tag, None, ""))
    with _progress_shown(request.quiet) as progress:
        packer = Packer(request.blend, project=request.project, progress=progress)
        job = _job(client, job_type, request, tag, request.blend, _PLACEHOLDER_BLENDFILE)
        client.submit_job_check(job)
        plan = packer.prepare()
        _look_at_missing(plan, request.allow_missing)
        delivery = packer.deliver(plan, client, request.name)
    return client.submit_job(
        replace(
            job,
            settings={**job.settings, BLENDFILE: delivery.blendfile},
            storage=delivery.storage,
        )
    )


def _rehearse(client: ManagerClient, request: _Request, *, as_json: bool) -> None:
    """Does all of a submission that sends and stores nothing, and says what would become of it."""
    job_type = client.get_job_type(request.job_type)
    tag = _tag_id(client, request.tag) if request.tag else None
    _check_file(job_type, request)
    placeholder = _PLACEHOLDER_BLENDFILE if request.blend else ""
    plan = client.plan_job(_job(client, job_type, request, tag, request.blend, placeholder))
    sent: list[PackedFile] = []
    if request.blend is not None:
        with _progress_shown(request.quiet) as progress:
            pack = Packer(request.blend, project=request.project, progress=progress).prepare()
        _look_at_missing(pack, request.allow_missing)
        sent = [*pack.files]
    if as_json:
        print_json({"plan": plan, "files": [file.source.as_posix() for file in sent]})
        return
    click.echo(plan.summary)
    show_hand_outs(plan.hand_outs, empty="")
    if sent:
        size = sum(file.source.stat().st_size for file in sent)
        click.echo(f"{len(sent)} files ({size_text(size)}) would be sent, if none is there yet.")


def _check_file(job_type: AvailableJobType, request: _Request) -> None:
    takes_file, has_file = has_setting(job_type, BLENDFILE), request.blend is not None
    if takes_file and not has_file and BLENDFILE not in request.given:
        raise one_problem("FILE", f"a job of type {job_type.name} needs a .blend file")
    if has_file and not takes_file:
        raise one_problem("FILE", f"a job of type {job_type.name} takes no .blend file")
    if has_file and BLENDFILE in request.given:
        what = "is the place of a file on the farm, so no FILE can be sent with it"
        raise one_problem(f"--set {BLENDFILE}", what)


def _job(
    client: ManagerClient,
    job_type: AvailableJobType,
    request: _Request,
    tag: str | None,
    blend: Path | None,
    blendfile_on_farm: str,
) -> SubmittedJob:
    """The job as it would be submitted. Raises `InvalidInput` for settings that do not fit."""
    storage = client.get_shared_storage(Audience.USERS, this_platform())
    facts = SubmissionFacts(
        job_name=request.name,
        output_folder=default_output_folder(storage),
        blend=blend,
        blend_facts=read_blend_facts(blend) if blend else None,
        blendfile_on_farm=blendfile_on_farm,
    )
    return SubmittedJob(
        name=request.name,
        type=job_type.name,
        type_etag=job_type.etag,
        priority=request.priority,
        settings=make_settings(job_type, request.given, facts),
        metadata=_metadata(request),
        submitter_platform=this_platform(),
        worker_tag=tag,
        initial_status=JobStatus.PAUSED if request.paused else JobStatus.QUEUED,
    )


def _metadata(request: _Request) -> dict[str, str]:
    import getpass

    known = {"project": request.project.name} if request.project else {}
    with suppress(OSError, KeyError):  # an account without a name, as containers have
        known["user"] = getpass.getuser()
    return known | request.metadata


def _tag_id(client: ManagerClient, wanted: str) -> str:
    tags = client.fetch_worker_tags()
    for tag in tags:
        if wanted in (tag.id, tag.name) and tag.id:
            return tag.id
    names = ", ".join(tag.name for tag in tags) or "there are none"
    raise NotFound(f"the farm has no tag {wanted!r}; its tags: {names}")


def _look_at_missing(plan: PackPlan, allow_missing: bool) -> None:
    problems = missing_file_problems(plan.missing)
    if problems and not allow_missing:
        raise PackingError(
            "files that the project uses are missing, so nothing was sent "
            "(--allow-missing submits without them)",
            problems=problems,
        )
    for problem in problems:
        click.echo(f"flamenco: warning: {problem}", err=True)
    for cache in plan.absent_caches:
        click.echo(
            f"flamenco: warning: {cache.path} is empty or not there; bake it if "
            f"{cache.data_block[2:]} needs it",
            err=True,
        )


@contextmanager
def _progress_shown(quiet: bool) -> Iterator[ProgressCallback]:
    """A progress bar that is told how packing goes."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with progress_bars(*columns, quiet=quiet, transient=True) as shown:
        bars = {stage: shown.add_task(stage.value, visible=False, total=None) for stage in Stage}

        def show(progress: PackProgress) -> None:
            for stage, bar in bars.items():
                shown.update(bar, visible=stage is progress.stage)
            shown.update(
                bars[progress.stage],
                description=f"{progress.stage.value} {progress.file}",
                completed=progress.bytes_done,
                total=progress.bytes_total or None,
            )

        yield show
