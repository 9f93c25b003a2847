"""The images that workers show, over real HTTP, with the process that decodes them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco_core import last_rendered, task_logs
from flamenco_core.client import ManagerClient
from flamenco_core.last_rendered import LARGEST_IMAGE_BYTES
from flamenco_worker.output_images import OutputImages
from manager_service import images
from tests.eventually import eventually
from tests.flamenco_core.images import (
    BLUE,
    GREEN,
    RED,
    bomb,
    encoded,
    encoded_as,
    is_like,
    plain,
    size_of,
)
from tests.manager_service.running_manager import (
    Reply,
    RunningManager,
    WorkerLogin,
    receive,
)
from tests.manager_service.test_operations import take_task, update
from tests.manager_service.test_refusals import assert_is_refusal

NAMES = [thumbnail.name for thumbnail in last_rendered.THUMBNAILS]
NOBODY = "00000000-0000-0000-0000-000000000000"


def show(
    manager: RunningManager,
    worker: WorkerLogin,
    task: dict[str, Any],
    image: bytes,
    *,
    media_type: str = "image/png",
) -> Reply:
    path = f"/worker/task/{task['uuid']}/output-produced"
    headers = {"Content-Type": media_type}
    return manager.request("POST", path, body=image, headers=headers, worker=worker)


def thumbnail(manager: RunningManager, job: str, name: str = NAMES[-1]) -> Reply:
    return manager.get(f"/jobs/{job}/last-rendered/{name}")


def shows(manager: RunningManager, job: str, colour: tuple[int, int, int]) -> bool:
    reply = thumbnail(manager, job)
    return reply.status == 200 and is_like(reply.content, colour)


@pytest.fixture
def worker(manager: RunningManager) -> WorkerLogin:
    return manager.add_worker()


@pytest.fixture
def task(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    manager.submit()
    return take_task(manager, worker)


@pytest.mark.parametrize("media_type", last_rendered.MEDIA_TYPES)
def test_an_image_becomes_three_thumbnails_that_the_info_names(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], media_type: str
) -> None:
    job = task["job"]
    for path in (f"/jobs/{job}/last-rendered", "/jobs/last-rendered"):
        assert manager.get(path).status == 204
    assert_is_refusal(thumbnail(manager, job), 404)
    image = encoded_as(media_type, Image.new("RGB", (2400, 1350), GREEN))
    reply = show(manager, worker, task, image, media_type=media_type)
    assert (reply.status, reply.content) == (202, b"")
    eventually(lambda: manager.get("/jobs/last-rendered").status == 200)
    info = manager.get("/jobs/last-rendered").json
    assert info == manager.get(f"/jobs/{job}/last-rendered").json
    assert info["base"].startswith("/")
    assert info["suffixes"] == NAMES
    sizes = []
    for name in info["suffixes"]:
        shown = manager.get(f"{info['base']}/{name}")
        assert shown.headers["Content-Type"] == "image/jpeg"
        assert is_like(shown.content, GREEN)
        sizes.append(size_of(shown.content))
    assert sizes == [(1920, 1080), (600, 338), (199, 112)]


def test_a_browser_asks_each_time_but_gets_only_what_has_changed(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    assert show(manager, worker, task, plain(RED)).status == 202
    eventually(lambda: shows(manager, task["job"], RED))
    first = thumbnail(manager, task["job"])
    assert first.headers["Cache-Control"] == "no-cache"
    path = f"/jobs/{task['job']}/last-rendered/{NAMES[-1]}"
    known = {"If-None-Match": first.headers["Etag"]}
    again = manager.get(path, headers=known)
    assert (again.status, again.content) == (304, b"")
    assert again.headers["Etag"] == first.headers["Etag"]
    assert show(manager, worker, task, plain(BLUE)).status == 202
    eventually(lambda: shows(manager, task["job"], BLUE))
    assert manager.get(path, headers=known).status == 200


def test_an_image_may_arrive_after_its_task_is_done(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    assert update(manager, worker, task, taskStatus="completed") == 204
    assert show(manager, worker, task, plain(RED)).status == 202
    eventually(lambda: shows(manager, task["job"], RED))


@pytest.fixture
def decoded(manager: RunningManager, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that were decoded so far, the one that is being decoded included."""
    process, seen = manager.server.service.images._process, list[bytes]()
    real = process.thumbnails

    def thumbnails(image: bytes) -> list[bytes]:
        seen.append(image)
        return real(image)

    monkeypatch.setattr(process, "thumbnails", thumbnails)
    return seen


@contextlib.contextmanager
def held_up(manager: RunningManager) -> Iterator[None]:
    """No thumbnails are written meanwhile, as if the disk took its time."""
    lock = manager.server.service._job_files_lock
    manager.on_loop(lock.acquire())
    try:
        yield
    finally:
        manager.on_loop(_release(lock))


async def _release(lock: asyncio.Lock) -> None:
    lock.release()


