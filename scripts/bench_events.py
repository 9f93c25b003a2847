"""`bench.py events`: what those who follow the farm cost the workers.

The same task cycles as in `bench.py farm`, without followers and with a hundred of them that are
told everything. What counts is the Manager's processor time for a cycle: followers that read in a
process of their own take time from everybody on a machine with few cores.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_farm import bench_manager, worker_load
from bench_figures import Figure

FOLDER = Path(__file__).resolve().parent
RUNS = 3
WORKERS = 64
CYCLES = 2_000
TASKS = 5_000
FOLLOWERS = 100
COST_LIMIT = 1.6
"""A cycle with followers may take this many times the processor time."""


def bench_events() -> Iterator[Figure]:
    """What a hundred followers of everything add to a task cycle."""
    costs: dict[int, list[float]] = {0: [], FOLLOWERS: []}
    for _ in range(RUNS):
        for count, of_count in costs.items():
            with bench_manager("real", TASKS, 0) as (port, process, _job), _followers(port, count):
                measured = worker_load(port, process, workers=WORKERS, cycles=CYCLES)
            print(f"{count:>4} followers: {measured}")
            of_count.append(measured.processor)
    alone, followed = (statistics.median(of_count) for of_count in costs.values())
    yield Figure(
        f"a cycle with {FOLLOWERS} followers over one without", followed / alone, COST_LIMIT
    )


@contextmanager
def _followers(port: int, count: int) -> Iterator[None]:
    """As many clients of the events, which have to have been told something at the end."""
    if not count:
        yield
        return
    command = [sys.executable, str(FOLDER / "bench_events_followers.py"), str(port), str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as followers:
        assert followers.stdin is not None and followers.stdout is not None  # noqa: S101, PT018
        followers.stdout.readline()
        yield
        followers.stdin.close()
        told = followers.stdout.read().strip()
        if not told.isdigit() or int(told) < count:
            raise RuntimeError(f"the followers were told too little: {told!r} messages")
