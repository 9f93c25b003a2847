"""What follows when a Flamenco Server offers a task, or wants one cancelled."""

from __future__ import annotations

import pytest

from flamenco_core.model import Command
from flamenco_core.rules.upstream import (
    MOST_REFUSALS,
    STORED_AS,
    TOLD_AS,
    KnownTask,
    OfferedTask,
    Response,
    UpstreamStatus,
    minutes_after_refusal,
    on_cancel,
    on_offer,
)
from flamenco_core.statuses import TaskStatus


def offered(status: UpstreamStatus, etag: str = "new") -> OfferedTask:
    return OfferedTask(
        id="a" * 24,
        job_id="b" * 24,
        etag=etag,
        name="render",
        status=status,
        priority=50,
        job_priority=50,
        job_type="blender-render",
        task_type="blender",
        commands=(Command(name="echo", parameters={"message": ""}, total_step_count=1),),
    )


def known(
    status: TaskStatus, *, etag: str = "old", has_news: bool = False, is_put_away: bool = False
) -> KnownTask:
    return KnownTask(status=status, etag=etag, has_news=has_news, is_put_away=is_put_away)


def test_every_status_has_a_translation() -> None:
    assert set(TOLD_AS) == set(TaskStatus)
    assert set(STORED_AS) == set(UpstreamStatus)


DONE, WAITS, RUNS = TaskStatus.COMPLETED, TaskStatus.QUEUED, TaskStatus.ACTIVE
QUEUED, CLAIMED = UpstreamStatus.QUEUED, UpstreamStatus.CLAIMED_BY_MANAGER


@pytest.mark.parametrize(
    ("status", "task", "response"),
    [
        (QUEUED, None, Response.STORE),
        (UpstreamStatus.ACTIVE, None, Response.STORE),
        (UpstreamStatus.CANCEL_REQUESTED, None, Response.TELL_CANCELED),
        (QUEUED, known(WAITS, etag="new"), Response.IGNORE),
        (QUEUED, known(DONE, etag="new"), Response.IGNORE),
        (QUEUED, known(WAITS), Response.UPDATE),
        (QUEUED, known(RUNS), Response.UPDATE),
        (CLAIMED, known(TaskStatus.SOFT_FAILED), Response.UPDATE),
        (QUEUED, known(DONE), Response.REQUEUE),
        (QUEUED, known(DONE, has_news=True), Response.REQUEUE),
        (CLAIMED, known(TaskStatus.FAILED), Response.REQUEUE),
        (CLAIMED, known(TaskStatus.FAILED, has_news=True), Response.IGNORE),
        (QUEUED, known(DONE, is_put_away=True), Response.TELL_CANCELED),
        (UpstreamStatus.CANCEL_REQUESTED, known(RUNS), Response.CANCEL),
        (UpstreamStatus.CANCEL_REQUESTED, known(DONE), Response.TELL_STATUS),
        (UpstreamStatus.COMPLETED, known(RUNS), Response.IGNORE),
    ],
)
def test_what_an_offered_task_leads_to(
    status: UpstreamStatus, task: KnownTask | None, response: Response
) -> None:
    assert on_offer(offered(status), task) is response


def test_a_task_without_a_version_is_never_taken_for_one_that_was_seen() -> None:
    assert on_offer(offered(QUEUED, etag=""), known(DONE, etag="")) is Response.REQUEUE


@pytest.mark.parametrize(
    ("task", "response"),
    [
        (None, Response.TELL_CANCELED),
        (known(WAITS), Response.CANCEL),
        (known(RUNS), Response.CANCEL),
        (known(TaskStatus.PAUSED), Response.CANCEL),
        (known(DONE), Response.TELL_STATUS),
        (known(TaskStatus.CANCELED, has_news=True), Response.IGNORE),
        (known(WAITS, is_put_away=True), Response.TELL_CANCELED),
    ],
)
def test_what_a_wish_to_cancel_leads_to(task: KnownTask | None, response: Response) -> None:
    assert on_cancel(task) is response


def test_refused_updates_are_sent_again_ever_more_rarely_and_in_the_end_not_at_all() -> None:
    minutes = [minutes_after_refusal(refusals) for refusals in range(1, MOST_REFUSALS)]
    assert minutes[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert minutes[-1] == 60
    assert minutes_after_refusal(MOST_REFUSALS) is None