def test_of_each_job_the_newest_image_waits_and_no_worker_does(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], decoded: list[bytes]
) -> None:
    manager.submit(name="another", priority=90)
    colleague = manager.add_worker("other")
    other = take_task(manager, colleague)
    first, old, newest, others = plain(RED), plain(GREEN), plain(BLUE), plain(GREEN, size=(9, 9))
    with held_up(manager):
        assert show(manager, worker, task, first).status == 202
        eventually(lambda: decoded == [first])
        for _ in range(20):
            assert show(manager, worker, task, old).status == 202
        assert show(manager, colleague, other, others).status == 202
        assert show(manager, worker, task, newest).status == 202
    eventually(lambda: shows(manager, task["job"], BLUE) and shows(manager, other["job"], GREEN))
    assert decoded == [first, newest, others]
    # The files are there a moment before the farm knows of them.
    eventually(lambda: other["job"] in manager.get("/jobs/last-rendered").json["base"])


def test_only_when_the_memory_for_images_is_full_one_is_refused(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], decoded: list[bytes]
) -> None:
    first, second, third = plain(RED), plain(GREEN), plain(BLUE)
    waiting = manager.server.service.images.waiting
    waiting._most_bytes = len(second) + len(third) - 1
    with held_up(manager):
        assert show(manager, worker, task, first).status == 202
        eventually(lambda: decoded == [first])
        assert show(manager, worker, task, second).status == 202
        reply = show(manager, worker, task, third)
        assert_is_refusal(reply, 429)
        assert reply.headers["Retry-After"] == "1"
    eventually(lambda: shows(manager, task["job"], GREEN))
    assert waiting._bytes == 0


REFUSED = {
    "no image type": ("application/octet-stream", plain(RED), 415),
    "a type that cannot be shown": ("image/gif", b"GIF89a", 415),
    "no image at all": ("image/png", b"<html>", 415),
    "nothing": ("image/png", b"", 415),
    "another image than announced": ("image/jpeg", plain(RED), 415),
    "too many bytes": ("image/png", bytes(LARGEST_IMAGE_BYTES + 1), 413),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_never_be_shown_is_refused_at_once(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], what: str
) -> None:
    media_type, image, status = REFUSED[what]
    assert_is_refusal(show(manager, worker, task, image, media_type=media_type), status)
    assert manager.get(f"/jobs/{task['job']}/last-rendered").status == 204


