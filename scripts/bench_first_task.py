"""`bench.py first-task`: from the submission of a job to the start of its first task.

A real Manager and a real worker, which is idle: it waits in its request for a task. The time runs
from before the submission is sent until the Manager can be asked and shows that the worker has
begun.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_figures import Figure
from tests.eventually import eventually
from tests.farm.farm import Farm, echo_job, waiting_workers

STARTS = 3
"""Of Manager and worker."""
JOBS = 10
"""After each start; the first of them also waits for what a Manager starts on demand."""
LIMIT_SECONDS = 0.5


def bench_first_task() -> Iterator[Figure]:
    """How long an artist waits until something happens, if a worker has nothing to do."""
    first, later = [], []
    for _ in range(STARTS):
        with _idle_farm() as farm:
            times = [_seconds_to_start(farm) for _ in range(JOBS)]
        first.append(times[0])
        later += times[1:]
    for name, times in (("first", first), ("later", later)):
        middle = statistics.median(times) * 1e3
        print(f"{name} jobs: {middle:.0f} ms (median), {max(times) * 1e3:.0f} ms (slowest)")
        yield Figure(f"seconds to the start of {name} jobs, slowest", max(times), LIMIT_SECONDS)


@contextmanager
def _idle_farm() -> Iterator[Farm]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        farm = Farm(Path(folder) / "farm", Path(sys.executable))
        try:
            farm.start_manager()
            farm.start_worker()
            yield farm
        finally:
            farm.stop()


def _seconds_to_start(farm: Farm) -> float:
    eventually(lambda: waiting_workers(farm) == 1, "the worker waits")
    began = time.perf_counter()
    job = farm.submit_job(echo_job("bench", sleeps=0))
    task = farm.tasks(job)[0]["id"]
    # The worker says what it does as soon as it has begun.
    while not farm.get(f"/api/v3/tasks/{task}")["activity"]:
        time.sleep(0.002)
    seconds = time.perf_counter() - began
    farm.wait_for_end(job)
    return seconds
