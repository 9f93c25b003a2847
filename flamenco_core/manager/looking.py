"""The part of `Manager` with which a script looks at the farm."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from flamenco_core import model, wire
from flamenco_core.errors import InvalidInput, Problem, one_problem
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.model.statistics import Attempt, JobStatistics
from flamenco_core.store import lists
from flamenco_core.store.listing import ListRequest

T = TypeVar("T")


class Looking(OpenFarm):
    """Jobs, tasks and workers as they are now.

    `filters` and `sort` are those of the list over HTTP, such as `{"status": "active,queued"}`
    and `"priority"`; docs/lists.md names them. What does not fit raises `InvalidInput`.
    """

    def jobs(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        sort: str = "",
        limit: int | None = None,
    ) -> list[model.Job]:
        """The jobs that the filters let through, the newest first if nothing else is said."""
        request = ListRequest(listing="jobs", filters=dict(filters or {}), sort=sort)
        return self._listed(request, model.Job, limit)

    def tasks(self, job_id: str) -> list[model.TaskSummary]:
        """The tasks of a job, in their order."""
        return self._listed(ListRequest(listing="tasks", subject=job_id), model.TaskSummary)

    def task(self, task_id: str) -> model.Task:
        """A task, with what it runs and who failed at it."""
        return wire.from_json(self._reader.task(task_id), model.Task)

    def task_log(self, task_id: str) -> str:
        """The log of all attempts at a task."""
        return self._reader.task_log(task_id)

    def workers(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        sort: str = "",
        limit: int | None = None,
    ) -> list[model.WorkerSummary]:
        """The workers of the farm that the filters let through."""
        request = ListRequest(listing="workers", filters=dict(filters or {}), sort=sort)
        return self._listed(request, model.WorkerSummary, limit)

    def worker(self, worker_id: str) -> model.Worker:
        """A worker, with its tags and the task it has, or had last."""
        return wire.from_json(self._reader.worker(worker_id), model.Worker)

    def tags(self) -> list[model.WorkerTag]:
        """All worker tags."""
        return self._listed(ListRequest(listing="tags"), model.WorkerTag)

    def attempts(self, job_id: str) -> list[Attempt]:
        """What each attempt at a job's tasks took and made, also after the job was deleted."""
        return self._listed(ListRequest(listing="attempts", subject=job_id), Attempt)

    def job_statistics(self, job_id: str) -> JobStatistics:
        """What a job's attempts took together, also after the job was deleted."""
        return wire.from_json(self._reader.job_statistics(job_id), JobStatistics)

    def _listed(self, request: ListRequest, kind: type[T], limit: int | None = None) -> list[T]:
        _refuse_unknown_filters(request)
        if limit is not None and limit < 0:
            raise one_problem("limit", f"cannot be {limit}", "leave it out for all")
        with self._reader.at_one_moment():
            items = itertools.islice(lists.items(self._db, request), limit)
            return [wire.from_json(json.loads(item), kind) for item in items]


def _refuse_unknown_filters(request: ListRequest) -> None:
    known = [each.name for each in lists.LISTINGS[request.listing].filters]
    problems = [
        Problem(f"filters.{name}", f"{request.listing} cannot be filtered so", _hint(name, known))
        for name in request.filters
        if name not in known
    ]
    if problems:
        raise InvalidInput("These filters cannot be used", problems=problems)


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