def test_an_image_of_unknown_length_is_refused(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    connection = manager.connect()
    with contextlib.closing(connection):
        connection.request(
            "POST",
            f"/api/v3/worker/task/{task['uuid']}/output-produced",
            iter([plain(RED)]),
            {"Content-Type": "image/png", **worker.headers},
            encode_chunked=True,
        )
        assert_is_refusal(receive(connection), 411)


def test_images_are_taken_only_from_the_worker_that_has_the_task(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    other = manager.add_worker("other")
    assert_is_refusal(show(manager, other, task, plain(RED)), 409)
    assert_is_refusal(show(manager, worker, {"uuid": NOBODY}, plain(RED)), 404)
    stranger = WorkerLogin(worker.uuid, "wrong")
    assert_is_refusal(show(manager, stranger, task, plain(RED)), 403)


def test_a_worker_that_asks_first_is_refused_before_it_sends_anything(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    assert update(manager, worker, task, taskStatus="completed") == 204
    other = manager.add_worker("other")
    connection = manager.connect()
    with contextlib.closing(connection):
        connection.putrequest("POST", f"/api/v3/worker/task/{task['uuid']}/output-produced")
        headers = {"Content-Type": "image/png", "Content-Length": "1000", **other.headers}
        for name, value in {**headers, "Expect": "100-continue"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert_is_refusal(receive(connection), 409)


def test_an_unknown_job_has_no_images(manager: RunningManager) -> None:
    path = f"/jobs/{NOBODY}/last-rendered"
    assert_is_refusal(manager.get(path), 404)
    assert_is_refusal(manager.get(f"{path}/{NAMES[0]}"), 404)


def test_the_process_that_decodes_is_started_when_it_is_needed(manager: RunningManager) -> None:
    assert manager.server.service.images._process._process is None


def test_the_process_that_decodes_ends_with_the_manager(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    assert show(manager, worker, task, plain(RED)).status == 202
    eventually(lambda: shows(manager, task["job"], RED))
    process = manager.server.service.images._process._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as the system does for a Manager that is killed
    assert process.wait(20) == 0


def test_the_client_finds_the_thumbnails(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    with ManagerClient(f"http://127.0.0.1:{manager.port}/") as client:
        assert client.fetch_global_last_rendered_info() is None
        assert client.fetch_job_last_rendered_info(task["job"]) is None
        assert show(manager, worker, task, plain(RED)).status == 202
        eventually(lambda: client.fetch_global_last_rendered_info() is not None)
        info = client.fetch_job_last_rendered_info(task["job"])
        assert info is not None
        assert info == client.fetch_global_last_rendered_info()
        assert all(is_like(client.fetch_thumbnail(info, name), RED) for name in info.suffixes)


def test_only_thumbnails_are_served(manager: RunningManager, task: dict[str, Any]) -> None:
    for name in ("passwd", f"task-{task['uuid']}-1.txt", "..%2f..%2fflamenco-manager.yaml"):
        assert_is_refusal(thumbnail(manager, task["job"], name), 400)


DROPPED = {
    "a torn image": encoded(Image.effect_noise((300, 300), 80))[:20_000],
    "more pixels than fit into memory": bomb(60_000, 60_000),
    "rubbish behind a signature": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
}


@pytest.mark.parametrize("what", DROPPED)
def test_an_image_that_turns_out_to_be_broken_is_logged_and_dropped(
    manager: RunningManager,
    worker: WorkerLogin,
    task: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    with caplog.at_level(logging.WARNING, logger=images.__name__):
        assert show(manager, worker, task, DROPPED[what]).status == 202
        eventually(lambda: "is not shown" in caplog.text)
    assert task["job"] in caplog.text
    assert "Internal error" not in caplog.text
    assert show(manager, worker, task, plain(BLUE)).status == 202
    eventually(lambda: shows(manager, task["job"], BLUE))


def test_the_process_that_decodes_may_end_at_any_time(
    manager: RunningManager,
    worker: WorkerLogin,
    task: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    process = manager.server.service.images._process
    assert show(manager, worker, task, plain(RED)).status == 202
    eventually(lambda: shows(manager, task["job"], RED))
    killed = process._process
    assert killed is not None
    killed.kill()
    killed.wait()
    assert show(manager, worker, task, plain(GREEN)).status == 202
    eventually(lambda: shows(manager, task["job"], GREEN))
    process._time_limit = timedelta(0)
    with caplog.at_level(logging.WARNING, logger=images.__name__):
        assert show(manager, worker, task, plain(RED, size=(4000, 4000))).status == 202
        eventually(lambda: "The process that decodes images ended" in caplog.text)
    process._time_limit = timedelta(seconds=60)
    assert show(manager, worker, task, plain(BLUE)).status == 202
    eventually(lambda: shows(manager, task["job"], BLUE))


def test_thumbnails_lie_in_the_jobs_folder_and_go_with_it(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any]
) -> None:
    assert show(manager, worker, task, plain(RED)).status == 202
    eventually(lambda: shows(manager, task["job"], RED))
    folder = task_logs.job_folder(manager.config.local_storage, task["job"])
    assert set(NAMES) <= {file.name for file in folder.iterdir()}
    foretold = manager.get(f"/jobs/{task['job']}/what-would-delete-do").json
    assert str(folder) in foretold["folders"]
    assert manager.request("DELETE", f"/jobs/{task['job']}").status == 204
    eventually(lambda: manager.get(f"/jobs/{task['job']}").status == 404)
    assert not folder.exists()
    assert manager.get("/jobs/last-rendered").status == 204
    assert_is_refusal(thumbnail(manager, task["job"]), 404)


def test_an_image_of_a_job_that_is_deleted_meanwhile_leaves_nothing(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], decoded: list[bytes]
) -> None:
    with held_up(manager):
        assert show(manager, worker, task, plain(RED)).status == 202
        eventually(lambda: bool(decoded))
        assert manager.request("DELETE", f"/jobs/{task['job']}").status == 204
        # Which of the two, depends on how far the removal has come.
        assert show(manager, worker, task, plain(BLUE)).status in (404, 409)
    eventually(lambda: manager.get(f"/jobs/{task['job']}").status == 404)
    manager.submit()
    next_task = take_task(manager, worker)
    assert show(manager, worker, next_task, plain(GREEN)).status == 202
    eventually(lambda: shows(manager, next_task["job"], GREEN))
    assert not task_logs.job_folder(manager.config.local_storage, task["job"]).exists()


def test_a_manager_that_stops_does_not_wait_for_an_image(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], decoded: list[bytes]
) -> None:
    assert show(manager, worker, task, plain(RED, size=(8000, 8000))).status == 202
    eventually(lambda: bool(decoded))
    manager.on_loop(manager.server.service.images.stop())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("images")]


def test_what_the_real_worker_sends_is_shown(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], tmp_path: Path
) -> None:
    frame, video = tmp_path / "0001.png", tmp_path / "0001.mp4"
    frame.write_bytes(plain(BLUE, size=(4096, 2160)))
    video.write_bytes(b"cannot be shown")
    url = f"http://127.0.0.1:{manager.port}/"
    client = ManagerClient(url, worker_id=worker.uuid, secret=worker.secret)
    output = OutputImages(client)
    output.offer(NOBODY, frame)  # refused, which keeps no other image from being shown
    eventually(lambda: output.waiting == 0)
    output.offer(task["uuid"], frame)
    output.offer(task["uuid"], video)
    eventually(lambda: shows(manager, task["job"], BLUE))
    output.close(timedelta(seconds=20))
    client.abort()
    assert size_of(thumbnail(manager, task["job"], NAMES[0]).content)[0] == 1920
