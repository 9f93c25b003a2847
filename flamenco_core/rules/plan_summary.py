"""A plan in a sentence: who could take a job, who begins, how long that may take."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"))
_SHORT = 10.0
"""Seconds below which nobody wants to know how many."""


def plan_summary(
    *,
    able_workers: int,
    awake_workers: int,
    free_workers: int,
    tasks_waiting: int,
    hand_outs: int,
    missing_task_types: Sequence[str],
    first_task_seconds: float | None,
    all_tasks_seconds: float | None,
) -> str:
    """`12 workers could take this, 9 of them are awake and 4 are free …`"""
    if not tasks_waiting:
        return "No task of this job is waiting."
    sentences = [_workers(able_workers, awake_workers, free_workers)]
    if missing_task_types:
        types = ", ".join(missing_task_types)
        sentences.append(f"No worker takes its tasks of type {types}, so that it could not end.")
    elif awake_workers:
        sentences.append(_beginning(hand_outs, free_workers, first_task_seconds))
        if all_tasks_seconds is not None:
            sentences.append(f"All of it takes {roughly(all_tasks_seconds)} if nothing else runs.")
    return " ".join(sentences)


def roughly(seconds: float) -> str:
    """How people say how long something takes: `a few seconds`, `about 5 minutes`."""
    if seconds < _SHORT:
        return "a few seconds"
    for length, unit in _UNITS:
        count = round(seconds / length)
        if seconds >= 0.75 * length:
            article = "an" if unit == "hour" else "a"
            return f"about {article} {unit}" if count <= 1 else f"about {count} {unit}s"
    return f"about {round(seconds, -1):.0f} seconds"


def _workers(able: int, awake: int, free: int) -> str:
    if not able:
        return "No worker could take this."
    could = "1 worker could take this" if able == 1 else f"{able} workers could take this"
    if not awake:
        return f"{could}, but none is awake." if able > 1 else f"{could}, but is not awake."
    if able == 1:
        return f"{could}, and is {'free' if free else 'busy'}."
    are = "is" if awake == 1 else "are"
    return f"{could}; {awake} {are} awake, {free or 'none'} of them free."


def _beginning(hand_outs: int, free: int, seconds: float | None) -> str:
    if hand_outs:
        done = f"; the first is done in {roughly(seconds)}" if seconds is not None else ""
        begin = "1 task begins" if hand_outs == 1 else f"{hand_outs} tasks begin"
        return f"{begin} at once{done}."
    if free:
        return "Other jobs go before it, or none of its tasks is ready."
    return "It begins as soon as a worker is free."
