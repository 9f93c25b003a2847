"""Measures speed: `python3 scripts/bench.py NAME`, as ratios within one run.

`--check` fails if a figure is above its limit. It runs by hand: figures depend on the machine,
and only their ratios travel.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flamenco_core.manager import Manager
from tests.flamenco_core.farms import awake_worker, compiled_job, complete, store, take

SCHEDULE_SIZES = (1_000, 20_000, 200_000)
"""Tasks in the farm while the next one is asked for."""
SCHEDULE_LIMIT = 2.0
"""The largest farm may take this many times as long as the smallest."""


@dataclass(frozen=True)
class Figure:
    """A measured ratio, and the most that it may be."""

    name: str
    value: float
    limit: float

    @property
    def is_good(self) -> bool:
        return self.value < self.limit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHES), help="what to measure")
    parser.add_argument("--check", action="store_true", help="fail above the limits")
    arguments = parser.parse_args()
    figures = list(BENCHES[arguments.name]())
    for figure in figures:
        verdict = "ok" if figure.is_good else "TOO HIGH"
        print(f"{figure.name}: {figure.value:.2f} (limit {figure.limit:g}) {verdict}")
    return int(arguments.check and not all(figure.is_good for figure in figures))


def bench_schedule() -> Iterator[Figure]:
    """How long the next task takes to hand out, in farms of growing size.

    In each farm only the last of all queued jobs has a task for the worker that asks.
    """
    medians = []
    for size in SCHEDULE_SIZES:
        with farm_with_tasks(size, jobs=size // 100) as (manager, worker_id):
            times = sorted(_hand_out_and_complete(manager, worker_id) for _ in range(90))
        medians.append(statistics.median(times))
        percentile = times[int(len(times) * 0.95)]
        print(
            f"{size:>8,} tasks: next task in {medians[-1] * 1e6:.0f} µs (median), "
            f"{percentile * 1e6:.0f} µs (95th percentile)"
        )
    yield Figure("next task, largest farm over smallest", medians[-1] / medians[0], SCHEDULE_LIMIT)


@contextmanager
def farm_with_tasks(size: int, *, jobs: int) -> Iterator[tuple[Manager, str]]:
    """A farm of `size` tasks in `jobs` jobs, of which only the last one suits the worker."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Manager.open(Path(folder) / "farm.sqlite") as manager,
    ):
        worker_id = awake_worker(manager, "blender")
        with manager.unit_of_work():
            for index in range(jobs):
                task_type = "blender" if index == jobs - 1 else "ffmpeg"
                store(manager, compiled_job(size // jobs, task_type=task_type))
        yield manager, worker_id


def _hand_out_and_complete(manager: Manager, worker_id: str) -> float:
    """Seconds that handing out took; the task is completed afterwards, uncounted."""
    start = time.perf_counter()
    task = take(manager, worker_id)
    seconds = time.perf_counter() - start
    complete(manager, worker_id, task)
    return seconds


BENCHES: dict[str, Callable[[], Iterator[Figure]]] = {"schedule": bench_schedule}


if __name__ == "__main__":
    sys.exit(main())
