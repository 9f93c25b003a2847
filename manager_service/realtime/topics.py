"""What can be followed, as names: a client says which topics it wants to hear of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flamenco_core.errors import InvalidInput, Problem

FARM = "farm"
"""The status of the farm as a whole, and that the Manager starts or stops."""
JOBS = "jobs"
"""All jobs."""
TASKS = "tasks"
"""The tasks of all jobs."""
WORKERS = "workers"
"""All workers."""
TAGS = "tags"
"""The worker tags."""
LAST_RENDERED = "last-rendered"
"""What any job rendered last."""
ACCOUNTS = "accounts"
"""That the accounts of people, or tokens, changed; not how."""

WHOLE_FARM = frozenset({FARM, JOBS, TASKS, WORKERS, TAGS, LAST_RENDERED})
"""What the farm does: everything but the logs of tasks, and who has accounts."""

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_ONE = re.compile(
    rf"jobs/{_UUID}(?:/tasks|/last-rendered)?|tasks/{_UUID}/log|workers/{_UUID}", re.IGNORECASE
)
FORMS = (
    *sorted(WHOLE_FARM | {ACCOUNTS}),
    *("jobs/ID", "jobs/ID/tasks", "jobs/ID/last-rendered", "tasks/ID/log", "workers/ID"),
)
"""How topics are spelled, for people."""


def of_job(job_id: str) -> str:
    return f"jobs/{job_id}"


def tasks_of_job(job_id: str) -> str:
    return f"jobs/{job_id}/tasks"


def last_rendered_of_job(job_id: str) -> str:
    return f"jobs/{job_id}/last-rendered"


def log_of_task(task_id: str) -> str:
    return f"tasks/{task_id}/log"


def of_worker(worker_id: str) -> str:
    return f"workers/{worker_id}"


def read_topics(names: Iterable[str]) -> frozenset[str]:
    """The topics with these names; raises `InvalidInput` with every name that is none."""
    given = [name.strip() for name in names]
    problems = [
        Problem(f"topics[{index}]", f"{name!r} is no topic", f"topics are {', '.join(FORMS)}")
        for index, name in enumerate(given)
        if name not in WHOLE_FARM | {ACCOUNTS} and not _OF_ONE.fullmatch(name)
    ]
    if problems:
        raise InvalidInput("These topics cannot be followed", problems=problems)
    return frozenset(name.lower() for name in given)
