"""At which share of tasks that have failed for good a job fails as a whole.

The farm has a share for all jobs, a job type can have another one, and a job its own: in its
metadata, as `limits.failed_tasks` with `25%`. What is said of fewer jobs counts more. It is the
Manager that looks at it; workers never hear of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flamenco_core.errors import one_problem

FAILED_TASKS_KEY = "limits.failed_tasks"
"""Of a job's metadata."""
LOWEST, HIGHEST = 1, 100
"""In percent."""

_WRITTEN = re.compile(r"\s*([0-9]{1,3})\s*%?\s*")


class ShareSource(StrEnum):
    """Who has said so."""

    FARM = "farm"
    """The configuration, for all jobs."""
    JOB_TYPE = "job-type"
    """The configuration, for jobs of this type."""
    JOB = "job"
    """Whoever submitted the job."""


@dataclass(frozen=True, slots=True)
class FailureShare:
    """The share that counts for one job."""

    percentage: int
    source: ShareSource

    def is_reached(self, failed: int, total: int) -> bool:
        return failed * 100 >= self.percentage * total


def failure_share(
    job_type: str, said_by_job: str | None, *, of_farm: int, of_types: Mapping[str, int]
) -> FailureShare:
    """Which share counts for a job; `said_by_job` is what its metadata has for the key.

    What cannot be read there, as in a job that was stored without being looked at, says nothing.
    """
    match = _WRITTEN.fullmatch(said_by_job or "")
    if match is not None and LOWEST <= int(match[1]) <= HIGHEST:
        return FailureShare(int(match[1]), ShareSource.JOB)
    if job_type in of_types:
        return FailureShare(of_types[job_type], ShareSource.JOB_TYPE)
    return FailureShare(of_farm, ShareSource.FARM)


def check_metadata(metadata: Mapping[str, object]) -> None:
    """Raises `InvalidInput` if a job says something of it that is no share."""
    said = metadata.get(FAILED_TASKS_KEY)
    if said is None:
        return
    match = _WRITTEN.fullmatch(said) if isinstance(said, str) else None
    if match is None or not LOWEST <= int(match[1]) <= HIGHEST:
        raise one_problem(
            f"metadata.{FAILED_TASKS_KEY}",
            f"{said!r} is no share of the tasks",
            f"write a whole number of percent from {LOWEST} to {HIGHEST}, such as 25%",
        )
