"""What a Flamenco Server's tasks become here, and what it is told of them.

The server speaks with the statuses of Flamenco 2. Two tables translate them; `on_offer` and
`on_cancel` decide what follows when the server offers a task, or wants one cancelled. The server
may say anything twice, and what it says may be older than what it has not heard from us yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flamenco_core.model import Command
from flamenco_core.statuses import TaskStatus


class UpstreamStatus(StrEnum):
    """A task's status as a Flamenco Server knows it."""

    UNDER_CONSTRUCTION = "under-construction"
    PAUSED = "paused"
    QUEUED = "queued"
    CLAIMED_BY_MANAGER = "claimed-by-manager"
    ACTIVE = "active"
    SOFT_FAILED = "soft-failed"
    CANCEL_REQUESTED = "cancel-requested"
    CANCELED = "canceled"
    FAILED = "failed"
    COMPLETED = "completed"


TOLD_AS: Mapping[TaskStatus, UpstreamStatus] = {
    TaskStatus.QUEUED: UpstreamStatus.CLAIMED_BY_MANAGER,
    TaskStatus.PAUSED: UpstreamStatus.CLAIMED_BY_MANAGER,
    TaskStatus.ACTIVE: UpstreamStatus.ACTIVE,
    TaskStatus.SOFT_FAILED: UpstreamStatus.SOFT_FAILED,
    TaskStatus.FAILED: UpstreamStatus.FAILED,
    TaskStatus.COMPLETED: UpstreamStatus.COMPLETED,
    TaskStatus.CANCELED: UpstreamStatus.CANCELED,
}
"""What the server is told of a task with each of our statuses."""

STORED_AS: Mapping[UpstreamStatus, TaskStatus] = {
    UpstreamStatus.UNDER_CONSTRUCTION: TaskStatus.QUEUED,
    UpstreamStatus.PAUSED: TaskStatus.QUEUED,
    UpstreamStatus.QUEUED: TaskStatus.QUEUED,
    UpstreamStatus.CLAIMED_BY_MANAGER: TaskStatus.QUEUED,
    UpstreamStatus.ACTIVE: TaskStatus.QUEUED,
    UpstreamStatus.SOFT_FAILED: TaskStatus.QUEUED,
    UpstreamStatus.CANCEL_REQUESTED: TaskStatus.CANCELED,
    UpstreamStatus.CANCELED: TaskStatus.CANCELED,
    UpstreamStatus.FAILED: TaskStatus.FAILED,
    UpstreamStatus.COMPLETED: TaskStatus.COMPLETED,
}
"""With which status a task begins that is not known here. One that the server takes for running
runs nowhere: this Manager has lost it."""

FINAL_STATUSES = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTask:
    """A task as the server describes it, with the commands of our workers."""

    id: str
    job_id: str
    etag: str
    name: str
    status: UpstreamStatus
    priority: int
    job_priority: int
    job_type: str
    task_type: str
    """What our workers call it."""
    commands: tuple[Command, ...]
    parents: tuple[str, ...] = ()
    project: str = ""
    user: str = ""
    rna_overrides: tuple[str, ...] = ()
    """Lines of Python that this task was to leave for the job's renders."""
    problem: str = ""
    """Why no worker could carry it out; empty if one can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTask:
    """What is known here of a task that the server speaks of."""

    status: TaskStatus
    etag: str
    """The version of it that was taken in last."""
    has_news: bool
    """Whether the server spoke before it had heard all that we have to say of the task."""
    is_put_away: bool
    """Whether its job is archived, or being deleted."""


class Response(StrEnum):
    """What follows from what the server says of a task."""

    STORE = "store"
    """Add it: it is not known here."""
    TELL_CANCELED = "tell-canceled"
    """It will never run here; the server is told that it is cancelled."""
    TELL_STATUS = "tell-status"
    """The server does not know its status; tell it."""
    CANCEL = "cancel"
    REQUEUE = "requeue"
    UPDATE = "update"
    """Take over its priority; it goes on here as it was."""
    IGNORE = "ignore"


def on_offer(offered: OfferedTask, known: KnownTask | None) -> Response:
    """What follows when a task is among those that were downloaded."""
    if known is None:
        is_to_end = offered.status is UpstreamStatus.CANCEL_REQUESTED
        return Response.TELL_CANCELED if is_to_end else Response.STORE
    if offered.etag and offered.etag == known.etag:
        return Response.IGNORE
    if offered.status is UpstreamStatus.CANCEL_REQUESTED:
        return on_cancel(known)
    if STORED_AS[offered.status] is not TaskStatus.QUEUED:
        return Response.IGNORE
    if known.is_put_away:
        return Response.TELL_CANCELED
    if known.status not in FINAL_STATUSES:
        return Response.UPDATE
    # `queued` is said only after somebody queued it again; anything else may be from before the
    # server heard that it is done.
    if offered.status is UpstreamStatus.QUEUED or not known.has_news:
        return Response.REQUEUE
    return Response.IGNORE


def on_cancel(known: KnownTask | None) -> Response:
    """What follows when a task is among those that the server wants cancelled."""
    if known is None or known.is_put_away:
        return Response.TELL_CANCELED
    if known.status not in FINAL_STATUSES:
        return Response.CANCEL
    return Response.IGNORE if known.has_news else Response.TELL_STATUS


FIRST_REFUSAL_MINUTES = 1
LONGEST_REFUSAL_MINUTES = 60
MOST_REFUSALS = 100


def minutes_after_refusal(refusals: int) -> int | None:
    """When an update that the server answered but did not accept is sent again.

    None if it never is: after some four days the server will not change its mind.
    """
    if refusals >= MOST_REFUSALS:
        return None
    doublings = min(refusals - 1, 10)
    return int(min(FIRST_REFUSAL_MINUTES * 2**doublings, LONGEST_REFUSAL_MINUTES))
