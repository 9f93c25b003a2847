"""What can be wrong with a submission whatever its job type is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flamenco_core import failure_share
from flamenco_core.device_wishes import DEVICE_KEY, device_of_job
from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.failure_share import FAILED_TASKS_KEY
from flamenco_core.job_types.setting import nearest_name
from flamenco_core.model import Platform, SubmittedJob
from flamenco_core.time_limits import METADATA_PREFIX, limits_of_job, parse_limits
from flamenco_core.warm_rendering import warm_by_metadata

MANAGER_PLATFORM = "manager"
"""For "the same as the Manager's"."""


def general_problems(submitted: SubmittedJob) -> Iterator[Problem]:
    if not submitted.name.strip():
        yield Problem("name", "is empty", "give the job a name")
    known = (*Platform, MANAGER_PLATFORM)
    if submitted.submitter_platform not in known:
        what = f"the platform {submitted.submitter_platform!r} is not known"
        hint = nearest_name(submitted.submitter_platform, known)
        yield Problem("submitter_platform", what, hint)
    for check in _METADATA_CHECKS:
        try:
            check(submitted.metadata)
        except InvalidInput as error:
            yield from error.problems
    try:
        device_of_job(submitted.metadata)
    except ValueError as error:
        yield Problem(f"metadata.{DEVICE_KEY}", str(error))


def _check_time_limits(metadata: Mapping[str, Any]) -> None:
    where = METADATA_PREFIX.removesuffix(".")
    others = [FAILED_TASKS_KEY.removeprefix(METADATA_PREFIX)]
    parse_limits(limits_of_job(metadata), where=f"metadata.{where}", besides=others)


_METADATA_CHECKS: tuple[Callable[[Mapping[str, Any]], object], ...] = (
    _check_time_limits,
    failure_share.check_metadata,
    warm_by_metadata,
)
