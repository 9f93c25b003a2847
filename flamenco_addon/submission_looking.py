"""What only disks and the Manager know about a submission: asked on another thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import Problem
from flamenco_core.model.forecast import JobPlan

from .job_planning import PlannedJob
from .preflight.checking import existing_or_missing
from .preflight.facts import FileFacts


@dataclass(frozen=True, slots=True)
class Looked:
    missing: tuple[FileFacts, ...] = ()
    """Files that are used and do not exist."""
    problems: tuple[tuple[Problem, ...], ...] = ()
    """What the Manager refuses of each job; empty if it was not asked."""
    unreachable: str = ""
    """Why the Manager did not answer; empty if it did."""
    plans: tuple[JobPlan, ...] = ()
    """Of a dry run: what would become of each job; empty if the Manager has no forecasts."""
    is_outdated: bool = False
    """Whether a job type has changed since the Manager was asked for it."""


def look(
    planned: Sequence[PlannedJob],
    files: Sequence[FileFacts],
    new_client: Callable[[], ManagerClient] | None,
    *,
    is_dry_run: bool,
) -> Looked:
    """Are the files there, and does the Manager take the jobs? Without a client it is not asked."""
    missing = existing_or_missing(files)
    if new_client is None:
        return Looked(missing)
    problems: list[tuple[Problem, ...]] = []
    plans: list[JobPlan] = []
    is_outdated = False
    try:
        with new_client() as client:
            for each in planned:
                try:
                    plan = _plan(client, each) if is_dry_run else None
                    if plan is None:
                        client.submit_job_check(each.job)
                    else:
                        plans.append(plan)
                    problems.append(())
                except ManagerRefused as error:
                    problems.append(_problems_of(error))
                    is_outdated = is_outdated or error.status == HTTPStatus.PRECONDITION_FAILED
    except ManagerUnreachable as error:
        return Looked(missing, unreachable=str(error))
    return Looked(missing, tuple(problems), plans=tuple(plans), is_outdated=is_outdated)


def _plan(client: ManagerClient, planned: PlannedJob) -> JobPlan | None:
    """None from a Manager of Flamenco 3, which has no such forecasts."""
    try:
        return client.plan_job(planned.job)
    except ManagerRefused as error:
        if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            return None
        raise


def _problems_of(error: ManagerRefused) -> tuple[Problem, ...]:
    """What the Manager said, each fault at its setting where it names one."""
    if error.status == HTTPStatus.PRECONDITION_FAILED:
        what = "the job type has changed on the farm"
        return (Problem("", what, "ask the Manager again, and look at the settings"),)
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return (Problem("", error.message, "log in, in the preferences of this extension"),)
    return error.problems or (Problem("", error.message),)
