"""Workers of a simulation: each a machine that may crash, with a program that starts anew.

Written from the protocol alone: nothing of the real worker is used here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flamenco_core.errors import Conflict, FlamencoError
from flamenco_core.manager import Manager
from flamenco_core.model import (
    AssignedTask,
    HeldTask,
    TaskRequest,
    TaskUpdate,
    WorkerRegistration,
    WorkerSignOn,
)
from flamenco_core.rules.scheduling import MustChangeStatus
from flamenco_core.statuses import TaskStatus, WorkerStatus
from tests.simulator.farm_program import FarmProgram
from tests.simulator.network import Connection, Network
from tests.simulator.world import Unreachable, World

T = TypeVar("T")

WAIT = 90.0
"""Seconds that a request for a task waits at the Manager."""

RETRY = 3.0
"""Seconds until a request that failed is made again."""

MAY_I_RUN_EVERY = 15.0

LAST_WORDS = ("Blender quit", "Blender quit", "MemoryError", "disk quota exceeded", "NameError: x")
"""What logs of failures end with: each has its own consequences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What kind of worker it is."""

    task_types: tuple[str, ...] = ("blender",)
    slots: int = 1
    prefetches: bool = False
    """Reserves the next task of a slot while that still has one."""
    knows_attempts: bool = True
    """Flamenco 3's workers do not: they send no attempt and list nothing that they hold."""
    fails: float = 0.0
    """The share of its attempts that fail because of the machine."""
    pace: float = 1.0


