"""Tells the Manager's log what happens on the farm, in words an admin can search for."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from flamenco_core.events import Event, JobChanged, TaskChanged, WorkerChanged
from flamenco_core.statuses import TaskStatus

logger = logging.getLogger(__name__)

_FAILURES = (TaskStatus.FAILED, TaskStatus.SOFT_FAILED)


def log_events(events: Iterable[Event]) -> None:
    """Logs jobs and workers that change their status, and tasks that fail."""
    for event in events:
        sentence = sentence_for(event)
        if sentence:
            logger.info("%s", sentence)


def sentence_for(event: Event) -> str:
    """What is said of an event; empty for those that come too often to be read."""
    match event:
        case JobChanged(previous_status=None):
            return f"Job {event.job_id} was submitted, and is {event.status}"
        case JobChanged() if event.status is not event.previous_status:
            return f"Job {event.job_id} was {event.previous_status}, and is {event.status}"
        case WorkerChanged() if event.status is not event.previous_status:
            return f"Worker {event.worker_id} was {event.previous_status}, and is {event.status}"
        case TaskChanged() if event.status in _FAILURES:
            return f"Task {event.task_id} of job {event.job_id} is {event.status}"
    return ""
