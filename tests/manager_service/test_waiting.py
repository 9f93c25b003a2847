"""Who is told that it is worth asking for a task again."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from flamenco_core.events import TasksBecameReady, WorkerStatusRequested
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store.queues import WorkerMatch
from manager_service.waiting import Waiter, WaitingWorkers

BLENDER, FFMPEG = 1, 2
NO_TAG, FAST = 0, 7

BLENDERS = WorkerMatch({BLENDER: "blender"}, frozenset({NO_TAG}))
EVERYTHING = WorkerMatch({BLENDER: "blender", FFMPEG: "ffmpeg"}, frozenset({NO_TAG}))


def ready(count: int, task_class: int = BLENDER, tag: int = NO_TAG) -> TasksBecameReady:
    return TasksBecameReady(task_class_id=task_class, tag_id=tag, count=count)


class Room:
    """Waiting workers of which each has asked, and got nothing."""

    def __init__(self) -> None:
        self.waiting = WaitingWorkers()
        self._stack = ExitStack()
        # Classes that nobody has heard of are tried on everybody; these are old.
        self.waiting.on_events([ready(1, BLENDER), ready(1, FFMPEG)])

    def enter(self, name: str, match: WorkerMatch = BLENDERS) -> Waiter:
        waiter = self._stack.enter_context(self.waiting.enter(name))
        self.ask_in_vain(waiter, match)
        return waiter

    def ask_in_vain(self, waiter: Waiter, match: WorkerMatch = BLENDERS) -> None:
        self.waiting.begin_asking(waiter)
        self.waiting.found_nothing(waiter, match)


@pytest.fixture
def room() -> Room:
    return Room()


def woken(*waiters: Waiter) -> list[bool]:
    return [waiter.woken.is_set() for waiter in waiters]


def test_as_many_waiters_wake_as_tasks_became_ready_the_longest_waiting_first(room: Room) -> None:
    waiters = [room.enter(f"worker {number}") for number in range(4)]
    room.waiting.on_events([ready(2)])
    assert woken(*waiters) == [True, True, False, False]


def test_tasks_of_a_later_commit_wake_those_who_still_sleep(room: Room) -> None:
    waiters = [room.enter(f"worker {number}") for number in range(3)]
    room.waiting.on_events([ready(1)])
    room.waiting.on_events([ready(1)])
    assert woken(*waiters) == [True, True, False]


def test_only_workers_that_could_take_the_task_wake(room: Room) -> None:
    blender, both = room.enter("blender only"), room.enter("both", EVERYTHING)
    room.waiting.on_events([ready(5, FFMPEG)])
    assert woken(blender, both) == [False, True]


def test_a_tagged_task_wakes_only_workers_with_the_tag(room: Room) -> None:
    plain = room.enter("plain")
    fast = room.enter("fast", WorkerMatch({BLENDER: "blender"}, frozenset({NO_TAG, FAST})))
    room.waiting.on_events([ready(5, tag=FAST)])
    assert woken(plain, fast) == [False, True]


def test_who_asks_in_vain_passes_the_offer_on(room: Room) -> None:
    first, second = room.enter("failed at this task before"), room.enter("second")
    room.waiting.on_events([ready(1)])
    room.ask_in_vain(first)
    assert woken(first, second) == [False, True]


def test_an_offer_that_nobody_can_use_ends_with_the_last_waiter(room: Room) -> None:
    waiters = [room.enter(f"worker {number}") for number in range(3)]
    room.waiting.on_events([ready(1)])
    for waiter in waiters:
        room.ask_in_vain(waiter)
    assert woken(*waiters) == [False, False, False]


def test_who_leaves_without_having_asked_again_passes_the_offer_on(room: Room) -> None:
    second_stack = ExitStack()
    with room.waiting.enter("leaves") as first:
        room.ask_in_vain(first)
        second = second_stack.enter_context(room.waiting.enter("stays"))
        room.ask_in_vain(second)
        room.waiting.on_events([ready(1)])
        assert woken(first, second) == [True, False]
    assert woken(second) == [True]


def test_who_got_a_task_keeps_one_offer_and_passes_the_others_on(room: Room) -> None:
    with room.waiting.enter("first") as first:
        room.ask_in_vain(first)
        room.waiting.on_events([ready(1)])
        room.waiting.begin_asking(first)
        room.waiting.on_events([ready(1)])
        second = room.enter("second")
        room.waiting.found_task(first)
        assert woken(second) == [False]
    assert woken(second) == [True]


def test_what_becomes_ready_while_the_farm_is_asked_is_not_missed(room: Room) -> None:
    async def scenario() -> bool:
        with room.waiting.enter("worker") as waiter:
            room.waiting.begin_asking(waiter)
            room.waiting.on_events([ready(1)])  # committed after the question, heard before
            room.waiting.found_nothing(waiter, BLENDERS)
            return await room.waiting.called(waiter, 30)

    assert asyncio.run(scenario())


def test_a_class_that_is_new_on_the_farm_wakes_workers_whose_match_is_older(room: Room) -> None:
    waiter = room.enter("worker")
    room.waiting.on_events([ready(1, task_class=99)])
    assert woken(waiter) == [True]


def test_a_match_that_was_read_before_a_new_class_is_not_trusted(room: Room) -> None:
    stale, other = room.enter("asks just now"), room.enter("other")
    room.waiting.begin_asking(stale)
    room.waiting.on_events([ready(1, task_class=99)])  # goes to one of the two
    room.waiting.found_nothing(stale, BLENDERS)
    room.ask_in_vain(other, WorkerMatch({BLENDER: "blender"}, frozenset({NO_TAG})))
    room.waiting.begin_asking(stale)
    room.waiting.found_nothing(stale, WorkerMatch({99: "new"}, frozenset({NO_TAG})))
    room.waiting.on_events([ready(1, task_class=99)])
    assert woken(stale) == [True]


def test_a_status_request_wakes_its_worker_only(room: Room) -> None:
    one, other = room.enter("one"), room.enter("other")
    room.waiting.on_events(
        [WorkerStatusRequested(worker_id="one", status=WorkerStatus.ASLEEP, is_lazy=False)]
    )
    assert woken(one, other) == [True, False]


def test_nobody_waits_once_the_manager_stops(room: Room) -> None:
    async def scenario() -> list[bool]:
        early = room.enter("early")
        waits = asyncio.create_task(room.waiting.called(early, 30))
        await asyncio.sleep(0)
        room.waiting.close()
        late = room.enter("late")
        return [await waits, await room.waiting.called(late, 30)]

    assert asyncio.run(scenario()) == [False, False]


def test_a_request_without_waiting_time_is_answered_at_once(room: Room) -> None:
    waiter = room.enter("worker")
    assert not asyncio.run(room.waiting.called(waiter, 0))


def test_the_time_to_wait_ends(room: Room) -> None:
    waiter = room.enter("worker")
    assert not asyncio.run(room.waiting.called(waiter, 0.001))


def test_a_slot_that_asks_anew_ends_its_older_request(room: Room) -> None:
    async def scenario() -> tuple[bool, bool]:
        with room.waiting.enter("worker", 0) as older, room.waiting.enter("worker", 1) as other:
            for waiter in (older, other):
                room.ask_in_vain(waiter)
            waits = asyncio.create_task(room.waiting.called(older, 30))
            await asyncio.sleep(0)
            with room.waiting.enter("worker", 0):
                return await waits, other.is_superseded

    assert asyncio.run(scenario()) == (False, False)
