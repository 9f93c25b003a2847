"""Measures speed: `python3 scripts/bench.py NAME`, as ratios within one run.

`--check` fails if a figure is above its limit. It runs by hand: figures depend on the machine,
and only their ratios travel.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_events import bench_events
from bench_farm import bench_farm
from bench_farm_overhead import bench_farm_overhead
from bench_figures import Figure
from bench_first_task import bench_first_task
from bench_idle_worker import bench_idle_worker
from bench_lists import bench_lists
from bench_web import bench_web
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobStatusChange, TaskStatusChange
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    store,
    take,
    take_or_none,
)

SCHEDULE_SIZES = (1_000, 20_000, 200_000)
"""Tasks in the farm while the next one is asked for."""
SCHEDULE_LIMIT = 2.0
"""The largest farm may take this many times as long as the smallest."""

SUBMIT_SIZES = (1_000, 10_000, 100_000)
"""Tasks of a submitted job."""
SUBMIT_LIMIT = 2.0
"""A task of the largest job may take this many times as long as one of the smallest; a farm of
100,000 tasks no longer fits where SQLite and the disk cache what they write."""
BARE_LIMIT = 2.5
"""Bare inserts of the same rows may be this many times as fast."""
SWEEP_TASKS = 100_000
FAN_TASKS = 20_000
"""Tasks that wait for a single one."""
PIECE_LIMIT_MS = 50.0
MEMORY_TASKS = 200_000
MEMORY_LIMIT_MB = 300.0


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


def bench_addon() -> Iterator[Figure]:
    """What the extension takes of Blender's main thread."""
    from bench_addon import bench_addon  # starts Blender with what only tests need

    yield from bench_addon()


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


def bench_submit() -> Iterator[Figure]:
    """How storing a compiled job grows with its tasks, beside bare inserts of the same rows."""
    rates, bare_rates = {}, {}
    for size in SUBMIT_SIZES:
        # Small jobs are over too soon to be measured once.
        runs = [_store_and_insert(size) for _ in range(5 if size < SUBMIT_SIZES[-1] else 1)]
        rates[size] = statistics.median(size / stored for stored, _ in runs)
        bare_rates[size] = statistics.median(size / bare for _, bare in runs)
        print(
            f"{size:>8,} tasks: stored at {rates[size]:,.0f} a second, "
            f"bare inserts at {bare_rates[size]:,.0f} a second"
        )
    smallest, largest = SUBMIT_SIZES[0], SUBMIT_SIZES[-1]
    yield Figure(
        "time per task, largest job over smallest", rates[smallest] / rates[largest], SUBMIT_LIMIT
    )
    worst = max(bare_rates[size] / rates[size] for size in SUBMIT_SIZES)
    yield Figure("rate of bare inserts over rate of storing, at worst", worst, BARE_LIMIT)


def bench_sweep() -> Iterator[Figure]:
    """How long other requests wait while a large job is cancelled, and queued again."""
    with empty_farm() as manager:
        job = compiled_job(SWEEP_TASKS, task_type="blender")
        store(manager, job)
        for status in (JobStatus.CANCEL_REQUESTED, JobStatus.REQUEUEING):
            change = JobStatusChange(status=status, reason="bench")
            times = [
                _seconds(lambda: manager.set_job_status(job.id, change, actor=MANAGER))  # noqa: B023
            ]
            while manager.unsettled_jobs():
                times.append(_seconds(lambda: manager.settle(job.id)))
            print(
                f"{status}: answered in {times[0] * 1e3:.1f} ms, {len(times)} pieces, "
                f"{sum(times):.1f} s in all"
            )
            yield Figure(f"longest piece of {status} in ms", max(times) * 1e3, PIECE_LIMIT_MS)


