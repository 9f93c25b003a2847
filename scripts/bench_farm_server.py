"""A Manager for `bench.py farm`, in its own process, on a farm of a wanted size.

Modes: `real` is the Manager as it is; `alone` gives each request a transaction of its own;
`ceiling` has the same routes with the same checks, decoding and encoding, but handlers that answer
from constants, which is the most that this HTTP server could ever do.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import functools
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiohttp import web

from flamenco_core.config import Config
from flamenco_core.manager import Manager
from flamenco_core.model import AssignedTask, Command, TaskUpdate
from flamenco_core.statuses import TaskStatus
from manager_service import server
from manager_service.api import all_operations
from manager_service.json_answers import empty_answer, json_answer
from manager_service.listen_address import ListenAddress
from manager_service.routing import Call, Operation
from manager_service.write_thread import GroupLimits
from tests.flamenco_core.farms import compiled_job, store

TASKS_OF_A_JOB = 1_000

CONSTANT = AssignedTask(
    uuid="9d8e4c3e-5a52-4ae6-a36f-66a4bc4bdb2f",
    job="5f6e7a0c-7d38-4e35-9c5a-8f8a7a0a7c11",
    name="task-17",
    status=TaskStatus.ACTIVE,
    priority=50,
    job_priority=50,
    job_type="bench",
    task_type="blender",
    commands=[Command(name="echo", parameters={"message": "hello"}, total_step_count=1)],
    steps_completed=0,
    steps_total=1,
    attempt=1,
    slot=0,
)


async def assign(call: Call) -> web.StreamResponse:
    del call
    return json_answer(CONSTANT)


async def take_update(call: Call) -> web.StreamResponse:
    call.body(TaskUpdate)
    return empty_answer()


CONSTANT_HANDLERS = {"scheduleTask": assign, "taskUpdate": take_update}


def constant_operations() -> list[Operation]:
    return [
        dataclasses.replace(
            operation, handler=CONSTANT_HANDLERS.get(operation.name, operation.handler)
        )
        for operation in all_operations()
    ]


def fill(home: Path, tasks: int, largest_job: int) -> str:
    """A farm with this many tasks, in jobs of 1,000, after one that nobody can work on.

    Returns the id of that one, or nothing if it was not wanted.
    """
    with Manager.open(config=Config(home=home)) as manager:
        largest = store(manager, compiled_job(largest_job, task_type="none")) if largest_job else ""
        for _ in range(tasks // TASKS_OF_A_JOB):
            store(manager, compiled_job(TASKS_OF_A_JOB, task_type="blender"))
    return largest


async def serve(home: Path, largest: str) -> None:
    # Nothing times out, and nothing else is done that the measured requests did not ask for.
    running = server.Server(
        Config(home=home, worker_timeout=timedelta(0), task_timeout=timedelta(0)),
        ListenAddress("127.0.0.1", 0),
    )
    await running.start()
    gc.freeze()
    print(running.listen.port, largest, flush=True)
    try:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    finally:
        await running.stop()


def constant_answers() -> AbstractContextManager[Any]:
    return patch("manager_service.server.all_operations", constant_operations)


@contextmanager
def transactions_alone() -> Iterator[None]:
    limits = functools.partial(GroupLimits, count=1)
    with (
        patch("manager_service.write_thread.GroupLimits", limits),
        patch("manager_service.worker_requests._LARGEST_GROUP", 1),
    ):
        yield


MODES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "real": nullcontext,
    "alone": transactions_alone,
    "ceiling": constant_answers,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--mode", choices=sorted(MODES), default="real")
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--largest-job", type=int, default=0)
    options = parser.parse_args()
    sys.setswitchinterval(0.0005)
    largest = fill(options.home, options.tasks, options.largest_job)
    with MODES[options.mode]():
        asyncio.run(serve(options.home, largest))


if __name__ == "__main__":
    main()
