"""Takes in what a Flamenco Server says of its tasks: new ones, changed ones, cancelled ones."""

from __future__ import annotations

import contextlib
import graphlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.manager import task_changes, transitions, upstream_news
from flamenco_core.manager.submission import Step
from flamenco_core.manager.unit import Unit
from flamenco_core.rules import upstream as rules
from flamenco_core.rules.upstream import KnownTask, OfferedTask, Response, UpstreamStatus
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import jobs, tasks, upstream
from flamenco_core.store.jobs import JobUnderConstruction, StoredJob
from flamenco_core.store.upstream import LinkedTask

_FINISHED = frozenset({JobStatus.COMPLETED, JobStatus.CANCELED, JobStatus.FAILED})
_PAUSED = frozenset({JobStatus.PAUSED, JobStatus.PAUSE_REQUESTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedJob:
    """New tasks of one job of the server, in the order in which it made them."""

    id: str
    tasks: tuple[OfferedTask, ...]

    def missing_parents(self) -> set[str]:
        """What its tasks wait for and is not among them."""
        waited_for = {parent for task in self.tasks for parent in task.parents}
        return waited_for - {task.id for task in self.tasks}


def take_offers(
    unit: Unit, offered: Iterable[OfferedTask], told_meanwhile: frozenset[str]
) -> list[str]:
    """Follows what was said of tasks that are known here; returns the ids of the others.

    `told_meanwhile` names the tasks of which the server heard while it was being asked, so that
    it may have answered before.
    """
    unknown: list[str] = []
    for task in offered:
        linked = upstream.linked(unit.db, task.id)
        known = None if linked is None else _known(unit, linked, told_meanwhile)
        response = rules.on_offer(task, known)
        if response is Response.STORE:
            unknown.append(task.id)
            continue
        if linked is not None:
            _take_along(unit, linked, task)
        _respond(unit, task.id, linked, response, "Asked for by the server")
    return unknown


def cancel(unit: Unit, upstream_ids: Iterable[str]) -> None:
    """Cancels tasks that the server wants cancelled, as often as it says so."""
    for upstream_id in upstream_ids:
        linked = upstream.linked(unit.db, upstream_id)
        known = None if linked is None else _known(unit, linked, frozenset())
        response = rules.on_cancel(known)
        _respond(unit, upstream_id, linked, response, "The server asked to cancel it")


def compiled(
    job: OfferedJob, *, platform: str, now: datetime, new_id: Callable[[], str]
) -> CompiledJob:
    """A job of the server that is not known here, as if a job type had made its tasks."""
    first = job.tasks[0]
    positions = {task.id: position for position, task in enumerate(job.tasks)}
    metadata = {"upstream_job": job.id, "project": first.project, "user": first.user}
    return CompiledJob(
        id=new_id(),
        # The server does not tell the name of a job.
        name=f"{first.job_type} {job.id[-6:]}",
        type=first.job_type,
        priority=first.job_priority,
        status=JobStatus.QUEUED,
        settings={},
        metadata={key: value for key, value in metadata.items() if value},
        submitter_platform=platform,
        created=now,
        tasks=[_compiled_task(task, positions, new_id) for task in job.tasks],
        rna_overrides=[line for task in job.tasks for line in task.rna_overrides],
    )


def link_steps(job: OfferedJob, stored: CompiledJob, *, piece_size: int) -> list[Step]:
    """What storing the job does besides, while nobody can get a task of it."""

    def link(unit: Unit, start: int) -> None:
        if not start:
            upstream.link_job(unit.db, stored.id, job.id)
        _link(unit, job.tasks, stored.tasks, slice(start, start + piece_size))

    def step(start: int) -> Step:
        return lambda unit: link(unit, start)

    return [step(start) for start in range(0, len(job.tasks), piece_size)]


def home_of(unit: Unit, job: OfferedJob) -> StoredJob | None:
    """The job here that new tasks of a job of the server are to be added to.

    None if they are a job of their own: none is known, or what is known is over and has nothing
    to do with these, as when the server has made all tasks anew.
    """
    job_id = upstream.newest_job(unit.db, job.id)
    if job_id is None:
        return None
    found = jobs.by_id(unit.db, job_id)
    if found.status not in _FINISHED:
        return found
    linked = (upstream.linked(unit.db, parent) for parent in job.missing_parents())
    is_tied = any(task is not None and task.job_id == job_id for task in linked)
    return found if is_tied else None


def pieces(job: OfferedJob, size: int) -> list[OfferedJob]:
    """The tasks in groups of `size`, each task in or behind the group of its parents."""
    by_id = {task.id: task for task in job.tasks}
    parents = {task.id: [one for one in task.parents if one in by_id] for task in job.tasks}
    with contextlib.suppress(graphlib.CycleError):
        by_id = {one: by_id[one] for one in graphlib.TopologicalSorter(parents).static_order()}
    ordered = tuple(by_id.values())
    return [
        OfferedJob(id=job.id, tasks=ordered[start : start + size])
        for start in range(0, len(ordered), size)
    ]


def append(unit: Unit, home: StoredJob, job: OfferedJob) -> None:
    """Adds tasks to a stored job. All that they wait for is there already, or among them."""
    before = upstream.last_index(unit.db, home.id)
    positions = {task.id: before + place for place, task in enumerate(job.tasks)}
    for parent in job.missing_parents():
        linked = upstream.linked(unit.db, parent)
        is_open = linked is not None and linked.status is not TaskStatus.COMPLETED
        if linked is not None and is_open and linked.job_id == home.id:
            positions[parent] = linked.index_in_job - 1
    added = [_compiled_task(task, positions, unit.new_id) for task in job.tasks]
    is_paused = home.status in _PAUSED
    padded = CompiledJob(
        id=home.uuid,
        name=home.name,
        type=home.type,
        priority=home.priority,
        status=JobStatus.PAUSED if is_paused else JobStatus.QUEUED,
        settings={},
        metadata={},
        submitter_platform=unit.config.platform,
        created=unit.now,
        # Positions count from the job's first task; those before the new ones are not looked at.
        tasks=[added[0]] * before + added,
    )
    construction = JobUnderConstruction(home.id, upstream.tag_of(unit.db, home.id), {})
    jobs.add_tasks(unit.db, padded, construction, range(before, before + len(added)))
    for group in list(construction.groups):
        jobs.add_dependencies(unit.db, construction, group, group)
    upstream.add_steps(unit.db, home.id, sum(task.steps_total for task in added))
    _link(unit, job.tasks, added, slice(None))
    unit.announce_ready(jobs.open_or_close(unit.db, home.id, home.status))
    if home.status in _FINISHED:
        home = jobs.by_id(unit.db, home.id)
        reason = "the server has more tasks"
        transitions.change_job(unit, home, JobStatus.QUEUED, reason=reason)
    transitions.follow_job(unit, home.id)
    unit.audit("job.append", home.uuid, tasks=len(added))


def handled(unit: Unit, accepted: Sequence[str], sent: Sequence[str]) -> list[str]:
    """Forgets the updates that the server has, and puts off the others that were sent.

    Returns the ids of the tasks that it heard of.
    """
    told = [upstream.handled(unit.db, update_id) for update_id in accepted]
    given_up = 0
    for update_id in sorted(set(sent) - set(accepted)):
        refusals = upstream.refused(unit.db, update_id)
        if not refusals:
            continue
        minutes = rules.minutes_after_refusal(refusals)
        if minutes is None:
            upstream.drop(unit.db, update_id)
            given_up += 1
        else:
            upstream.send_later(unit.db, update_id, unit.now + timedelta(minutes=minutes))
    if given_up:
        unit.audit("upstream.give-up", "", updates=given_up)
    return [task for task in told if task is not None]


def tell_statuses(unit: Unit, *, after: int, limit: int) -> int | None:
    """Tells the server of some tasks that changed while nobody told it; then of all others.

    Returns the key of the last one, and None at the end.
    """
    found = upstream.next_linked(unit.db, after=after, limit=limit)
    for task_id, upstream_id in found:
        if not upstream.has_news(unit.db, upstream_id):
            task = tasks.by_id(unit.db, task_id)
            upstream_news.note_status(unit, task, task.status, task.activity)
    if found:
        return found[-1][0]
    upstream.set_on(unit.db, True)
    return None


def _known(unit: Unit, linked: LinkedTask, told_meanwhile: frozenset[str]) -> KnownTask:
    is_told = linked.upstream_id in told_meanwhile
    return KnownTask(
        status=linked.status,
        etag=linked.etag,
        has_news=is_told or upstream.has_news(unit.db, linked.upstream_id),
        is_put_away=linked.is_put_away,
    )


def _take_along(unit: Unit, linked: LinkedTask, task: OfferedTask) -> None:
    """What holds however the task goes on."""
    if linked.is_put_away:
        return
    upstream.set_etag(unit.db, linked.task_id, task.etag)
    if task.priority != linked.priority:
        upstream.set_task_priority(unit.db, linked.task_id, task.priority)
    job = jobs.by_id(unit.db, linked.job_id)
    if task.job_priority != job.priority:
        jobs.set_priority(unit.db, job, task.job_priority, now=unit.now)


def _respond(
    unit: Unit, upstream_id: str, linked: LinkedTask | None, response: Response, reason: str
) -> None:
    if response is Response.TELL_CANCELED and not upstream.has_news(unit.db, upstream_id):
        text = "The Manager does not have this task any more"
        upstream_news.add(unit, upstream_id, UpstreamStatus.CANCELED, activity=text)
    if linked is None:
        return
    task = tasks.by_id(unit.db, linked.task_id)
    if response is Response.TELL_STATUS:
        upstream_news.note_status(unit, task, task.status, task.activity)
    elif response is Response.CANCEL:
        transitions.add_log_line(unit, task, reason)
        transitions.change_task(unit, task, TaskStatus.CANCELED, activity=reason)
        unit.audit("task.status", task.uuid, status=TaskStatus.CANCELED.value, reason=reason)
    elif response is Response.REQUEUE:
        # What it did before is no news any more.
        upstream.drop_updates_of(unit.db, upstream_id)
        transitions.requeue_task(unit, task, reason=reason, with_dependants=False)
        unit.audit("task.status", task.uuid, status=TaskStatus.QUEUED.value, reason=reason)


def _compiled_task(
    task: OfferedTask, positions: Mapping[str, int], new_id: Callable[[], str]
) -> CompiledTask:
    parents = {positions[parent] for parent in task.parents if parent in positions}
    return CompiledTask(
        id=new_id(),
        name=task.name,
        type=task.task_type,
        priority=task.priority,
        commands=list(task.commands),
        depends_on=sorted(parents),
        steps_total=sum(command.total_step_count for command in task.commands) or 1,
    )


def _link(
    unit: Unit, offered: Sequence[OfferedTask], stored: Sequence[CompiledTask], part: slice
) -> None:
    pairs = list(zip(offered[part], stored[part], strict=True))
    upstream.link_tasks(unit.db, ((ours.id, theirs.id, theirs.etag) for theirs, ours in pairs))
    for theirs, ours in pairs:
        status = TaskStatus.FAILED if theirs.problem else rules.STORED_AS[theirs.status]
        if status is TaskStatus.QUEUED:
            if theirs.status is not UpstreamStatus.QUEUED:
                _tell_claimed(unit, theirs)
            continue
        task = tasks.by_uuid(unit.db, ours.id)
        task_changes.change_alone(
            unit, task, status, activity=theirs.problem or "So it is on the server", is_bulk=True
        )
        if not theirs.problem:
            upstream.drop_updates_of(unit.db, theirs.id)


def _tell_claimed(unit: Unit, task: OfferedTask) -> None:
    """The server takes it for one that is under way; here it begins."""
    if task.status is UpstreamStatus.ACTIVE:
        text = "The Manager has it in its queue"
        upstream_news.add(unit, task.id, UpstreamStatus.CLAIMED_BY_MANAGER, activity=text)
