"""The plan on paper names the same tasks that would really be handed out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flamenco_core.manager import MANAGER, Manager
from flamenco_core.manager.job_plan import farm_plan
from flamenco_core.model import WorkerTag, WorkerTagChangeRequest
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    compiled_task,
    fail,
    store,
    take_or_none,
)

TYPES = ("blender", "ffmpeg", "misc")
MEMORY = ("8", "32")


def farm_of_all_sorts(manager: Manager, chance: random.Random) -> None:
    """Jobs and workers that fit each other in part, some of which have failed already."""
    tag = manager.create_tag(WorkerTag(name="fast"), actor=MANAGER).id or ""
    workers = []
    for number in range(8):
        types = chance.sample(TYPES, k=chance.randint(1, 3))
        capabilities = {"memory_gb": chance.choice(MEMORY)}
        workers.append(
            awake_worker(manager, *types, name=f"worker-{number}", capabilities=capabilities)
        )
        if chance.random() < 0.5:
            change = WorkerTagChangeRequest(tag_ids=[tag])
            manager.set_worker_tags(workers[-1], change, actor=MANAGER)
    for _ in range(5):
        tasks = [
            compiled_task(
                f"task-{index}",
                task_type=chance.choice(TYPES),
                priority=chance.choice((40, 50)),
                depends_on=[index - 1] if index and chance.random() < 0.4 else [],
                requirements={"memory_gb": ">=16"} if chance.random() < 0.3 else None,
            )
            for index in range(chance.randint(1, 6))
        ]
        job = compiled_job(
            tasks,
            priority=chance.choice((30, 50, 50)),
            worker_tag=tag if chance.random() < 0.3 else None,
        )
        store(manager, job)
    for worker in workers:
        task = take_or_none(manager, worker) if chance.random() < 0.4 else None
        if task is not None and chance.random() < 0.6:
            fail(manager, worker, task)


@pytest.mark.parametrize("seed", range(12))
def test_the_plan_is_what_happens_when_all_free_workers_ask(tmp_path: Path, seed: int) -> None:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        farm_of_all_sorts(manager, random.Random(seed))
        with manager.reader() as reader:
            plan = farm_plan(reader.connection)
            busy = {
                each["id"]
                for each in reader.workers()
                if reader.worker(each["id"]).get("task", {}).get("status") == "active"
            }
            free = [each["id"] for each in reader.workers() if each["id"] not in busy]
        assert plan.free_workers == len(free)
        handed_out = {}
        for worker in free:
            task = take_or_none(manager, worker)
            if task is not None:
                handed_out[worker] = task.uuid
    assert {each.worker_id: each.task_id for each in plan.hand_outs} == handed_out
