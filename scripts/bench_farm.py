"""`bench.py farm`: task cycles over HTTP, beside what the HTTP server could do at the most.

The Manager and its workers are processes of their own. Each figure comes from the medians of three
runs, which take turns, so that whatever else the machine does disturbs all kinds of runs alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench_figures import Figure

FOLDER = Path(__file__).resolve().parent
RUNS = 3
WORKERS = (64, 500)
CYCLES = 3_000
TASKS = 5_000
LISTED_TASKS = 100_000
FEW_TASKS, MANY_TASKS = 1_000, 200_000
FEW_CYCLES = 800
"""As many as the smallest farm has tasks for, with those of warming up."""

CEILING_LIMIT = 2.5
"""The server that answers from constants may be this many times as fast."""
FLAT_LIMIT = 1.25
"""A cycle on the largest farm may take this many times as long as on the smallest."""


@dataclass(frozen=True)
class Measured:
    """One run of the load."""

    rate: float
    """Task cycles a second."""
    p50: float
    """Of single requests, in milliseconds; and so below."""
    p99: float
    processor: float
    """Milliseconds of the Manager's processor time for each cycle."""

    def __str__(self) -> str:
        return (
            f"{self.rate:5,.0f} cycles a second, p50 {self.p50:5.1f} ms, p99 {self.p99:5.1f} ms, "
            f"{self.processor:.2f} ms of processor a cycle"
        )


def bench_farm() -> Iterator[Figure]:
    """How many task cycles a Manager does, and what keeps it from more."""
    for workers in WORKERS:
        measured = _side_by_side(("real", "alone", "ceiling"), workers=workers)
        yield Figure(
            f"constant answers over real ones, {workers} workers",
            measured["ceiling"].rate / measured["real"].rate,
            CEILING_LIMIT,
        )
    measured = _side_by_side(("real", "ceiling"), workers=WORKERS[0], listed=LISTED_TASKS)
    yield Figure(
        "the same while a list of 100,000 tasks is read",
        measured["ceiling"].rate / measured["real"].rate,
        CEILING_LIMIT,
    )
    runs: dict[int, list[Measured]] = {FEW_TASKS: [], MANY_TASKS: []}
    for _ in range(RUNS):
        for tasks, of_size in runs.items():
            of_size.append(_measure("real", workers=WORKERS[0], cycles=FEW_CYCLES, tasks=tasks))
    few, many = _median(runs[FEW_TASKS]), _median(runs[MANY_TASKS])
    print(f"{FEW_TASKS:>9,} tasks: {few}\n{MANY_TASKS:>9,} tasks: {many}")
    yield Figure("a cycle on the largest farm over the smallest", few.rate / many.rate, FLAT_LIMIT)


def _side_by_side(modes: tuple[str, ...], *, workers: int, listed: int = 0) -> dict[str, Measured]:
    """The median of each mode."""
    runs: dict[str, list[Measured]] = {mode: [] for mode in modes}
    for _ in range(RUNS):
        for mode, of_mode in runs.items():
            run = _measure(mode, workers=workers, cycles=CYCLES, tasks=TASKS, listed=listed)
            of_mode.append(run)
    medians = {mode: _median(of_mode) for mode, of_mode in runs.items()}
    suffix = ", while a list is read" if listed else ""
    for mode, measured in medians.items():
        print(f"{mode:>8}, {workers} workers{suffix}: {measured}")
    return medians


def _measure(mode: str, *, workers: int, cycles: int, tasks: int, listed: int = 0) -> Measured:
    with bench_manager(mode, tasks, listed) as (port, process, job), ExitStack() as reading:
        if listed:
            reading.enter_context(_reader(port, job))
        return worker_load(port, process, workers=workers, cycles=cycles)


@contextmanager
def bench_manager(mode: str, tasks: int, listed: int) -> Iterator[tuple[int, psutil.Process, str]]:
    """A Manager: its port, its process, and the job whose list can be read."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [sys.executable, str(FOLDER / "bench_farm_server.py"), home, "--mode", mode]
        sizes = ["--tasks", str(tasks), "--largest-job", str(listed)]
        server = subprocess.Popen(
            [*command, *sizes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdin is not None and server.stdout is not None  # noqa: S101, PT018
        try:
            port, _, job = server.stdout.readline().strip().partition(" ")
            yield int(port), psutil.Process(server.pid), job
        finally:
            server.stdin.close()
            server.wait(60)


@contextmanager
def _reader(port: int, job: str) -> Iterator[None]:
    command = [sys.executable, str(FOLDER / "bench_farm_load.py"), str(port), "--list-of", job]
    reader = subprocess.Popen(command)
    try:
        yield
        if reader.poll() is not None:
            raise RuntimeError("the list could not be read all the time")
    finally:
        reader.kill()
        reader.wait()


def worker_load(port: int, process: psutil.Process, *, workers: int, cycles: int) -> Measured:
    before = _processor_seconds(process)
    command = [sys.executable, str(FOLDER / "bench_farm_load.py"), str(port)]
    output = subprocess.run(
        [*command, "--workers", str(workers), "--cycles", str(cycles)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    used = _processor_seconds(process) - before
    return Measured(processor=used / (cycles + workers) * 1e3, **json.loads(output))


def _processor_seconds(process: psutil.Process) -> float:
    """Of a Manager and the processes that belong to it."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def _median(runs: list[Measured]) -> Measured:
    """The run whose rate is the middle one."""
    middle = statistics.median_low(run.rate for run in runs)
    return next(run for run in runs if run.rate == middle)
