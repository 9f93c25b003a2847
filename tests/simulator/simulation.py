"""One simulation: a farm, its workers and its people, for as long as it takes to end all jobs.

Everything follows from the seed. Replay one with

    scripts/test.py tests/simulator --seed SEED
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from flamenco_core.manager import Manager, PlannedTask
from flamenco_core.statuses import FINAL_JOB_STATUSES
from tests.simulator.farm_program import FarmProgram
from tests.simulator.ledger import Ledger
from tests.simulator.people import People
from tests.simulator.violation import Violation
from tests.simulator.virtual_time import run
from tests.simulator.virtual_worker import Habits, VirtualWorker
from tests.simulator.world import Faults, Unreachable, World

TROUBLED_SECONDS = 900.0
"""How long things go wrong, before everything is left alone to end."""

LONGEST_END = 8 * 3600.0
"""Seconds after which a job that has not ended never will."""

SOUND_WORKERS = 6
"""How many are good at everything and come back after each crash, so that all jobs can end."""

WAKE_UP_SECONDS = 0.5
"""A worker that waits while there is a task for it was not woken, after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of everything."""

    workers: int
    jobs: int
    tasks: int
    """In the largest job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a simulation that broke no promise did; the same for the same seed."""

    digest: str
    seconds: float
    completions: int
    runs: int


SIZES = (
    Size(workers=6, jobs=5, tasks=14),
    Size(workers=25, jobs=8, tasks=24),
    Size(workers=6, jobs=8, tasks=8),
    Size(workers=80, jobs=8, tasks=40),
    Size(workers=12, jobs=6, tasks=30),
    Size(workers=250, jobs=6, tasks=90),
    Size(workers=25, jobs=5, tasks=20),
    Size(workers=8, jobs=9, tasks=12),
    Size(workers=40, jobs=8, tasks=24),
    Size(workers=15, jobs=12, tasks=10),
)
"""What seeds have in turn: small farms find what needs coincidence, a large one has crowds."""


def simulate(seed: int, folder: Path, *, size: Size | None = None) -> Outcome:
    """Runs the simulation of a seed.

    Raises:
        Violation: if the farm broke a promise, with the way there and how to see it again.
    """
    world: list[World] = []

    async def main() -> Outcome:
        world.append(World(seed, faults_of(seed)))
        simulation = Simulation(world[0], folder, size or SIZES[seed % len(SIZES)])
        try:
            return await world[0].watch(simulation.run())
        finally:
            simulation.farm.stop()

    try:
        with _in_small():
            return run(main())
    except (Violation, Exception) as problem:
        # An error of the farm that no worker can make sense of is a broken promise, too.
        way = "\n".join([*world[0].trace][-60:]) if world else ""
        raise Violation(
            f"{type(problem).__name__}: {problem}\nseed {seed}; the last that happened:\n{way}\n"
            f"replay: scripts/test.py tests/simulator --seed {seed}"
        ) from problem


def faults_of(seed: int) -> Faults:
    """Each seed has its own mixture of trouble; some have none of one kind."""
    rng = random.Random(f"faults of {seed}")

    def sometimes(value: float) -> float:
        return rng.choice([0.0, value, value, 2 * value])

    return Faults(
        lost_requests=sometimes(0.02),
        lost_answers=sometimes(0.03),
        duplicates=sometimes(0.03),
        slow=sometimes(0.02),
        failing_attempts=sometimes(0.02),
        worker_crash_seconds=sometimes(20.0),
        worker_death_seconds=sometimes(100.0),
        silence_seconds=sometimes(40.0),
        restart_seconds=sometimes(120.0),
        full_disk_seconds=sometimes(200.0),
        clock_jump_seconds=sometimes(200.0),
        people_seconds=sometimes(15.0),
    )


class Simulation:
    def __init__(self, world: World, folder: Path, size: Size) -> None:
        self.world = world
        self.ledger = Ledger()
        self.farm = FarmProgram(world, folder, self.ledger)
        self.people = People(world, self.farm)
        self.size = size
        self.workers = [
            VirtualWorker(world, self.farm, f"worker {number}", self._habits(number))
            for number in range(size.workers)
        ]

    async def run(self) -> Outcome:
        world = self.world
        self.farm.start()
        world.spawn(self.farm.serve())
        world.spawn(self.farm.chores())
        world.spawn(self._watch_wake_ups())
        world.spawn(self._verify_all_the_time())
        for worker in self.workers:
            world.spawn(worker.live())
        submissions = [world.spawn(self._submit_some_time()) for _ in range(self.size.jobs)]
        self._begin_trouble()
        await asyncio.sleep(TROUBLED_SECONDS)
        world.heal()
        await asyncio.wait(submissions)
        await asyncio.sleep(120.0)  # the Manager may be down, and workers silent
        await self._end_all_jobs()
        return await self._check_after_the_end()

    def _habits(self, number: int) -> Habits:
        rng = self.world.rng
        is_sound = number < SOUND_WORKERS
        types = [("blender", "ffmpeg")] if is_sound else [("blender",), ("blender", "ffmpeg")]
        knows_attempts = rng.random() < 0.8
        return Habits(
            task_types=rng.choice(types),
            slots=rng.choice([1, 1, 2, 3]) if knows_attempts else 1,
            prefetches=knows_attempts and rng.random() < 0.4,
            knows_attempts=knows_attempts,
            fails=0.0 if is_sound else rng.choice([0.0, 0.0, 0.0, 0.1, 0.7]),
            pace=rng.choice([0.5, 1.0, 2.0]),
        )

    def _begin_trouble(self) -> None:
        world, rng = self.world, self.world.rng
        accidents = [
            (lambda: world.faults.worker_crash_seconds, lambda: rng.choice(self.workers).crash()),
            (lambda: world.faults.worker_death_seconds, self._lose_a_worker),
            (lambda: world.faults.silence_seconds, self._silence),
            (lambda: world.faults.restart_seconds, self._restart_farm),
            (lambda: world.faults.full_disk_seconds, self._fill_disk),
            (lambda: world.faults.clock_jump_seconds, self._move_clock),
            (lambda: world.faults.people_seconds, self.people.interfere),
        ]
        for mean, accident in accidents:
            world.spawn(world.at_random(mean, accident))

    async def _submit_some_time(self) -> None:
        rng = self.world.rng
        await asyncio.sleep(rng.uniform(0.0, 0.6 * TROUBLED_SECONDS))
        await self.people.submit(rng.randint(1, self.size.tasks))

    def _lose_a_worker(self) -> None:
        """One of those without which the jobs can end, too."""
        if len(self.workers) > SOUND_WORKERS:
            self.world.rng.choice(self.workers[SOUND_WORKERS:]).die()

    def _silence(self) -> None:
        seconds = self.world.within(self.world.rng.choice([30.0, 600.0]))
        self.world.rng.choice(self.workers).fall_silent(min(seconds, 1800.0))

    async def _restart_farm(self) -> None:
        rng = self.world.rng
        try:
            match rng.choice(["stop", "power", "power in a transaction"]):
                case "stop":
                    self.farm.stop()
                case "power":
                    self.farm.cut_power()
                case _:
                    self.farm.plan_power_cut(rng.choice([20, 300, 3000, 30000]))
                    await asyncio.sleep(5.0)
                    self.farm.cut_power()
        except Unreachable:
            return
        await asyncio.sleep(rng.uniform(1.0, 60.0))
        self.farm.start()

    async def _fill_disk(self) -> None:
        rng = self.world.rng
        try:
            if rng.random() < 0.3:
                self.farm.plan_interruption(rng.choice([100, 1000, 5000]))
                return
            self.farm.fill_disk(rng.randint(0, 3))
        except Unreachable:
            return
        await asyncio.sleep(rng.uniform(1.0, 40.0))
        self.farm.free_disk()

    def _move_clock(self) -> None:
        hours = self.world.rng.choice([-24.0, -1.0, -0.01, 0.01, 1.0, 24.0])
        self.world.note(f"the clock is moved by {hours} h")
        self.world.clock_error += timedelta(hours=hours)

    async def _verify_all_the_time(self) -> None:
        while True:
            await asyncio.sleep(self.world.rng.uniform(10.0, 60.0))
            with contextlib.suppress(Unreachable):
                if not self.farm.is_failing:
                    self.ledger.verify(self.farm.manager)

    async def _watch_wake_ups(self) -> None:
        """No worker may wait while there is a task that it would get if it asked."""
        while True:
            await asyncio.sleep(7.0)
            before = self._missed()
            await asyncio.sleep(WAKE_UP_SECONDS)
            missed = before & self._missed() if before else before
            if missed:
                raise Violation(f"workers wait, and nobody told them of tasks: {sorted(missed)}")

    def _missed(self) -> set[tuple[str, str, int]]:
        """Workers that sleep in their request, and the attempt each would get now."""
        try:
            manager = self.farm.manager
        except Unreachable:
            return set()
        idle = [
            waiter.worker_id
            for waiter in self.farm.waiting._waiters
            if not waiter.woken.is_set() and not waiter.is_superseded
        ]
        planned: list[PlannedTask] = []
        if not self.farm.is_failing:
            planned = manager.plan(idle[:8])
        return {
            (plan.worker_id, plan.task.uuid, plan.task.attempt or 0)
            for plan in planned
            if _is_free(manager, plan.task.uuid)
        }

    async def _end_all_jobs(self) -> None:
        deadline = self.world.now + LONGEST_END
        while left := self._unfinished():
            if self.world.now > deadline:
                raise Violation(f"jobs do not end: {left}")
            await self.people.resume_everything()
            await asyncio.sleep(60.0)

    def _unfinished(self) -> dict[str, str]:
        jobs = [self.farm.manager.job(job_id) for job_id in self.ledger.jobs]
        return {
            job.name: f"{job.status} {job.task_counts}"
            for job in jobs
            if job.status not in FINAL_JOB_STATUSES
        }

    async def _check_after_the_end(self) -> Outcome:
        """Everything once more, also after a last power cut."""
        await asyncio.sleep(300.0)  # updates that are still on their way
        self.ledger.verify(self.farm.manager)
        self.farm.cut_power()
        self.farm.start()
        self.ledger.verify_deletions(self.farm.manager)
        self.ledger.verify_logs(self.farm.manager)
        self.ledger.verify_file(self.farm.manager)
        self.farm.stop()
        return Outcome(
            digest=self.world.digest,
            seconds=self.world.now,
            completions=self.ledger.completions,
            runs=self.farm.runs,
        )


def _is_free(manager: Manager, task_id: str) -> bool:
    """Whether a task is not reserved for another slot of the worker, which still works."""
    query = "SELECT 1 FROM tasks WHERE uuid = ? AND reserved_until IS NULL"
    return manager._db.execute(query, [task_id]).fetchone() is not None


@contextmanager
def _in_small() -> Iterator[None]:
    """Lets jobs of a few dozen tasks be stored, swept and released in pieces, as large ones are,
    and nobody wait for the real disk.
    """
    with (
        patch("os.fsync"),
        patch("flamenco_core.manager.submission.PIECE_SIZE", 7),
        patch("flamenco_core.manager.transitions.SWEEP_SIZE", 5),
    ):
        yield
