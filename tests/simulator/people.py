"""Artists and wranglers of a simulation: they submit jobs and change their minds."""

from __future__ import annotations

import asyncio

from flamenco_core.errors import FlamencoError, NotFound
from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.manager import Actor, Manager
from flamenco_core.model import (
    Command,
    JobPriorityChange,
    JobStatusChange,
    TaskStatusChange,
    WorkerStatusChangeRequest,
)
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus
from tests.simulator.farm_program import FarmProgram, is_stored
from tests.simulator.world import Unreachable, World

_PERSON = Actor.person("somebody")


class People:
    """All of them, as one source of requests."""

    def __init__(self, world: World, farm: FarmProgram) -> None:
        self._world = world
        self._farm = farm
        self._submitted = 0

    async def submit(self, size: int) -> None:
        """Submits a job until it is stored; each try is another job."""
        is_done = False
        while not is_done:
            job = self._job(size)
            try:
                await self._store(job)
            except (Unreachable, FlamencoError):
                await asyncio.sleep(self._world.rng.uniform(1.0, 20.0))
            is_done = self._farm.ledger.was_stored(job.id)

    async def interfere(self) -> None:
        """One request of somebody who has a reason."""
        rng, ledger = self._world.rng, self._farm.ledger
        if not ledger.jobs:
            return
        job = ledger.jobs[rng.choice([*ledger.jobs])]
        request = rng.choice(
            [
                self._change_job,
                self._change_job,
                self._change_task,
                self._change_priority,
                self._change_worker,
                self._queue_failed_tasks,
                self._put_away,
            ]
        )
        try:
            await request(job)
        except (Unreachable, FlamencoError) as refusal:
            self._world.note(f"somebody is refused: {refusal}")

    async def resume_everything(self) -> None:
        """Wakes all workers and lets paused jobs go on, so that everything can end."""
        for worker_id in self._farm.ledger.workers:
            await self._insist(worker_id, WorkerStatus.AWAKE)
        for job_id in self._farm.ledger.jobs:
            await self._farm.run(lambda manager, job_id=job_id: self._resume(manager, job_id))  # type: ignore[misc]

    async def _insist(self, worker_id: str, status: WorkerStatus) -> None:
        request = WorkerStatusChangeRequest(status=status, is_lazy=True)
        await self._farm.run(
            lambda manager: manager.request_worker_status(worker_id, request, actor=_PERSON)
        )

    @staticmethod
    def _resume(manager: Manager, job_id: str) -> None:
        if manager.job(job_id).status in (JobStatus.PAUSED, JobStatus.PAUSE_REQUESTED):
            change = JobStatusChange(status=JobStatus.REQUEUEING, reason="go on")
            manager.set_job_status(job_id, change, actor=_PERSON)

    async def _store(self, job: CompiledJob) -> None:
        steps = await self._farm.run(lambda manager: manager.storing(job, actor=_PERSON))
        try:
            while step := next(steps, None):

                def store(manager: Manager, step: object = step) -> JobStatus:
                    assert callable(step)
                    step()
                    return manager.job(job.id).status

                await self._farm.run(
                    store,
                    stored=lambda status: (
                        self._farm.ledger.job_stored(job) if is_stored(status) else None
                    ),
                )
        except FlamencoError:
            await self._drop(job)
            raise
        self._world.note(f"{job.name} is submitted, {len(job.tasks)} tasks")

    async def _drop(self, job: CompiledJob) -> None:
        # With the disk still full it stays half stored until the next start.
        try:
            await self._farm.run(lambda manager: manager.drop_unfinished_job(job.id))
        except NotFound:
            return

    async def _change_job(self, job: CompiledJob) -> None:
        status = self._world.rng.choice(
            [
                JobStatus.CANCEL_REQUESTED,
                JobStatus.PAUSE_REQUESTED,
                JobStatus.REQUEUEING,
                JobStatus.REQUEUEING,
            ]
        )
        change = JobStatusChange(status=status, reason="somebody wants it")

        def ask(manager: Manager) -> JobStatus:
            before = manager.job(job.id).status
            manager.set_job_status(job.id, change, actor=_PERSON)
            return before

        def stored(before: JobStatus) -> None:
            self._world.note(f"{job.name} was {before}, {status} is asked")
            if status is JobStatus.REQUEUEING:
                self._farm.ledger.job_requeued(job.id, before)

        await self._farm.run(ask, stored=stored)

    async def _change_task(self, job: CompiledJob) -> None:
        task = self._world.rng.choice(job.tasks)
        status = self._world.rng.choice([TaskStatus.QUEUED, TaskStatus.CANCELED])
        change = TaskStatusChange(status=status, reason="somebody wants it")

        def stored(_: None) -> None:
            self._world.note(f"{task.name} is to be {status}")
            if status is TaskStatus.QUEUED:
                self._farm.ledger.task_requeued(job.id, task.id)

        await self._farm.run(
            lambda manager: manager.set_task_status(task.id, change, actor=_PERSON), stored=stored
        )

    async def _queue_failed_tasks(self, job: CompiledJob) -> None:
        await self._farm.run(lambda manager: manager.requeue_failed_tasks(job.id, actor=_PERSON))

    async def _put_away(self, job: CompiledJob) -> None:
        """Seldom, since nothing more happens to a job after that."""
        ledger = self._farm.ledger
        if self._world.happens(0.5):
            await self._farm.run(
                lambda manager: manager.archive_job(job.id, actor=_PERSON),
                stored=lambda _: ledger.job_archived(job.id),
            )
        elif self._world.happens(0.3):
            await self._farm.run(
                lambda manager: manager.delete_job(job.id, actor=_PERSON),
                stored=lambda _: ledger.job_deleted(job.id),
            )

    async def _change_priority(self, job: CompiledJob) -> None:
        change = JobPriorityChange(priority=self._world.rng.randint(0, 100))
        await self._farm.run(
            lambda manager: manager.set_job_priority(job.id, change, actor=_PERSON)
        )

    async def _change_worker(self, _job: CompiledJob) -> None:
        rng = self._world.rng
        if not self._farm.ledger.workers:
            return
        worker_id = rng.choice(self._farm.ledger.workers)
        statuses = [WorkerStatus.AWAKE, WorkerStatus.ASLEEP]
        statuses += [WorkerStatus.OFFLINE, WorkerStatus.RESTART]
        request = WorkerStatusChangeRequest(
            status=rng.choice(statuses), is_lazy=rng.choice([True, False])
        )
        await self._farm.run(
            lambda manager: manager.request_worker_status(worker_id, request, actor=_PERSON)
        )

    def _job(self, size: int) -> CompiledJob:
        self._submitted += 1
        world, name = self._world, f"job {self._submitted}"
        return CompiledJob(
            id=world.new_id(),
            name=name,
            type="simple-blender-render",
            priority=world.rng.choice([30, 50, 50, 80]),
            status=JobStatus.QUEUED if world.happens(0.9) else JobStatus.PAUSED,
            settings={},
            metadata={},
            submitter_platform="linux",
            created=world.wall_clock(),
            tasks=self._tasks(name, size),
        )

    def _tasks(self, name: str, size: int) -> list[CompiledTask]:
        """Frames, then perhaps a video of them; or a tangle."""
        rng = self._world.rng
        shape = rng.choice(["frames", "frames and video", "chain", "tangle"])
        bad = {rng.randrange(size)} if rng.random() < 0.3 else set()
        tasks = []
        for index in range(size):
            depends_on: list[int] = []
            if index and shape == "frames and video" and index == size - 1:
                depends_on = [*range(index)]
            elif index and shape == "chain" and index % 4:
                depends_on = [index - 1]
            elif index and shape == "tangle":
                depends_on = sorted(rng.sample(range(index), min(index, rng.randint(0, 3))))
            is_video = len(depends_on) == size - 1
            mark = " bad" if index in bad else ""
            task_type = "ffmpeg" if is_video else "blender"
            tasks.append(self._task(f"{name} task {index}{mark}", task_type, depends_on))
        return tasks

    def _task(self, name: str, task_type: str, depends_on: list[int]) -> CompiledTask:
        steps = self._world.rng.randint(1, 8)
        return CompiledTask(
            id=self._world.new_id(),
            name=name,
            type=task_type,
            priority=self._world.rng.choice([50, 50, 60]),
            commands=[Command(name="echo", parameters={"message": name}, total_step_count=steps)],
            depends_on=depends_on,
            steps_total=steps,
        )
