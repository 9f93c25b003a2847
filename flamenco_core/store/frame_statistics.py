"""What each frame of a job took, for a plot of it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from flamenco_core.store import attempt_list
from flamenco_core.store.listing import ListRequest

ATTEMPTS_AT_ONCE = 100
"""Each may have as many frames."""

_FRAME = re.compile(
    r"([0-9]{1,9})\.(?!avi|mkv|mov|mp4|mpe?g|ogv|webm)[a-z][a-z0-9]*$", re.IGNORECASE
)
"""A number right before the extension, unless that is of a video, named after several frames."""


def page(
    db: sqlite3.Connection, job_uuid: str, cursor: str = ""
) -> tuple[list[dict[str, Any]], str | None]:
    """The frames of some completed attempts in the order of these, and the cursor for more.

    Which frames an attempt rendered is told by the ends of the names of its files; of attempts
    with more than a hundred files, only those of the first hundred are known.

    Raises:
        NotFound: if nothing is known of such a job.
    """
    request = ListRequest(
        listing="attempts",
        subject=job_uuid,
        filters={"outcome": "completed"},
        cursor=cursor,
        limit=ATTEMPTS_AT_ONCE,
    )
    found = attempt_list.page(db, request)
    return [frame for item in found.items for frame in _frames(json.loads(item))], found.next


def _frames(attempt: dict[str, Any]) -> Iterator[dict[str, Any]]:
    count = attempt.get("output_count") or 0
    for file in attempt.get("output_files") or ():
        number = _FRAME.search(file)
        if number is None:
            continue
        frame = {
            "frame": int(number[1]),
            **{name: attempt[name] for name in ("task_id", "attempt", "worker_id")},
            "seconds": _part(attempt.get("run_seconds"), count),
            "render_seconds": _part(attempt.get("render_seconds"), count),
            "peak_memory": attempt.get("peak_memory"),
        }
        yield {name: value for name, value in frame.items() if value is not None}


def _part(seconds: float | None, count: int) -> float | None:
    return None if seconds is None else round(seconds / max(count, 1), 6)
