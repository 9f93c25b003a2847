"""Options of the commands that list things: what is left out, in which order, and how many.

The Manager does the choosing and the sorting, and refuses what it cannot do with what it can.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, cast

import click

from flamenco_core.errors import one_problem
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

Command = TypeVar("Command", bound=Callable[..., Any])
P = TypeVar("P", bound="Page")


def with_job_filters(command: Command) -> Command:
    """The options of `flamenco jobs`; `query_of` makes parameters of them."""
    return _with(
        command,
        _status(JobStatus, "jobs"),
        click.option("--type", "type", metavar="TYPE", help="Only jobs of this job type."),
        click.option(
            "--metadata",
            "metadata",
            multiple=True,
            metavar="KEY=VALUE",
            help="Only jobs with this in their metadata; can be given several times.",
        ),
        click.option("--submitted-by", metavar="WHO", help="Only theirs, such as person:ana."),
        click.option("--worker-tag", metavar="ID", help="Only jobs for workers with this tag."),
        click.option("--min-priority", type=int, help="Only jobs of this priority or above."),
        click.option("--max-priority", type=int, help="Only jobs of this priority or below."),
        click.option("--created-since", metavar="TIME", help="Only jobs submitted since then."),
        click.option("--created-before", metavar="TIME", help="Only jobs submitted before."),
        click.option("--finished-since", metavar="TIME", help="Only jobs that ended since then."),
        click.option("--finished-before", metavar="TIME", help="Only jobs that ended before."),
        click.option(
            "--archived/--not-archived", default=None, help="Only archived jobs, or only others."
        ),
        *_for_all("jobs"),
    )


def with_task_filters(command: Command) -> Command:
    """The options of `flamenco tasks`."""
    return _with(
        command,
        _status(TaskStatus, "tasks"),
        click.option("--type", "type", metavar="TYPE", help="Only tasks of this type."),
        click.option("--worker", metavar="ID", help="Only tasks that this worker has or had last."),
        *_for_all("tasks"),
    )


def with_worker_filters(command: Command) -> Command:
    """The options of `flamenco workers`."""
    return _with(
        command,
        _status(WorkerStatus, "workers"),
        click.option("--tag", metavar="ID", help="Only workers with this tag."),
        click.option("--task-type", metavar="TYPE", help="Only workers that take such tasks."),
        click.option("--platform", help="Only workers on this platform."),
        *_for_all("workers"),
    )


def query_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a list's operation, from the options that were given.

    Raises:
        InvalidInput: if metadata are not written as KEY=VALUE.
    """
    query = {}
    for name, value in asked.items():
        if value is None or value == ():
            continue
        if name == "metadata":
            query[name] = json.dumps(dict(map(_pair, value)))
        elif name == "status":
            query[name] = ",".join(value)
        else:
            query[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return query


class Page(Protocol):
    """Some items of a list."""

    @property
    def next(self) -> str | None: ...


def pages_of(fetch: Callable[[Mapping[str, str]], P], query: Mapping[str, str]) -> Iterator[P]:
    """The answer to a query or, if it wants so many items, pages until there are that many.

    A page may have fewer than were asked for, where few of very many meet the filters.
    """
    left = int(query.get("limit", 0))
    page = fetch(query)
    yield page
    while page.next is not None:
        left -= _count(page)
        if left <= 0:
            return
        page = fetch({**query, "limit": str(left), "cursor": page.next})
        yield page


def _count(page: object) -> int:
    """How many items are in the one list that a page has."""
    fields = (getattr(page, each.name) for each in dataclasses.fields(cast(Any, page)))
    return next(len(value) for value in fields if isinstance(value, list))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise one_problem("--metadata", f"{text!r} is not KEY=VALUE", "write project=Spring, say")
    return key, value


def _status(
    choices: type[JobStatus] | type[TaskStatus] | type[WorkerStatus], kind: str
) -> Callable[[Command], Command]:
    return click.option(
        "--status",
        "status",
        multiple=True,
        type=click.Choice([status.value for status in choices]),
        help=f"Only {kind} of this status; can be given several times.",
    )


def _for_all(kind: str) -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option("--name", metavar="TEXT", help=f"Only {kind} whose name contains this."),
        click.option(
            "--sort", metavar="ORDER", help="The order, backwards with a minus before it."
        ),
        click.option("--limit", type=click.IntRange(1, 10_000), help="At most so many."),
    )


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
