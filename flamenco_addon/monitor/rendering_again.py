"""Rendering some of a job's frames once more: the old ones make room, then tasks are queued.

Workers leave frames alone that exist. So they are moved into a folder beside them; where the
storage is not mounted, the job gets an RNA override instead that lets workers write over them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.errors import FlamencoError
from flamenco_core.frames import FrameRange
from flamenco_core.model import Job
from flamenco_core.model.action_requests import TasksActionRequest
from flamenco_core.model.actions import TaskAction

from . import job_frames
from .frames_elsewhere import known_frames
from .job_frames import FramesNotFound, RenderAgain, StorageNotHere

OVERWRITES = "C.scene.render.use_overwrite = True"
_REASON = "Rendered again"


@dataclass(frozen=True, slots=True)
class Again:
    """What is rendered again."""

    plan: RenderAgain
    asked: FrameRange
    job_name: str
    aside: str = ""
    """Where the old frames lie now; empty if there were none, or they are written over."""
    is_written_over: bool = False


def render_again(client: AccountsClient, job: Job, asked: FrameRange, *, overwrites: bool) -> Again:
    """Queues the tasks of frames once more; nothing is changed if that is refused. Blocks.

    With `overwrites`, frames that cannot be moved from here may be written over.

    Raises:
        FramesNotFound: if no task renders them, or the old ones cannot be got out of the way.
        ManagerRefused: if one of the tasks runs.
    """
    tasks = client.fetch_job_tasks(job.id)
    plan = job_frames.plan_rendering_again(((task.id, task.name) for task in tasks), asked)
    if not plan.task_ids:
        raise FramesNotFound(f"No task of “{job.name}” renders {asked} by itself")
    request = TasksActionRequest(
        action=TaskAction.REQUEUE, reason=_REASON, task_ids=[*plan.task_ids]
    )
    foreseen = client.act_on_tasks(replace(request, preview=True))
    running = [item.reason for item in foreseen.items if not item.is_done and item.reason]
    if running:
        raise ManagerRefused(HTTPStatus.CONFLICT, running[0])
    label = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    try:
        aside = job_frames.put_aside(job.settings, asked, label)
    except StorageNotHere as not_here:
        if _is_none_there(client, job, asked):
            client.act_on_tasks(request)
            return Again(plan, asked, job.name)
        if not overwrites:
            raise FramesNotFound(
                f"The old frames in {not_here.path} cannot be moved from here, since the farm's"
                " storage is not mounted on this computer. Mount it, or choose Overwrite Where Not"
                " Mounted"
            ) from None
        _queue_writing_over(client, job, request)
        return Again(plan, asked, job.name, is_written_over=True)
    client.act_on_tasks(request)
    return Again(plan, asked, job.name, str(aside or ""))


def _is_none_there(client: AccountsClient, job: Job, asked: FrameRange) -> bool:
    """Whether the Manager knows for certain that there is nothing to be moved."""
    known = known_frames(client, job.id)
    return known is not None and known.isdisjoint(asked)


def _queue_writing_over(client: AccountsClient, job: Job, request: TasksActionRequest) -> None:
    try:
        before = client.rna_overrides(job.id)
        if OVERWRITES not in before:
            client.set_rna_overrides(job.id, [*before, OVERWRITES])
    except ManagerRefused as error:
        if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            raise FramesNotFound(
                "This Manager cannot have frames written over. Mount the farm's storage on this"
                " computer, so that the old ones can be moved"
            ) from None
        raise
    try:
        client.act_on_tasks(request)
    except FlamencoError:
        client.set_rna_overrides(job.id, before)
        raise
