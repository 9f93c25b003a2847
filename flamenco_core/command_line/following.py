"""The command that shows what happens: events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import click

from flamenco_core import wire
from flamenco_core.client import FarmEvent, ManagerClient, ReadAgain
from flamenco_core.command_line.manager_option import with_json, with_manager
from flamenco_core.command_line.output import progress_text
from flamenco_core.model import (
    EventAccountsUpdate,
    EventJobUpdate,
    EventLastRenderedUpdate,
    EventLifeCycle,
    EventTaskLogUpdate,
    EventTasksUpdate,
    EventTaskUpdate,
    EventWorkerTagUpdate,
    EventWorkerUpdate,
    FarmStatusReport,
)

DEFAULT_TOPICS = ("farm", "jobs", "workers")


@click.command()
@with_manager
@with_json
@click.argument("topics", metavar="[TOPIC]...", nargs=-1)
def events(manager_url: str, as_json: bool, topics: Sequence[str]) -> None:
    """Show what happens on the farm, while it happens, until Ctrl+C.

    TOPIC is farm, jobs, tasks, workers, tags, last-rendered, jobs/ID, jobs/ID/tasks, workers/ID or
    tasks/ID/log; without any it is farm, jobs and workers. With --json each line is one event.
    """
    with ManagerClient(manager_url) as client, client.follow(*(topics or DEFAULT_TOPICS)) as stream:
        for event in stream:
            if as_json:
                click.echo(_json_line(event))
            elif isinstance(event, ReadAgain):
                click.echo(f"Something about {', '.join(event.topics)} was missed", err=True)
            else:
                click.echo(f"{datetime.now():%H:%M:%S}  {sentence_for(event)}")  # noqa: DTZ005


def sentence_for(event: FarmEvent) -> str:
    """An event in words."""
    match event.data:
        case EventJobUpdate() as job if job.was_deleted:
            return f"job {job.name} is gone"
        case EventJobUpdate() as job:
            steps = progress_text(job.steps_completed, job.steps_total)
            return f"job {job.name} {_status(job)} {steps}".rstrip()
        case EventTaskUpdate() as task:
            worker = f" on {task.worker.name}" if task.worker and task.worker.name else ""
            return f"task {task.name} {_status(task)}{worker}: {task.activity}".rstrip(": ")
        case EventTasksUpdate(changed=changed):
            counts = ", ".join(f"{count} {status}" for status, count in changed.items())
            return f"tasks of job {event.data.job_id}: {counts}"
        case EventTaskLogUpdate(log=log):
            return log.rstrip("\n")
        case EventWorkerUpdate() as worker:
            return _of_worker(worker)
        case EventWorkerTagUpdate() as update:
            return f"tag {update.tag.name} {'is gone' if update.was_deleted else 'was changed'}"
        case FarmStatusReport(status=status):
            return f"the farm is {status}"
        case EventLifeCycle(type=kind):
            return kind.value
        case EventLastRenderedUpdate(job_id=job_id):
            return f"job {job_id} has rendered an image"
        case EventAccountsUpdate() as update:
            return f"{_accounts(update)} changed"
    return f"{event.type}: {json.dumps(event.data)}"


def _of_worker(worker: EventWorkerUpdate) -> str:
    if worker.deleted_at is not None:
        return f"worker {worker.name} is gone"
    asked = f", asked to be {worker.status_change.status}" if worker.status_change else ""
    return f"worker {worker.name} {_status(worker)}{asked}"


def _accounts(update: EventAccountsUpdate) -> str:
    changed = {"accounts": update.users, "tokens": update.tokens}
    return " and ".join(what for what, has_changed in changed.items() if has_changed)


def _status(thing: EventJobUpdate | EventTaskUpdate | EventWorkerUpdate) -> str:
    was = f" (was {thing.previous_status})" if thing.previous_status else ""
    return f"is {thing.status}{was}"


def _json_line(event: FarmEvent | ReadAgain) -> str:
    if isinstance(event, ReadAgain):
        content: object = {"type": "reread", "topics": event.topics}
    else:
        content = {"id": event.id, "type": event.type, "topics": event.topics, "data": event.data}
    return json.dumps(wire.to_json(content), ensure_ascii=False)
