"""The Flamenco tab: what the artist's jobs are doing, live, and what can be done about it.

`jobs_board`, `tasks_board`, `time_left`, `job_frames` and `liveness` are values and rules without
Blender. A `Follower` is a thread that reads from a Manager, folds its events into a board and
leaves ready-made results; `live` takes these on the main thread. The rest draws (`panels`,
`lists`) and does (`*_operators`). Whoever submits a job calls `submitted` with its id.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_MODULES = (
    "live",
    "properties",
    "job_items",
    "thumbnails",
    "notices",
    "log_texts",
    "job_operators",
    "task_operators",
    "frame_fetching",
    "frame_operators",
    "lists",
    "panels",
)
"""In the order of registering."""

_registered: list[ModuleType] = []


def submitted(job_id: str) -> None:
    """This Blender has submitted a job: it is followed to its end, and its end is told."""
    from . import live

    live.submitted(job_id)


def register() -> None:
    try:
        for name in _MODULES:
            module = import_module(f".{name}", __name__)
            module.register()
            _registered.append(module)
    except BaseException:
        unregister()
        raise


def unregister() -> None:
    while _registered:
        _registered.pop().unregister()
