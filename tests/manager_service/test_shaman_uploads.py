"""Sending files to the content store over HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from manager_service.file_threads import FILE_THREADS
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, receive, send, sha256

SMALL = b"a small file"
LARGE = os.urandom(2**20) * 5 + b"and a bit"


def path_of(content: bytes) -> str:
    return f"/shaman/files/{sha256(content)}/{len(content)}"


def stored_files(manager: RunningManager) -> list[Path]:
    """All that lies in the store, whole or not."""
    # Unlike rglob, walk() does not mind folders that go away meanwhile.
    found = os.walk(manager.config.file_store)
    return [Path(here, name) for here, _, names in found for name in names]


def uploads_under_way(manager: RunningManager) -> list[Path]:
    return [file for file in stored_files(manager) if ".tmp" in file.name]


def begin_upload(
    manager: RunningManager, content: bytes, announced: int
) -> http.client.HTTPConnection:
    """Sends the head of a request and the beginning of its body."""
    connection = manager.connect()
    connection.putrequest("POST", f"/api/v3/shaman/files/{sha256(content)}/{announced}")
    connection.putheader("Content-Length", str(announced))
    connection.endheaders(content[: 2**20 + 2**19])
    return connection


def test_files_are_stored_and_checked_out_under_their_names(manager: RunningManager) -> None:
    files = [
        {"sha": sha256(SMALL), "size": len(SMALL), "path": "scene.blend"},
        {"sha": sha256(LARGE), "size": len(LARGE), "path": "textures/wood.png"},
    ]
    needed = manager.post("/shaman/checkout/requirements", {"files": files}).json["files"]
    assert needed == [{**file, "status": "unknown"} for file in files]
    for content in (SMALL, LARGE):
        assert manager.post(path_of(content), body=content).status == 204
        assert manager.get(path_of(content)).json == {"status": "stored"}
    needed = manager.post("/shaman/checkout/requirements", {"files": files}).json["files"]
    assert needed == []
    checkout = {"files": files, "checkoutPath": "project/job"}
    paths = [
        manager.post("/shaman/checkout/create", checkout).json["checkoutPath"] for _ in range(2)
    ]
    assert paths[0] == "project/job"
    assert paths[1] != paths[0]
    for path in paths:
        folder = manager.config.job_storage / path
        assert (folder / "scene.blend").read_bytes() == SMALL
        assert (folder / "textures/wood.png").read_bytes() == LARGE


def test_checkouts_that_take_long_hold_up_no_picture_no_folder_and_no_upload(
    manager: RunningManager,
) -> None:
    manager.post(path_of(SMALL), body=SMALL)
    file = {"sha": sha256(SMALL), "size": len(SMALL), "path": "scene.blend"}
    job = manager.submit()["id"]
    shaman = manager.server.service.shaman
    assert shaman is not None

    def check_out(number: int) -> int:
        checkout = {"files": [file], "checkoutPath": f"project/{number}"}
        return manager.post("/shaman/checkout/create", checkout).status

    def are_all_busy() -> bool:
        names = [thread.name for thread in threading.enumerate()]
        return sum(name.startswith("checkouts") for name in names) >= FILE_THREADS

    with ThreadPoolExecutor(2 * FILE_THREADS) as clients:
        with shaman._checkouts._names:  # each checkout waits for it while it gets its folder
            checkouts = [clients.submit(check_out, number) for number in range(2 * FILE_THREADS)]
            eventually(are_all_busy)
            assert manager.get(f"/jobs/{job}/last-rendered").status == 204
            assert manager.get("/files").status == 200
            assert manager.post(path_of(LARGE), body=LARGE).status == 204
            assert not any(checkout.done() for checkout in checkouts)
        assert {checkout.result() for checkout in checkouts} == {200}


def test_a_checkout_is_erased_unless_a_job_uses_it(manager: RunningManager) -> None:
    manager.post(path_of(SMALL), body=SMALL)
    file = {"sha": sha256(SMALL), "size": len(SMALL), "path": "scene.blend"}
    checkout = {"files": [file], "checkoutPath": "project/job"}
    paths = [
        manager.post("/shaman/checkout/create", checkout).json["checkoutPath"] for _ in range(2)
    ]
    job = manager.submit(storage={"shaman_checkout_id": paths[0]})
    used, unused = ({"checkoutPath": path} for path in paths)
    assert manager.post("/shaman/checkout/erase", used).status == 409
    assert manager.post("/shaman/checkout/erase", unused).status == 204
    assert manager.post("/shaman/checkout/erase", unused).status == 404
    assert manager.post("/shaman/checkout/erase", {"checkoutPath": "../x"}).status == 400
    storage = manager.config.job_storage
    assert [(storage / path).exists() for path in paths] == [True, False], job
    assert manager.get(path_of(SMALL)).json == {"status": "stored"}


def test_a_file_without_content_can_be_stored(manager: RunningManager) -> None:
    assert manager.post(path_of(b""), body=b"").status == 204
    assert manager.get(path_of(b"")).json == {"status": "stored"}


def test_headers_of_flamenco_3s_add_on_are_understood(manager: RunningManager) -> None:
    headers = {
        "X-Shaman-Can-Defer-Upload": "True",
        "X-Shaman-Original-Filename": "=?utf-8?q?shots/sc=C3=A8ne=2Eblend?=",
    }
    assert manager.post(path_of(SMALL), body=SMALL, headers=headers).status == 204


def test_a_file_that_is_stored_is_answered_208_and_the_connection_goes_on(
    manager: RunningManager,
) -> None:
    connection = manager.connect()
    for status in (204, 208, 208):
        send(connection, "POST", path_of(LARGE), body=LARGE)
        assert receive(connection).status == status
    connection.close()


def test_a_sender_that_asks_first_need_not_send_what_is_stored(manager: RunningManager) -> None:
    assert manager.post(path_of(SMALL), body=SMALL).status == 204
    answers = {}
    for content in (SMALL, LARGE):
        with socket.create_connection(("127.0.0.1", manager.port), timeout=30) as connection:
            head = (
                f"POST /api/v3{path_of(content)} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {len(content)}\r\nExpect: 100-continue\r\n\r\n"
            )
            connection.sendall(head.encode())
            answers[content] = connection.recv(1000).split(b"\r\n")[0]
            if content is LARGE:
                connection.sendall(content)
                assert connection.recv(1000).startswith(b"HTTP/1.1 204 ")
    assert answers == {SMALL: b"HTTP/1.1 208 Already Reported", LARGE: b"HTTP/1.1 100 Continue"}


def test_a_sender_that_can_wait_is_asked_to_while_somebody_else_sends(
    manager: RunningManager,
) -> None:
    first = begin_upload(manager, LARGE, len(LARGE))
    eventually(lambda: bool(uploads_under_way(manager)))
    headers = {"X-Shaman-Can-Defer-Upload": "true"}
    assert manager.get(path_of(LARGE)).json == {"status": "uploading"}
    assert manager.post(path_of(LARGE), body=LARGE, headers=headers).status == 425
    # Who cannot wait sends it too; then the first one learns that it is stored.
    assert manager.post(path_of(LARGE), body=LARGE).status == 204
    first.send(LARGE[2**20 + 2**19 :])
    assert receive(first).status == 208
    first.close()


def test_a_sender_that_goes_away_leaves_nothing_behind(manager: RunningManager) -> None:
    connection = begin_upload(manager, LARGE, len(LARGE))
    eventually(lambda: bool(uploads_under_way(manager)))
    connection.close()
    eventually(lambda: not uploads_under_way(manager))
    assert manager.get(path_of(LARGE)).json == {"status": "unknown"}


def test_more_than_was_announced_is_refused_before_all_of_it_has_come(
    manager: RunningManager,
) -> None:
    connection = manager.connect()
    path = f"/api/v3/shaman/files/{sha256(LARGE)}/{len(SMALL)}"
    pieces = (LARGE[start : start + 2**16] for start in range(0, len(LARGE), 2**16))
    connection.request("POST", path, pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    reply = receive(connection)
    assert reply.status == 417
    assert reply.json["message"]
    send(connection, "GET", "/version")
    assert receive(connection).status == 200
    connection.close()
    assert not uploads_under_way(manager)


def test_files_that_nothing_uses_are_removed_in_time(tmp_path: Path) -> None:
    often: dict[str, Any] = {
        "shaman_garbage_period": timedelta(milliseconds=50),
        "shaman_garbage_max_age": timedelta(hours=1),
    }
    with RunningManager(tmp_path, **often) as manager:
        for content in (SMALL, LARGE):
            assert manager.post(path_of(content), body=content).status == 204
        used = {"sha": sha256(SMALL), "size": len(SMALL), "path": "scene.blend"}
        checkout = {"files": [used], "checkoutPath": "job"}
        assert manager.post("/shaman/checkout/create", checkout).status == 200
        long_ago = time.time() - timedelta(hours=2).total_seconds()
        for blob in [file for file in stored_files(manager) if file.suffix == ".blob"]:
            os.utime(blob, (long_ago, long_ago))
        # Asking over HTTP whether it is there would count as asking for it.
        large = f"{len(LARGE)}.blob"
        eventually(lambda: large not in {file.name for file in stored_files(manager)})
        assert (manager.config.job_storage / "job" / "scene.blend").read_bytes() == SMALL
