"""Images of what was rendered last, on their way to a Manager that is there or is not."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from flamenco_core.client import ManagerClient
from flamenco_core.errors import StorageError
from flamenco_worker.backing_off import BackOff
from flamenco_worker.output_images import OutputImages
from tests.eventually import eventually
from tests.flamenco_worker.protocol_manager import ProtocolManager

TASKS = tuple(f"{number}1111111-1111-4111-8111-111111111111" for number in range(1, 6))
WORKER = "someone"


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as running:
        running.known_workers.add(WORKER)
        yield running


@contextmanager
def sending(
    manager: ProtocolManager, kept_in: Path, *, worker: str = WORKER, room: int = 10**9
) -> Iterator[OutputImages]:
    client = ManagerClient(manager.url, worker_id=worker, secret="secret")
    back_off = BackOff(timedelta(seconds=0.02), timedelta(seconds=0.1))
    images = OutputImages(client, kept_in, back_off, room)
    try:
        yield images
    finally:
        images.close(timedelta(seconds=20))
        client.abort()


def picture(folder: Path, shade: int, side: int = 8) -> Path:
    path = folder / f"{shade}.png"
    Image.new("RGB", (side, side), (shade, shade, shade)).save(path)
    return path


def shades(manager: ProtocolManager) -> list[tuple[str, int]]:
    """Task and brightness of each image that has come, in order; brightness to the next ten."""
    found = []
    for request in manager.requests("/output-produced"):
        with Image.open(io.BytesIO(request.body)) as image:
            brightness = image.convert("L").tobytes()[0]
        found.append((request.path.split("/")[2], round(brightness / 10) * 10))
    return found


def test_images_wait_while_the_manager_is_away_and_come_in_order(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.go_away()
    with sending(manager, tmp_path / "queue.sqlite") as images:
        images.start(WORKER)
        for place, task in enumerate(TASKS[:3]):
            images.offer(task, picture(tmp_path, 50 + 10 * place))
        wait_until_kept(tmp_path / "queue.sqlite", 3)
        (tmp_path / "50.png").unlink()  # the frame may be gone by then
        manager.listen()
        manager.wait_for_count("/output-produced", 3)
        eventually(lambda: images.waiting == 0)
    assert shades(manager) == [(TASKS[0], 50), (TASKS[1], 60), (TASKS[2], 70)]


def test_what_was_not_sent_is_sent_by_the_next_run(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.go_away()
    for shade in (50, 100):
        with sending(manager, tmp_path / "queue.sqlite") as images:
            images.start(WORKER)
            images.offer(TASKS[shade // 100], picture(tmp_path, shade))
            wait_until_kept(tmp_path / "queue.sqlite", 1 + shade // 100)
    manager.listen()
    with sending(manager, tmp_path / "queue.sqlite") as images:
        assert manager.requests("/output-produced") == []
        images.start(WORKER)
        manager.wait_for_count("/output-produced", 2)
    assert shades(manager) == [(TASKS[0], 50), (TASKS[1], 100)]


def wait_until_kept(path: Path, count: int) -> None:
    eventually(lambda: kept(path) == count)


def kept(path: Path) -> int:
    database = sqlite3.connect(path)
    try:
        (count,) = database.execute("SELECT count(*) FROM waiting_images").fetchone()
        return int(count)
    finally:
        database.close()


def test_of_a_task_only_the_newest_waits_and_the_oldest_go_when_there_is_no_room(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.go_away()
    with sending(manager, tmp_path / "queue.sqlite", room=2000) as images:
        images.start(WORKER)
        for place, task in enumerate(TASKS):
            images.offer(task, picture(tmp_path, 100 + 10 * place))
            eventually(lambda: not images._offered)
        # Each takes more than 600 bytes.
        images.offer(TASKS[3], picture(tmp_path, 200))
        eventually(lambda: not images._offered)
        manager.listen()
        eventually(lambda: images.waiting == 0)
    came = shades(manager)
    assert came[-2:] == [(TASKS[4], 140), (TASKS[3], 200)]
    assert len(came) <= 3


def test_errors_of_the_manager_are_waited_for_and_refusals_are_not(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    answers = iter([500, 503, 429, 409, None, None])
    manager.fail = lambda _request: next(answers)
    with sending(manager, tmp_path / "queue.sqlite") as images:
        images.start(WORKER)
        images.offer(TASKS[0], picture(tmp_path, 50))  # refused in the end
        eventually(lambda: images.waiting == 0)
        images.offer(TASKS[1], picture(tmp_path, 100))
        eventually(lambda: images.waiting == 0)
    assert shades(manager) == [(TASKS[1], 100)]


def test_a_manager_that_shows_no_images_is_asked_once(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    asked: list[str] = []

    def refuse(request: object) -> int:
        asked.append(str(request))
        return 405

    manager.fail = refuse
    with sending(manager, tmp_path / "queue.sqlite") as images:
        images.start(WORKER)
        for place, task in enumerate(TASKS[:3]):
            images.offer(task, picture(tmp_path, 50 + place))
            eventually(lambda: images.waiting == 0)
    assert len(asked) == 1


def test_images_of_an_earlier_identity_are_dropped(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.known_workers.clear()
    with sending(manager, tmp_path / "queue.sqlite") as images:
        images.start(WORKER)
        images.offer(TASKS[0], picture(tmp_path, 50))  # answered 403
        eventually(lambda: not images._may_send)
        assert images.waiting == 1
    manager.received.clear()
    manager.known_workers.add("other")
    with sending(manager, tmp_path / "queue.sqlite", worker="other") as images:
        images.start("other")
        images.offer(TASKS[1], picture(tmp_path, 100))
        eventually(lambda: images.waiting == 0)
    assert shades(manager) == [(TASKS[1], 100)]


def test_a_file_that_is_no_image_keeps_no_other_from_being_shown(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (tmp_path / "torn.exr").write_bytes(b"\x76\x2f\x31\x01 and no more")
    with sending(manager, tmp_path / "queue.sqlite") as images:
        images.start(WORKER)
        for place, name in enumerate(("torn.png", "torn.exr", "film.mp4", "missing.png")):
            images.offer(TASKS[place], tmp_path / name)
        images.offer(TASKS[4], picture(tmp_path, 100))
        manager.wait_for_count("/output-produced", 1)
        eventually(lambda: images.waiting == 0)
    assert shades(manager) == [(TASKS[4], 100)]


def test_a_file_that_cannot_be_opened_is_named(manager: ProtocolManager, tmp_path: Path) -> None:
    client = ManagerClient(manager.url)
    with pytest.raises(StorageError, match=r"The images in .* cannot be opened"):
        OutputImages(client, tmp_path)
