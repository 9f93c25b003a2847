"""Takes messages to the broker: from those who tell them into the file, and from there on."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from flamenco_core.config import MqttClient
from manager_service.mqtt.broker import IN_FLIGHT, Broker
from manager_service.mqtt.queue import MOST_MESSAGES, MqttQueue
from manager_service.realtime import topics
from manager_service.realtime.describing import Message, MessageType
from manager_service.realtime.hub import Follower, Hub
from manager_service.realtime.ring import Numbered

logger = logging.getLogger(__name__)

MQTT_QUEUE_FILE = "mqtt-queue.sqlite"
"""In the Manager's data folder."""

FAREWELL = timedelta(seconds=2)
"""How long a Manager that stops tries to get rid of its last messages."""

RETRY = timedelta(seconds=10)
"""When the file is tried again after it could not be used."""


def mqtt_topics(message: Message) -> list[str]:
    """Where Flamenco 3 publishes such a message; nowhere if it has nothing of that kind."""
    match message.type:
        case MessageType.FARM_STATUS:
            return ["/status"]
        case MessageType.LIFE_CYCLE:
            return ["/lifecycle"]
        case MessageType.JOB:
            return ["/jobs"]
        case MessageType.TASK:
            return [f"/{topic.removesuffix('/tasks')}" for topic in message.topics if "/" in topic]
        case MessageType.LAST_RENDERED:
            return [f"/{topic}" for topic in message.topics]
        case MessageType.WORKER:
            return ["/workers"]
        case MessageType.TAG:
            return ["/workertags"]
    return []


def write_messages(_hub: Hub, messages: Sequence[Numbered]) -> Sequence[bytes]:
    """Each message with its topic before it, on a line of its own."""
    return [
        b"%b\n%b" % (topic.encode(), each.message.data)
        for each in messages
        for topic in mqtt_topics(each.message)
    ]


class MqttForwarder(Follower):
    """Follows the whole farm but the logs. Files and the broker are used on other threads only."""

    def __init__(
        self, hub: Hub, settings: MqttClient, file: Path, *, most_messages: int = MOST_MESSAGES
    ) -> None:
        super().__init__(write_messages)
        self._hub = hub
        self._prefix = settings.topic_prefix
        self._file = file
        self._most_messages = most_messages
        self._told: deque[bytes] = deque(maxlen=most_messages)
        self._acknowledged: deque[int] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self.waiting = 0
        """Messages that the broker does not have yet."""
        self._broker = Broker(
            settings, on_connected=self._wake, on_acknowledged=self._on_acknowledged
        )
        self._thread = threading.Thread(target=self._work, name="mqtt")

    def start(self) -> None:
        """Begins, with what an earlier run could not send."""
        self._broker.start()
        self._thread.start()
        self._hub.join(self)
        self._hub.change_topics(self, topics.WHOLE_FARM)

    @property
    def is_connected(self) -> bool:
        return self._broker.is_connected

    def deliver(self, frames: Sequence[bytes]) -> None:
        with self._changed:
            self._told.extend(frames)
            self._changed.notify()

    def lose_track(self, about: frozenset[str]) -> None:
        """The Manager's log says so already, and a broker has nobody to tell it to."""

    async def close(self) -> None:
        self._hub.leave(self)
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()
        self._broker.stop()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _on_acknowledged(self, number: int) -> None:
        with self._changed:
            self._acknowledged.append(number)
            self._changed.notify()

    def _work(self) -> None:
        while True:
            try:
                self._forward()
            except (sqlite3.Error, OSError) as error:
                logger.warning("Events cannot be kept for MQTT in %s: %s", self._file, error)
            else:
                return
            with self._changed:
                if self._changed.wait_for(lambda: self._is_stopping, RETRY.total_seconds()):
                    return

    def _forward(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        queue = MqttQueue(self._file, most_messages=self._most_messages)
        try:
            sending = _Sending(queue, self._broker)
            deadline: float | None = None
            while True:
                told, acknowledged, is_stopping = self._next(sending, deadline)
                if told:
                    self._store(queue, told)
                sending.acknowledged(acknowledged)
                sending.send_more()
                self.waiting = len(queue)
                if is_stopping:
                    deadline = deadline or time.monotonic() + FAREWELL.total_seconds()
                    is_done = not len(queue) or not self._broker.is_connected
                    if is_done or time.monotonic() > deadline:
                        return
        finally:
            queue.close()

    def _next(
        self, sending: _Sending, deadline: float | None
    ) -> tuple[list[bytes], list[int], bool]:
        """What was told and what was acknowledged since, and whether nothing more will be told.

        Waits until there is something to do.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._told
                    or self._acknowledged
                    or self._is_stopping
                    or (sending.has_more and self._broker.is_connected)
                ),
                None if deadline is None else 0,
            )
            if deadline is not None and not (self._told or self._acknowledged):
                self._changed.wait(max(0.0, min(0.1, deadline - time.monotonic())))
            told, acknowledged = list(self._told), list(self._acknowledged)
            self._told.clear()
            self._acknowledged.clear()
            return told, acknowledged, self._is_stopping

    def _store(self, queue: MqttQueue, told: Sequence[bytes]) -> None:
        parted = (frame.partition(b"\n") for frame in told)
        dropped = queue.add((f"{self._prefix}{topic.decode()}", data) for topic, _, data in parted)
        if dropped:
            logger.warning("The MQTT broker is away: the %d oldest events were dropped", dropped)


class _Sending:
    """What of the queue is on its way."""

    def __init__(self, queue: MqttQueue, broker: Broker) -> None:
        self._queue = queue
        self._broker = broker
        self._last_sent = 0
        self._in_flight: dict[int, int] = {}
        """Number in the connection → id in the queue."""

    @property
    def has_more(self) -> bool:
        """Whether something could be sent right now."""
        return len(self._in_flight) < min(IN_FLIGHT, len(self._queue))

    def send_more(self) -> None:
        room = IN_FLIGHT - len(self._in_flight)
        if not self._broker.is_connected or room <= 0:
            return
        for waiting in self._queue.after(self._last_sent, limit=room):
            self._last_sent = waiting.id
            self._in_flight[self._broker.send(waiting.topic, waiting.payload)] = waiting.id

    def acknowledged(self, numbers: Sequence[int]) -> None:
        """Forgets what the broker has."""
        ids = [self._in_flight.pop(number) for number in numbers if number in self._in_flight]
        if ids:
            self._queue.remove(ids)