class VirtualWorker:
    """One machine. What its program knows is gone with a crash; its disk stays."""

    def __init__(self, world: World, farm: FarmProgram, name: str, habits: Habits) -> None:
        self.name = name
        self.habits = habits
        self._world = world
        self._farm = farm
        self._network = Network(world)
        self._program: asyncio.Task[None] | None = None
        # The machine's disk.
        self._id = ""
        self._updates: deque[tuple[str, int | None, TaskUpdate]] = deque()
        # The program's memory.
        self._silent_until = 0.0
        self._is_dead = False
        self._wanted: WorkerStatus | None = None
        self._refused: set[tuple[str, int | None]] = set()
        self._work_left = asyncio.Event()

    async def live(self) -> None:
        """Starts the program whenever it does not run."""
        world = self._world
        await asyncio.sleep(world.rng.uniform(0.0, 20.0))
        while not self._is_dead:
            self._program = asyncio.create_task(self._run_program())
            # Not awaited itself: it may be cancelled, and this task goes on.
            await asyncio.wait({self._program})
            if not self._program.cancelled():
                self._program.result()
            await asyncio.sleep(world.rng.uniform(1.0, 60.0))

    def crash(self) -> None:
        if self._program is not None and not self._program.done():
            self._world.note(f"{self.name} crashes")
            self._program.cancel()

    def die(self) -> None:
        """Crashes and never starts again."""
        self._world.note(f"{self.name} dies")
        self._is_dead = True
        self.crash()

    def fall_silent(self, seconds: float) -> None:
        """Its cable is pulled; what it does goes on."""
        self._world.note(f"{self.name} is silent for {seconds:.0f} s")
        self._silent_until = self._world.now + seconds

    async def _run_program(self) -> None:
        self._wanted, self._refused = None, set()
        sender = asyncio.create_task(self._send_updates())
        try:
            status = await self._sign_on()
            while status not in (WorkerStatus.OFFLINE, WorkerStatus.RESTART):
                is_awake = status is WorkerStatus.AWAKE
                status = await (self._be_awake() if is_awake else self._be_asleep())
            with contextlib.suppress(Unreachable, FlamencoError):
                await self._ask(lambda manager: manager.sign_off(self._id))
        finally:
            sender.cancel()

    async def _sign_on(self) -> WorkerStatus:
        types = [*self.habits.task_types]
        if not self._id:
            registration = WorkerRegistration(
                name=self.name, secret="secret", platform="linux", supported_task_types=types
            )
            registered = await self._insist(
                lambda manager: manager.register_worker(registration, address=""),
                stored=lambda worker: self._farm.ledger.worker_registered(worker.uuid),
            )
            self._id = registered.uuid
        sign_on = WorkerSignOn(
            name=self.name, supported_task_types=types, software_version="1", can_restart=True
        )
        answer = await self._insist(lambda manager: manager.sign_on(self._id, sign_on, address=""))
        return answer.status_requested

    async def _be_awake(self) -> WorkerStatus:
        self._wanted = None
        await self._tell(WorkerStatus.AWAKE)
        slots = [asyncio.create_task(self._serve(slot)) for slot in range(self.habits.slots)]
        try:
            await asyncio.gather(*slots)
        finally:
            for slot in slots:
                slot.cancel()
        return self._wanted or WorkerStatus.AWAKE

    async def _be_asleep(self) -> WorkerStatus:
        await self._tell(WorkerStatus.ASLEEP)
        while True:
            await asyncio.sleep(10.0)
            with contextlib.suppress(Unreachable, FlamencoError):
                wanted = await self._ask(lambda manager: manager.worker_state(self._id))
                if wanted not in (None, WorkerStatus.ASLEEP):
                    return wanted or WorkerStatus.AWAKE

    async def _tell(self, status: WorkerStatus) -> None:
        await self._insist(lambda manager: manager.worker_state_changed(self._id, status))

    async def _serve(self, slot: int) -> None:
        """One slot, until the worker is to change its status."""
        reserved: AssignedTask | None = None
        while self._wanted is None:
            if reserved is not None and self._world.happens(0.5):
                task, reserved = reserved, None
                self._report(task, TaskUpdate(taskStatus=TaskStatus.ACTIVE))
            else:
                if not self.habits.knows_attempts:
                    await self._until_all_is_sent()
                reserved, found = None, await self._next_task(slot)
                if found is None:
                    continue
                task = found
            if self.habits.prefetches:
                reserving = asyncio.create_task(self._reserve(slot, task))
                await self._work_at(task)
                reserved = await reserving
            else:
                await self._work_at(task)

    async def _until_all_is_sent(self) -> None:
        while self._updates:
            await asyncio.sleep(1.0)

    async def _next_task(self, slot: int) -> AssignedTask | None:
        request = TaskRequest(slot=slot, holding=self._not_acknowledged())
        try:
            answer = await self._talk(
                lambda connection: self._farm.next_task(self._id, request, WAIT, connection), WAIT
            )
        except Conflict:
            # The Manager has lost sight of us.
            with contextlib.suppress(Unreachable, FlamencoError):
                await self._ask(
                    lambda manager: manager.worker_state_changed(self._id, WorkerStatus.AWAKE)
                )
            answer = None
        except (Unreachable, FlamencoError):
            await asyncio.sleep(self._world.rng.uniform(0.0, 2 * RETRY))
            answer = None
        if isinstance(answer, MustChangeStatus):
            self._wanted = answer.status
            return None
        return answer

    async def _reserve(self, slot: int, present: AssignedTask) -> AssignedTask | None:
        held = HeldTask(task=present.uuid, attempt=present.attempt or 0)
        request = TaskRequest(slot=slot, holding=[*self._not_acknowledged(), held], prefetch=True)
        try:
            answer = await self._ask(
                lambda manager: manager.next_task(self._id, request),
                stored=lambda answer: self._farm.ledger.handed_out(self._id, request, answer),
            )
        except (Unreachable, FlamencoError):
            return None
        # A lost task may come instead: it runs already, and is to run next.
        return answer if isinstance(answer, AssignedTask) else None

    async def _work_at(self, task: AssignedTask) -> None:
        world = self._world
        world.note(f"{self.name} begins {task.name} attempt {task.attempt}")
        left = world.rng.uniform(2.0, 40.0) / self.habits.pace
        ask_in = MAY_I_RUN_EVERY
        steps = 0
        while left > 0:
            beat = min(left, world.rng.uniform(5.0, 15.0))
            await asyncio.sleep(beat)
            left -= beat
            ask_in -= beat
            steps += 1
            line = f"line {steps} of attempt {task.attempt} at {world.now:.3f}"
            self._report(task, TaskUpdate(log=line, steps_completed=steps))
            if self._is_refused(task) or (ask_in <= 0 and await self._must_stop(task)):
                world.note(f"{self.name} abandons {task.name}")
                return
            if ask_in <= 0:
                ask_in = MAY_I_RUN_EVERY
        is_failure = "bad" in task.name or world.happens(
            self.habits.fails + world.faults.failing_attempts
        )
        status = TaskStatus.FAILED if is_failure else TaskStatus.COMPLETED
        log = f"{status} at {world.now:.3f}"
        if is_failure:
            log = f"{world.rng.choice(LAST_WORDS)}\n{log}"
        self._report(task, TaskUpdate(taskStatus=status, log=log))

    async def _must_stop(self, task: AssignedTask) -> bool:
        try:
            answer = await self._ask(lambda manager: manager.may_keep_running(self._id, task.uuid))
        except (Unreachable, FlamencoError):
            return False
        return not answer.mayKeepRunning

    def _report(self, task: AssignedTask, update: TaskUpdate) -> None:
        attempt = task.attempt if self.habits.knows_attempts else None
        self._updates.append((task.uuid, task.attempt, replace(update, attempt=attempt)))
        self._work_left.set()

    def _is_refused(self, task: AssignedTask) -> bool:
        return (task.uuid, task.attempt) in self._refused

    def _not_acknowledged(self) -> list[HeldTask]:
        """Tasks that are done, of which the Manager may not know yet."""
        if not self.habits.knows_attempts:
            return []
        held = {(task, attempt): None for task, attempt, _ in self._updates}
        return [HeldTask(task=task, attempt=attempt or 0) for task, attempt in held]

    async def _send_updates(self) -> None:
        """Sends updates in their order, each until it is answered."""
        while True:
            if not self._updates:
                self._work_left.clear()
                await self._work_left.wait()
            task_id, attempt, update = self._updates[0]
            try:
                answer = await self._ask(
                    lambda manager, task_id=task_id, update=update: manager.update_task(  # type: ignore[misc]
                        self._id, task_id, update
                    ),
                    stored=lambda answer, task_id=task_id, update=update: (  # type: ignore[misc]
                        self._farm.ledger.updated(self._id, task_id, update, answer)
                    ),
                )
            except (Unreachable, FlamencoError):
                await asyncio.sleep(self._world.rng.uniform(0.0, 2 * RETRY))
                continue
            self._updates.popleft()
            if not answer.is_accepted:
                self._refused.add((task_id, attempt))

    async def _insist(
        self,
        function: Callable[[Manager], T],
        *,
        stored: Callable[[T], None] | None = None,
    ) -> T:
        while True:
            try:
                return await self._ask(function, stored=stored)
            except (Unreachable, FlamencoError):
                await asyncio.sleep(self._world.rng.uniform(0.0, 2 * RETRY))

    async def _ask(
        self,
        function: Callable[[Manager], T],
        *,
        stored: Callable[[T], None] | None = None,
    ) -> T:
        return await self._talk(lambda _connection: self._farm.run(function, stored=stored), 0.0)

    async def _talk(self, serve: Callable[[Connection], Coroutine[Any, Any, T]], wait: float) -> T:
        if self._world.now < self._silent_until:
            await asyncio.sleep(Network.PATIENCE)
            raise Unreachable("the cable is pulled")
        return await self._network.call(serve, wait=wait)