def bench_fan() -> Iterator[Figure]:
    """How long other requests wait while what many tasks wait for is done, and done again."""
    with empty_farm() as manager:
        first = compiled_task("first")
        others = [compiled_task(f"task-{n}", depends_on=[0]) for n in range(FAN_TASKS)]
        job = compiled_job([first, *others])
        store(manager, job)
        worker = awake_worker(manager, "blender")
        task = take(manager, worker)

        def complete_all() -> None:
            with manager.unit_of_work():
                while (following := take_or_none(manager, worker)) is not None:
                    complete(manager, worker, following)

        steps = {
            "completing": lambda: complete(manager, worker, task),
            "queueing again": lambda: manager.set_task_status(
                task.uuid,
                TaskStatusChange(status=TaskStatus.QUEUED, reason="bench"),
                actor=MANAGER,
            ),
        }
        for name, step in steps.items():
            times = [_seconds(step)]
            while manager.unsettled_jobs():
                times.append(_seconds(lambda: manager.settle(job.id)))
            print(
                f"{name}: answered in {times[0] * 1e3:.1f} ms, {len(times)} pieces, "
                f"{sum(times):.1f} s in all"
            )
            yield Figure(f"longest piece of {name} in ms", max(times) * 1e3, PIECE_LIMIT_MS)
            complete_all()


def bench_memory() -> Iterator[Figure]:
    """Memory of a process that holds a farm of 200,000 tasks open."""
    with farm_with_tasks(MEMORY_TASKS, jobs=MEMORY_TASKS // 100) as (manager, worker_id):
        take(manager, worker_id)
        code = f"""
import resource, sys
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobStatusChange
from flamenco_core.statuses import JobStatus
with Manager.open({str(manager.file)!r}, read_only=True) as manager:
    manager.check()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
    kilobytes = int(answer.stdout)
    yield Figure("memory with 200,000 tasks in MB", kilobytes / 1024, MEMORY_LIMIT_MB)


@contextmanager
def empty_farm() -> Iterator[Manager]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Manager.open(Path(folder) / "farm.sqlite") as manager,
    ):
        yield manager


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


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _store_and_insert(size: int) -> tuple[float, float]:
    """Seconds that storing a job of this size takes, and bare inserts of its rows."""
    with empty_farm() as manager:
        job = compiled_job(size, task_type="blender")
        stored = _seconds(lambda: store(manager, job))
        return stored, _bare_insert_seconds(manager.file)


def _bare_insert_seconds(farm: Path) -> float:
    """Copies the rows of all tasks into a new file, with the same schema and nothing else."""
    copy = sqlite3.connect(farm.with_name("bare.sqlite"), isolation_level=None)
    copy.execute("PRAGMA journal_mode = WAL")
    copy.execute("PRAGMA synchronous = FULL")
    source = sqlite3.connect(farm)
    seconds = 0.0
    for table in ("tasks", "task_commands"):
        schema = source.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", [table]
        )
        for (sql,) in schema.fetchall():
            copy.execute(sql)
        rows = source.execute(f"SELECT * FROM {table}").fetchall()
        marks = ", ".join("?" * len(rows[0]))
        start = time.perf_counter()
        copy.execute("BEGIN")
        copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        copy.execute("COMMIT")
        seconds += time.perf_counter() - start
    source.close()
    copy.close()
    return seconds


def _hand_out_and_complete(manager: Manager, worker_id: str) -> float:
    """Seconds that handing out took; the task is completed afterwards, uncounted."""
    start = time.perf_counter()
    task = take(manager, worker_id)
    seconds = time.perf_counter() - start
    complete(manager, worker_id, task)
    return seconds


BENCHES: dict[str, Callable[[], Iterator[Figure]]] = {
    "addon": bench_addon,
    "events": bench_events,
    "fan": bench_fan,
    "farm": bench_farm,
    "farm-overhead": bench_farm_overhead,
    "first-task": bench_first_task,
    "idle-worker": bench_idle_worker,
    "lists": bench_lists,
    "memory": bench_memory,
    "schedule": bench_schedule,
    "submit": bench_submit,
    "sweep": bench_sweep,
    "web": bench_web,
}


if __name__ == "__main__":
    sys.exit(main())
