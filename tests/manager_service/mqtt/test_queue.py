from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from manager_service.mqtt.broker import BrokerAddress, broker_address
from manager_service.mqtt.queue import MqttQueue


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite"


@pytest.fixture
def queue(file: Path) -> Iterator[MqttQueue]:
    made = MqttQueue(file, most_messages=5)
    yield made
    made.close()


def numbered(*numbers: int) -> list[tuple[str, bytes]]:
    return [("topic", str(number).encode()) for number in numbers]


def payloads(queue: MqttQueue, after: int = 0) -> list[int]:
    return [int(waiting.payload) for waiting in queue.after(after, limit=100)]


def test_messages_stay_in_their_order_until_they_are_removed(queue: MqttQueue) -> None:
    assert queue.add(numbered(1, 2, 3)) == 0
    first, second, _ = queue.after(0, limit=3)
    assert (first.topic, first.payload) == ("topic", b"1")
    queue.remove([second.id])
    assert payloads(queue) == [1, 3]
    assert payloads(queue, after=first.id) == [3]
    assert len(queue) == 2


def test_they_survive_being_closed(queue: MqttQueue, file: Path) -> None:
    queue.add(numbered(1, 2))
    again = MqttQueue(file, most_messages=5)
    assert (payloads(again), len(again)) == ([1, 2], 2)
    again.close()


def test_the_oldest_go_when_there_are_too_many(queue: MqttQueue) -> None:
    queue.add(numbered(1, 2, 3))
    (first, *_) = queue.after(0, limit=1)
    assert queue.add(numbered(4, 5, 6, 7)) == 2
    assert payloads(queue) == [3, 4, 5, 6, 7]
    queue.remove([first.id])
    assert len(queue) == 5
    assert queue.add(numbered(*range(10, 22))) == 12
    assert payloads(queue) == [17, 18, 19, 20, 21]


def test_an_id_is_never_used_again(queue: MqttQueue) -> None:
    queue.add(numbered(1))
    (first,) = queue.after(0, limit=1)
    queue.remove([first.id])
    queue.add(numbered(2))
    assert payloads(queue, after=first.id) == [2]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883, False, "")),
        ("tcp://broker:1999", BrokerAddress("broker", 1999, False, "")),
        ("mqtts://broker", BrokerAddress("broker", 8883, True, "")),
        ("ssl://[::1]:9", BrokerAddress("::1", 9, True, "")),
        ("ws://broker", BrokerAddress("broker", 80, False, "/mqtt")),
        ("wss://broker/a/b?c=d", BrokerAddress("broker", 443, True, "/a/b?c=d")),
    ],
)
def test_the_address_of_a_broker_is_its_url(url: str, address: BrokerAddress) -> None:
    assert broker_address(url) == address
