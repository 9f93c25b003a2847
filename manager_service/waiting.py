"""Workers that wait for a task inside their request.

A commit that made tasks ready makes as many offers as tasks became ready, to the waiters that
could take one, longest waiting first. An offer says "ask again", it promises nothing: another
worker may be quicker, or the task may have failed on this worker before. Whoever could not use
its offer passes it on, so that no ready task stays behind while somebody waits who could take it.

Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flamenco_core.events import (
    Event,
    TasksBecameReady,
    WorkerDeleted,
    WorkerStatusRequested,
    WorkerTagsChanged,
)

if TYPE_CHECKING:
    from flamenco_core.store.queues import WorkerMatch


_NO_SLOT = -1


@dataclass(eq=False, slots=True)
class _Offer:
    """Tells that one task became ready."""

    task_class_id: int
    tag_id: int
    tried: set[Waiter] = field(default_factory=set)
    """Who asked because of it, and got nothing."""


@dataclass(eq=False, slots=True)
class Waiter:
    """One request that wants a task. Entered before its first question to the farm, so that
    nothing that becomes ready after that question can be missed.
    """

    worker_id: str
    slot: int
    wants_tasks: bool = True
    """Whether it waits for a task; otherwise only for what is asked of its worker."""
    is_superseded: bool = False
    """Whether the same slot of the worker has asked anew: this request's connection is dead."""
    match: WorkerMatch | None = None
    """What the worker could take; None while that is not known, and it might take anything."""
    asked_at: int = 0
    """How many task classes had been heard of when it last asked."""
    offers: list[_Offer] = field(default_factory=list)
    """Not used yet."""
    asking_with: list[_Offer] = field(default_factory=list)
    """Used for the question that is being asked."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def could_take(self, offer: _Offer) -> bool:
        if not self.wants_tasks or self in offer.tried:
            return False
        if self.match is None:
            return True
        return offer.task_class_id in self.match.task_classes and offer.tag_id in self.match.tags

    def offer(self, offer: _Offer) -> None:
        self.offers.append(offer)
        self.woken.set()


class WaitingWorkers:
    """All waiters, longest waiting first."""

    def __init__(self) -> None:
        self._waiters: dict[Waiter, None] = {}
        self._of_slot: dict[tuple[str, int], Waiter] = {}
        self._known_classes: set[int] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiters)

    def worker_ids(self) -> set[str]:
        """The UUIDs of all who wait for a task; may be called from any thread."""
        return {waiter.worker_id for waiter in tuple(self._waiters) if waiter.wants_tasks}

    def present(self) -> set[str]:
        """The UUIDs of all who wait for anything; may be called from any thread."""
        return {waiter.worker_id for waiter in tuple(self._waiters)}

    @contextmanager
    def enter(self, worker_id: str, slot: int = 0) -> Iterator[Waiter]:
        """A waiter, for as long as its request lasts; on leaving, unused offers are passed on.

        A slot has one request at a time: one that still waits for it is let go.
        """
        with self._entered(Waiter(worker_id, slot)) as waiter:
            yield waiter

    @contextmanager
    def enter_for_status(self, worker_id: str) -> Iterator[Waiter]:
        """The same for a worker that takes no tasks, and waits for being asked to change that."""
        with self._entered(Waiter(worker_id, _NO_SLOT, wants_tasks=False)) as waiter:
            yield waiter

    @contextmanager
    def _entered(self, waiter: Waiter) -> Iterator[Waiter]:
        worker_id, slot = waiter.worker_id, waiter.slot
        other = self._of_slot.get((worker_id, slot))
        if other is not None:
            other.is_superseded = True
            other.woken.set()
        self._of_slot[worker_id, slot] = waiter
        self._waiters[waiter] = None
        try:
            yield waiter
        finally:
            del self._waiters[waiter]
            if self._of_slot.get((worker_id, slot)) is waiter:
                del self._of_slot[worker_id, slot]
            self._pass_on([*waiter.asking_with, *waiter.offers])

    def begin_asking(self, waiter: Waiter) -> None:
        """To be called right before the farm is asked for a task for this waiter."""
        waiter.woken.clear()
        waiter.asked_at = len(self._known_classes)
        waiter.asking_with, waiter.offers = waiter.offers, []

    def found_nothing(self, waiter: Waiter, match: WorkerMatch) -> None:
        """The farm had no task for this waiter: others may try the offers that it had."""
        # A class that was heard of meanwhile may be missing in `match`.
        waiter.match = match if waiter.asked_at == len(self._known_classes) else None
        offers, waiter.asking_with = waiter.asking_with, []
        for offer in offers:
            offer.tried.add(waiter)
        self._pass_on(offers)

    def found_task(self, waiter: Waiter) -> None:
        """The waiter got a task, which uses up one offer: the one that most others have tried."""
        offers = waiter.asking_with
        if offers:
            offers.remove(max(offers, key=lambda offer: len(offer.tried)))

    def on_events(self, events: Iterable[Event]) -> None:
        """Wakes whom a commit concerns."""
        for event in events:
            if isinstance(event, TasksBecameReady):
                self._tasks_became_ready(event)
            elif isinstance(event, WorkerStatusRequested | WorkerTagsChanged | WorkerDeleted):
                for waiter in self._waiters:
                    if waiter.worker_id == event.worker_id:
                        waiter.woken.set()

    async def called(self, waiter: Waiter, seconds: float) -> bool:
        """Waits until it is worth asking again; False if that did not happen in time."""
        if seconds <= 0 or self._closed or waiter.is_superseded:
            return False
        try:
            async with asyncio.timeout(seconds):
                await waiter.woken.wait()
        except TimeoutError:
            return False
        return not (self._closed or waiter.is_superseded)

    def close(self) -> None:
        """Ends all waiting, now and from now on: the Manager stops."""
        self._closed = True
        for waiter in self._waiters:
            waiter.woken.set()

    def _tasks_became_ready(self, event: TasksBecameReady) -> None:
        if event.task_class_id not in self._known_classes:
            # It may be new on the farm, and the waiters' matches older than it.
            self._known_classes.add(event.task_class_id)
            for waiter in self._waiters:
                waiter.match = None
        left = event.count
        for waiter in self._waiters:
            if not left:
                return
            offer = _Offer(event.task_class_id, event.tag_id)
            if not waiter.offers and waiter.could_take(offer):
                waiter.offer(offer)
                left -= 1

    def _pass_on(self, offers: Iterable[_Offer]) -> None:
        for offer in offers:
            candidates = [waiter for waiter in self._waiters if waiter.could_take(offer)]
            if candidates:
                # min() keeps the order of waiting among those with equally many offers.
                min(candidates, key=lambda waiter: len(waiter.offers)).offer(offer)
