"""The queue of updates takes only so much of the disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flamenco_worker.queue_room import GAP, QueueRoom

MOST = 20_000
TABLE = "CREATE TABLE waiting_updates (id INTEGER PRIMARY KEY, payload TEXT NOT NULL)"


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(TABLE)
    yield connection
    connection.close()


def put(database: sqlite3.Connection, room: QueueRoom, **update: Any) -> None:
    payload = json.dumps(update)
    database.execute("INSERT INTO waiting_updates (payload) VALUES (?)", (payload,))
    room.added(payload)


def waiting(database: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = database.execute("SELECT payload FROM waiting_updates ORDER BY id")
    return [json.loads(payload) for (payload,) in rows]


def size(database: sqlite3.Connection) -> int:
    query = "SELECT sum(length(payload)) FROM waiting_updates"
    return int(database.execute(query).fetchone()[0])


def test_the_oldest_text_goes_and_what_happened_stays(database: sqlite3.Connection) -> None:
    room = QueueRoom(database, MOST)
    put(database, room, taskStatus="active")
    for number in range(60):
        put(database, room, log=f"{number} " * 300, steps_completed=number)
        assert size(database) <= MOST
    put(database, room, taskStatus="completed")
    first, *middle, last = waiting(database)
    assert (first, last) == ({"taskStatus": "active"}, {"taskStatus": "completed"})
    assert [update["steps_completed"] for update in middle] == list(range(60))
    is_gap = [update["log"] == GAP for update in middle]
    assert is_gap == sorted(is_gap, reverse=True)
    assert 5 < sum(is_gap) < 60
    assert middle[-1]["log"].startswith("59 59")


def test_what_is_sent_makes_room_without_losing_text(database: sqlite3.Connection) -> None:
    room = QueueRoom(database, MOST)
    for _ in range(100):
        put(database, room, log="text " * 300)
        database.execute(
            "DELETE FROM waiting_updates WHERE id <= (SELECT max(id) - 3 FROM waiting_updates)"
        )
    assert GAP not in [update["log"] for update in waiting(database)]


def test_a_queue_of_an_earlier_run_counts(database: sqlite3.Connection) -> None:
    before = QueueRoom(database, 10 * MOST)
    for _ in range(20):
        put(database, before, log="text " * 300)
    put(database, QueueRoom(database, MOST), steps_completed=1)
    assert size(database) <= MOST


def test_a_queue_without_text_is_left_as_it_is(database: sqlite3.Connection) -> None:
    room = QueueRoom(database, 1000)
    for number in range(200):
        put(database, room, steps_completed=number)
    assert [update["steps_completed"] for update in waiting(database)] == list(range(200))


def test_a_file_that_has_grown_gets_small_again(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(TABLE)
        file.execute("INSERT INTO waiting_updates (payload) VALUES (?)", ("x" * 30_000_000,))
        file.execute("DELETE FROM waiting_updates")
        assert path.stat().st_size > 30_000_000
        QueueRoom(file, MOST).give_back()
    assert path.stat().st_size < 100_000
