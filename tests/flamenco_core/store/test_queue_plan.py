"""The plan on paper names the same tasks that would really be handed out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.manager import MANAGER, Manager
from flamenco_core.manager.job_plan import farm_plan, plan_of_compiled
from flamenco_core.model import (
    AssignedTask,
    TaskRequest,
    WorkerAbilities,
    WorkerSlot,
    WorkerTag,
    WorkerTagChangeRequest,
)
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


def give_slots(
    manager: Manager, worker: str, slots: Sequence[WorkerSlot], capabilities: dict[str, str]
) -> None:
    abilities = WorkerAbilities(
        supported_task_types=sorted({kind for slot in slots for kind in slot.task_types}),
        capabilities=capabilities,
        slots=[*slots],
    )
    manager.worker_abilities_changed(worker, abilities)


def some_slots(chance: random.Random) -> list[WorkerSlot]:
    return [
        WorkerSlot(
            slot=number,
            task_types=chance.sample(TYPES, k=chance.randint(1, 2)),
            capabilities={"memory_gb": "16"} if chance.random() < 0.3 else None,
        )
        for number in range(chance.randint(2, 3))
    ]


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
        if chance.random() < 0.4:
            give_slots(manager, workers[-1], some_slots(chance), capabilities)
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


def free_slots(manager: Manager) -> list[tuple[str, int]]:
    """Each worker's slots that have no task, in the order in which workers came to the farm."""
    free = []
    with manager.reader() as reader:
        found = reader.workers()
        for worker in (reader.worker(each["id"]) for each in found):
            slots = worker.get("slots") or [{"slot": 0, "tasks": _task_of(worker)}]
            free += [(worker["id"], slot["slot"]) for slot in slots if not slot["tasks"]]
    return free


def _task_of(worker: dict[str, Any]) -> list[dict[str, Any]]:
    task = worker.get("task") or {}
    return [task] if task.get("status") == "active" else []


@pytest.mark.parametrize("seed", range(12))
def test_the_plan_is_what_happens_when_all_free_slots_ask(tmp_path: Path, seed: int) -> None:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        farm_of_all_sorts(manager, random.Random(seed))
        with manager.reader() as reader:
            plan = farm_plan(reader.connection)
        free = free_slots(manager)
        assert plan.free_workers == len({worker for worker, _slot in free})
        handed_out = []
        for worker, slot in free:
            task = manager.next_task(worker, TaskRequest(slot=slot))
            if isinstance(task, AssignedTask):
                handed_out.append((worker, task.uuid))
    assert [(each.worker_id, each.task_id) for each in plan.hand_outs] == handed_out


def test_a_worker_with_one_slot_busy_is_free_for_what_its_other_slots_take(tmp_path: Path) -> None:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        worker = awake_worker(manager)
        slots = [
            WorkerSlot(slot=0, task_types=["blender"], capabilities={"device": "gpu"}),
            WorkerSlot(slot=1, task_types=["blender"], capabilities={"device": "cpu"}),
            WorkerSlot(slot=2, task_types=["ffmpeg"]),
        ]
        give_slots(manager, worker, slots, {"device": "cpu, gpu"})
        store(manager, compiled_job([compiled_task("a", requirements={"device": "gpu"})]))
        assert isinstance(manager.next_task(worker), AssignedTask)
        gpu = compiled_job([compiled_task("b", requirements={"device": "gpu"})])
        cpu = compiled_job([compiled_task("c"), compiled_task("d"), compiled_task("e")])
        video = compiled_job([compiled_task("f", task_type="ffmpeg")])
        with manager.reader() as reader:
            plans = [plan_of_compiled(reader.connection, job) for job in (gpu, cpu, video)]
        assert [plan.free_workers for plan in plans] == [1, 1, 1]
        names = [[each.task_name for each in plan.hand_outs] for plan in plans]
        assert names == [[], ["c"], ["f"]]
