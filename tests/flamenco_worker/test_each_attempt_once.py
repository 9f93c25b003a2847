"""A slot runs each attempt once, whatever becomes of requests and answers on their way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.model import AssignedTask
from flamenco_core.statuses import TaskStatus
from flamenco_worker.attempts_done import AttemptsDone, Told
from flamenco_worker.slots import SlotConfig
from tests.flamenco_worker.protocol_manager import ProtocolManager, Received, command, task_of
from tests.flamenco_worker.test_slots import SlotWorkers, config

OFFERS = ["prefetch", "reports", "slots", "state-wait"]
BURST = 25
"""Tasks that take next to no time, so that all requests and answers cross."""


@dataclass
class SlotAtTheManager:
    """What a slot has, as its Manager knows it."""

    active: dict[str, dict[str, Any]] = field(default_factory=dict)
    reserved: dict[str, Any] | None = None


class KeepingManager(ProtocolManager):
    """Keeps account of what each slot has, and gives out again what a slot does not know of."""

    def __init__(self) -> None:
        super().__init__()
        self.offers = [*OFFERS]
        self.slots: dict[int, SlotAtTheManager] = {}
        self.ended: dict[str, list[str]] = {}
        self.loses: Callable[[Received], bool] = lambda _request: False
        """Whether the answer to a request that was carried out is lost."""
        self._known_updates: set[str] = set()

    def _answer(self, request: Received) -> tuple[int, Any]:
        answer = super()._answer(request)
        return (0, None) if self.loses(request) else answer

    def _take_report(self, request: Received) -> tuple[int, Any]:
        outcomes: list[dict[str, Any]] = []
        status = 204
        for reported in request.body["updates"]:
            # What comes behind an update that could not be stored is not stored, either.
            if status < 500:
                status = self._take_update(request.user, reported["task"], reported["update"])
            outcomes.append({"status": status})
        answer: dict[str, Any] = {"updates": outcomes}
        asked = request.body.get("request")
        if asked is not None:
            task = self._next_of(asked)
            answer["next"] = {"task": task} if task else {}
        return 200, answer

    def _answer_worker(self, request: Received) -> tuple[int, Any]:
        match request.path.split("/")[1:]:
            case ["task", uuid]:
                status = self._take_update(request.user, uuid, request.body)
                return status, None if status == 204 else {"code": status, "message": "no"}
            case _:
                return super()._answer_worker(request)

    def _take_update(self, user: str, uuid: str, update: dict[str, Any]) -> int:
        if status := self.fail(Received("POST", f"/task/{uuid}", update, user)):
            return status
        if update["update_id"] in self._known_updates:
            return 204
        status_told = update.get("taskStatus")
        for slot in self.slots.values():
            if status_told == "active" and slot.reserved and slot.reserved["uuid"] == uuid:
                slot.active[uuid], slot.reserved = slot.reserved, None
        having = [each for each in self.slots.values() if uuid in each.active]
        if not having:
            return 409
        self._known_updates.add(update["update_id"])
        if status_told in ("completed", "failed"):
            del having[0].active[uuid]
            self.ended.setdefault(uuid, []).append(status_told)
        return 204

    def _next_of(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        slot = self.slots.setdefault(asked["slot"], SlotAtTheManager())
        held = {(each["task"], each["attempt"]) for each in asked.get("holding", [])}
        for task in slot.active.values():
            if (task["uuid"], task["attempt"]) not in held:
                return task
        if slot.reserved and asked.get("prefetch"):
            return slot.reserved
        following, slot.reserved = slot.reserved, None
        if following is None and self.tasks:
            following = self.tasks.pop(0)
        if following is not None and asked.get("prefetch"):
            slot.reserved = following
        elif following is not None:
            slot.active[following["uuid"]] = following
        return following

    def _hand_out(self, request: Received) -> tuple[int, Any]:
        task = self._next_of(request.body)
        return (200, task) if task else super()._hand_out(request)


def burst(folder: Path, count: int = BURST) -> list[dict[str, Any]]:
    """Tasks that each write down that they run."""
    tasks = []
    for number in range(1, count + 1):
        line = f"echo {number} >> '{folder}/run.txt'"
        run = command("exec", exe="/bin/sh", args=["-c", line])
        tasks.append(task_of(f"{number:08}-0000-4000-8000-000000000000", run))
    return tasks


def runs(folder: Path) -> Counter[int]:
    return Counter(map(int, (folder / "run.txt").read_text().split()))


def at_least(manager: KeepingManager, count: int) -> Callable[[], bool]:
    return lambda: len(manager.ended) >= count


def is_report(request: Received) -> bool:
    return request.path.endswith("/task-report")


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(2, 12))]
)
def test_a_burst_of_short_tasks_runs_each_once_whatever_is_lost_on_the_way(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)

    def fail(request: Received) -> int | None:
        if is_report(request):
            return chance.choice([0, 503]) if chance.random() < 0.1 else None
        # An update that could not be stored, while its report was answered.
        is_update = isinstance(request.body, dict) and "update_id" in request.body
        return 503 if is_update and chance.random() < 0.05 else None

    tasks = burst(tmp_path)
    with KeepingManager() as manager:
        manager.fail = fail
        manager.loses = lambda request: is_report(request) and chance.random() < 0.3
        manager.hand_out(*tasks)
        with SlotWorkers(config(tmp_path / "home", manager, slots=(SlotConfig(),) * 2)):
            for count in range(1, BURST + 1):
                manager.wait_for(at_least(manager, count), f"{count} tasks")
    assert runs(tmp_path) == dict.fromkeys(range(1, BURST + 1), 1)
    assert manager.ended == {task["uuid"]: ["completed"] for task in tasks}


def test_an_attempt_whose_end_the_manager_keeps_losing_is_reported_failed_and_not_run_again(
    tmp_path: Path,
) -> None:
    class Forgetful(KeepingManager):
        """Says that it has stored the end of the first task, and has not."""

        def _take_update(self, user: str, uuid: str, update: dict[str, Any]) -> int:
            is_end = update.get("taskStatus") == "completed"
            return 204 if is_end and uuid == first else super()._take_update(user, uuid, update)

    tasks = burst(tmp_path, 2)
    first, second = tasks[0]["uuid"], tasks[1]["uuid"]
    with Forgetful() as manager:
        manager.hand_out(*tasks)
        with SlotWorkers(config(tmp_path / "home", manager)):
            manager.wait_for(lambda: {first, second} <= manager.ended.keys(), "both tasks")
    assert runs(tmp_path) == {1: 1, 2: 1}
    assert manager.ended == {first: ["failed"], second: ["completed"]}


def attempt(number: int | None) -> AssignedTask:
    return AssignedTask(
        uuid="1",
        job="a",
        name="x",
        status=TaskStatus.ACTIVE,
        priority=50,
        job_priority=50,
        job_type="x",
        task_type="misc",
        commands=[],
        steps_completed=0,
        steps_total=1,
        attempt=number,
    )


def test_what_has_ended_is_known_again_by_its_attempt() -> None:
    done = AttemptsDone(remembered=2)
    assert done.given_out(attempt(1), is_all_told=True) is Told.NEW
    done.ended(attempt(1))
    assert done.given_out(attempt(2), is_all_told=True) is Told.NEW, "a new attempt is new"
    assert done.given_out(attempt(1), is_all_told=False) is Told.AGAIN
    assert done.given_out(attempt(1), is_all_told=False) is Told.AGAIN, "its end is on the way"
    assert done.given_out(attempt(1), is_all_told=True) is Told.AGAIN, "they may have crossed"
    assert done.given_out(attempt(1), is_all_told=True) is Told.STILL
    for number in (2, 3):
        done.ended(attempt(number))
    assert not done.has(attempt(1)), "it remembers no more than it is to"
    done.ended(attempt(None))
    assert not done.has(attempt(None)), "Flamenco 3 numbers no attempts"
