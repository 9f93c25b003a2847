"""Hundreds of workers at once, each with a connection of its own, as fast as they are answered."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench_farm_load import Load, signed_on
from flamenco_core.manager import Manager
from tests.eventually import PATIENCE
from tests.farm.farm import Farm, render_job, request

WORKERS = 500
SECONDS = 8
SECONDS_WHEN_THOROUGH = 60
TASKS_OF_A_JOB = 1_000
TASKS_AHEAD = 4 * TASKS_OF_A_JOB
"""That wait for workers at any time."""
FETCH = "worker/task?wait=60"
"""No worker is sent away without a task: there always are some more."""


def test_each_update_of_hundreds_of_workers_is_kept(
    idle_farm: Farm, pytestconfig: pytest.Config
) -> None:
    farm = idle_farm
    seconds = SECONDS_WHEN_THOROUGH if pytestconfig.getoption("--thorough") else SECONDS
    load = asyncio.run(work_for(farm, seconds))
    assert load.done > WORKERS, "the workers have hardly worked"
    farm.stop()
    file = farm.home / "flamenco-manager.sqlite"
    with Manager.open(file, read_only=True) as manager:
        assert manager.check() == []
    tasks = dict(rows(file, "SELECT uuid, status FROM tasks"))
    logs = written_logs(farm.home) | dict(rows(file, WAITING_LOGS))
    finished = [task for task, update in load.acknowledged if "taskStatus" in update]
    assert len(set(finished)) == load.done
    assert [task for task in finished if tasks[task] != "completed"] == []
    assert sum(status == "completed" for status in tasks.values()) == load.done
    logged = [task for task, update in load.acknowledged if "log" in update]
    assert [task for task in logged if not logs.get(task, "").endswith("done\n")] == []


WAITING_LOGS = """
    SELECT t.uuid, group_concat(c.text, '')
    FROM task_log_chunks c JOIN tasks t ON t.id = c.task_id GROUP BY t.uuid"""


def rows(file: Path, query: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def written_logs(home: Path) -> dict[str, str]:
    """By task; each of these has been attempted once."""
    files = home.rglob("task-*-1.txt")
    return {file.stem.removeprefix("task-").removesuffix("-1"): file.read_text() for file in files}


async def work_for(farm: Farm, seconds: float) -> Load:
    """All workers at once, for so long at least, and until they have done a task each on average;
    what is refused ends it with an error.
    """
    connections = [await signed_on(farm.manager_port, number) for number in range(WORKERS)]
    load = Load(sys.maxsize, fetch=FETCH)
    submitting = asyncio.create_task(keep_ahead(farm, load))
    async with asyncio.TaskGroup() as workers:
        for connection in connections:
            workers.create_task(load.work(connection))
        await asyncio.sleep(seconds)
        deadline = time.monotonic() + PATIENCE
        while load.done <= WORKERS and time.monotonic() < deadline:
            await asyncio.sleep(0.05)  # the machine has stood still, or has had much else to do
        load.left = 0
    submitting.cancel()
    await asyncio.wait([submitting])
    for connection in connections:
        await connection.close()
    assert submitting.cancelled() or submitting.exception() is None
    return load


async def keep_ahead(farm: Farm, load: Load) -> None:
    """Submits jobs, so that there are always enough tasks."""
    job = render_job(Path("scene.blend"), farm.folder, frames=f"1-{TASKS_OF_A_JOB}")
    submitted = 0
    while True:
        if submitted - load.done < TASKS_AHEAD:
            status, answer = await asyncio.to_thread(request, f"{farm.url}/api/v3/jobs", job)
            assert status == 200, answer
            submitted += TASKS_OF_A_JOB
        await asyncio.sleep(0.05)
