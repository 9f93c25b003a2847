"""Workers' requests in a process of their own, with a real farm file and the real process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from flamenco_core.config import Config
from flamenco_core.errors import Conflict, NotFound, Unavailable
from flamenco_core.events import Event, TaskChanged
from flamenco_core.manager import Manager
from flamenco_core.model import AssignedTask, TaskRequest, TaskUpdate
from flamenco_core.statuses import TaskStatus, WorkerStatus
from flamenco_core.variables import Variable, Variables, VariableValue
from manager_service.worker_requests import Busy, WorkerRequests
from manager_service.write_thread import WriteThread
from tests.flamenco_core.farms import awake_worker, compiled_job, statuses, store

AT_ONCE = Busy(at_once=1, moments=1, period=0.2, quiet_periods=10_000)
TIME_LIMIT = 60


class Farm:
    """A write thread, and requests that get a process of their own as soon as there are any."""

    def __init__(self, home: Path, busy: Busy) -> None:
        self.config = Config(home=home)
        self.file = self.config.database_file
        self.events: list[Event] = []
        self.listens = True
        self.writer = WriteThread(self._open)
        self.writer.start()
        self.requests = WorkerRequests(
            self.writer, self.file, lambda: self._manager.bearings, self._hear, busy=busy
        )

    def _hear(self, events: Sequence[Event]) -> None:
        if not self.listens:
            raise ValueError("a mistake of whoever listens")
        self.events.extend(events)

    def _open(self) -> Manager:
        self._manager = Manager.open(config=self.config)
        self._manager.subscribe(self.events.extend)
        return self._manager

    async def worker(self, name: str = "worker") -> str:
        return await self.writer.run(lambda manager: awake_worker(manager, name=name))

    async def job(self, tasks: int) -> str:
        return await self.writer.run(lambda manager: store(manager, compiled_job(tasks)))

    async def take(self, worker: str) -> AssignedTask:
        task = await self.requests.run(Manager.next_task, worker, TaskRequest())
        assert isinstance(task, AssignedTask)
        return task

    async def complete(self, worker: str, task: AssignedTask) -> None:
        update = TaskUpdate(taskStatus=TaskStatus.COMPLETED, attempt=task.attempt, log="done\n")
        answer = await self.requests.run(Manager.update_task, worker, task.uuid, update)
        assert answer.is_accepted

    async def with_second_writer(self, worker: str) -> None:
        """Returns once requests go to the process."""
        await self.requests.run(Manager.worker_state, worker)
        await until(lambda: self.requests.has_second_writer)

    def helpers(self) -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if self._is_helper(child)]

    def _is_helper(self, child: psutil.Process) -> bool:
        try:
            return str(self.file) in " ".join(child.cmdline())
        except psutil.NoSuchProcess:  # it ends at this moment; ZombieProcess is one, too
            return False


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIME_LIMIT):
        while not is_so():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(home: Path, busy: Busy = AT_ONCE) -> AsyncIterator[Farm]:
    farm = Farm(home, busy)
    await farm.requests.start()
    try:
        yield farm
    finally:
        await farm.requests.close()
        await asyncio.to_thread(farm.writer.stop)
    assert farm.helpers() == []


def test_what_the_process_did_is_stored_and_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            worker = await farm.worker()
            await farm.with_second_writer(worker)
            job = await farm.job(3)
            for _ in range(3):
                await farm.complete(worker, await farm.take(worker))
            assert (
                await farm.writer.run(lambda manager: statuses(manager, job)) == ["completed"] * 3
            )
            assert await farm.writer.run(lambda manager: manager.check()) == []
            changed = [event for event in farm.events if isinstance(event, TaskChanged)]
            assert [event.status for event in changed].count(TaskStatus.COMPLETED) == 3

    asyncio.run(run())


def test_who_cannot_take_what_happened_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            worker = await farm.worker()
            await farm.with_second_writer(worker)
            job = await farm.job(2)
            farm.listens = False
            async with asyncio.timeout(TIME_LIMIT):
                for _ in range(2):
                    await farm.complete(worker, await farm.take(worker))
            assert farm.requests.has_second_writer
            assert (
                await farm.writer.run(lambda manager: statuses(manager, job)) == ["completed"] * 2
            )

    asyncio.run(run())


def test_no_task_is_handed_out_twice_while_both_write(tmp_path: Path) -> None:
    workers, tasks = 12, 10

    async def run() -> None:
        async with running(tmp_path) as farm:
            names = [await farm.worker(f"worker-{number}") for number in range(workers)]
            await farm.with_second_writer(names[0])
            await farm.job(workers * tasks)
            done: list[str] = []

            async def work(worker: str) -> None:
                for _ in range(tasks):
                    task = await farm.take(worker)
                    await farm.complete(worker, task)
                    done.append(task.uuid)

            async def write_too() -> int:
                count = 0
                while len(done) < workers * tasks:
                    await farm.job(1)
                    count += 1
                return count

            writing = asyncio.create_task(write_too())
            await asyncio.gather(*map(work, names))
            assert farm.requests.has_second_writer
            assert len(set(done)) == workers * tasks
            assert await writing > 0
            assert await farm.writer.run(lambda manager: manager.check()) == []

    asyncio.run(run())


def test_refusals_come_as_what_they_are(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            worker = await farm.worker()
            await farm.with_second_writer(worker)
            missing = "9d8e4c3e-5a52-4ae6-a36f-66a4bc4bdb2f"
            with pytest.raises(NotFound, match=missing):
                await farm.requests.run(Manager.worker_state, missing)
            asleep = WorkerStatus.ASLEEP
            await farm.writer.run(lambda manager: manager.worker_state_changed(worker, asleep))
            with pytest.raises(Conflict, match="only gets tasks when awake"):
                await farm.take(worker)
            assert farm.requests.has_second_writer

    asyncio.run(run())


def test_a_worker_that_has_gone_gets_no_task(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            worker = await farm.worker()
            await farm.with_second_writer(worker)
            job = await farm.job(1)
            with pytest.raises(ConnectionResetError):
                await farm.requests.run_if(lambda: False, Manager.next_task, worker, TaskRequest())
            assert await farm.writer.run(lambda manager: statuses(manager, job)) == ["queued"]

    asyncio.run(run())


def test_it_decides_by_the_configuration_of_this_moment(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            worker = await farm.worker()
            await farm.with_second_writer(worker)
            await farm.job(2)
            value = Variable((VariableValue("/opt/other/blender"),))
            changed = replace(farm.config, variables=Variables({"blender": value}))
            await farm.writer.run(lambda manager: manager.use_config(changed))
            tasks = [await farm.take(worker) for _ in range(2)]
            texts = [str(command.parameters) for task in tasks for command in task.commands]
            assert all("/opt/other/blender" in text for text in texts)

    asyncio.run(run())


def test_when_the_process_is_killed_the_write_thread_goes_on(tmp_path: Path) -> None:
    workers = 6

    async def run() -> None:
        async with running(tmp_path) as farm:
            names = [await farm.worker(f"worker-{number}") for number in range(workers)]
            await farm.with_second_writer(names[0])
            await farm.job(200)
            done: list[str] = []
            refusals: list[Unavailable] = []

            async def work(worker: str) -> None:
                for _ in range(20):
                    try:
                        task = await farm.take(worker)
                        await farm.complete(worker, task)
                        done.append(task.uuid)
                    except Unavailable as error:
                        refusals.append(error)

            async def kill() -> None:
                await until(lambda: len(done) > 20)
                for helper in farm.helpers():
                    helper.kill()

            await asyncio.gather(*map(work, names), kill())
            assert len(set(done)) == len(done)
            assert len(refusals) <= workers
            completed = await farm.writer.run(_completed)
            # One that was refused may be stored, but what was promised is.
            assert set(done) <= completed
            assert await farm.writer.run(lambda manager: manager.check()) == []

    asyncio.run(run())


def _completed(manager: Manager) -> set[str]:
    with sqlite3.connect(f"{manager.file.as_uri()}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT uuid FROM tasks WHERE status = 'completed'").fetchall()
    db.close()
    return {uuid for (uuid,) in rows}


def test_a_quiet_farm_has_no_second_process(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            worker = await farm.worker()
            await farm.with_second_writer(worker)
            assert len(farm.helpers()) == 1
            # Only now, or it might end before it was looked at.
            farm.requests._busy = replace(AT_ONCE, at_once=2, quiet_periods=1)
            await until(lambda: not farm.helpers())
            assert not farm.requests.has_second_writer
            await farm.job(1)
            await farm.complete(worker, await farm.take(worker))

    asyncio.run(run())


def test_few_requests_at_once_are_the_write_threads(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, Busy()) as farm:
            worker = await farm.worker()
            await farm.job(150)
            for _ in range(150):
                await farm.complete(worker, await farm.take(worker))
            assert not farm.requests.has_second_writer
            assert farm.helpers() == []

    asyncio.run(run())


def test_what_was_asked_before_the_end_is_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as farm:
            names = [await farm.worker(f"worker-{number}") for number in range(20)]
            await farm.with_second_writer(names[0])
            await farm.job(20)
            asking = [asyncio.create_task(farm.take(name)) for name in names]
            await asyncio.sleep(0)
            await farm.requests.close()
            assert len({task.uuid for task in await asyncio.gather(*asking)}) == 20

    asyncio.run(run())
