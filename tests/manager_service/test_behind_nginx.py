"""A Manager behind a real nginx that is set up as the documentation says."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.manager_service.https.authority import Authority, write_pair
from tests.manager_service.running_manager import (
    TIME_LIMIT,
    Reply,
    RunningManager,
    receive,
    send,
    sha256,
)
from tests.ports import free_port

PAGE = Path(__file__).parents[2] / "docs/network.md"
NAME = "farm.example.com"
CLIENT = "127.0.0.2"
"""Another address of this machine than the proxy's; all of 127.0.0.0/8 are, on Linux."""
AUTHORITY = Authority()


@dataclass
class Front:
    """The Manager as its clients see it."""

    manager: RunningManager
    port: int

    @contextlib.contextmanager
    def connected(self) -> Iterator[http.client.HTTPSConnection]:
        connection = _ToThisMachine(NAME, self.port, context=AUTHORITY.context)
        with contextlib.closing(connection):
            yield connection

    def request(self, method: str, path: str, **more: object) -> Reply:
        with self.connected() as connection:
            send(connection, method, path, **more)  # type: ignore[arg-type]
            return receive(connection)


class _ToThisMachine(http.client.HTTPSConnection):
    """Goes to this machine, whatever the name says."""

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), TIME_LIMIT, (CLIENT, 0))
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    settings: dict[str, Any] = {"own_url": f"https://{NAME}/", "trusted_proxies": ("127.0.0.1/32",)}
    with RunningManager(folder / "farm", **settings) as manager, _nginx(folder, manager) as port:
        yield Front(manager, port)


@contextlib.contextmanager
def _nginx(folder: Path, manager: RunningManager) -> Iterator[int]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not on this machine")
    port = free_port()
    config_file = folder / "nginx.conf"
    config_file.write_text(_configuration(folder, manager.port, port))
    command = [program, "-p", str(folder), "-c", str(config_file), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _configuration(folder: Path, manager_port: int, port: int) -> str:
    """The documented server, with this test's ports and files."""
    block = re.search(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    certificate, key = write_pair(folder, AUTHORITY.issue(NAME))
    server = block[1]
    for documented, real in (
        ("server 127.0.0.1:8080", f"server 127.0.0.1:{manager_port}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/farm.crt", str(certificate)),
        ("/etc/ssl/farm.key", str(key)),
    ):
        assert server.count(documented) == 1
        server = server.replace(documented, real)
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    return (
        f"daemon off; master_process off; {user} pid {folder}/nginx.pid;\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary}\n{server} }}\n"
    )


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + TIME_LIMIT
    while True:
        assert process.poll() is None, "nginx has ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers_are_known_by_their_own_addresses(front: Front) -> None:
    body = {
        "name": "worker",
        "secret": "correct horse",
        "platform": "linux",
        "supported_task_types": ["misc"],
    }
    forged = {"X-Forwarded-For": "10.6.6.6", "Forwarded": "for=10.6.6.6"}
    registered = front.request("POST", "/worker/register-worker", json_body=body, headers=forged)
    assert registered.status == 200, registered
    worker = front.request("GET", f"/worker-mgt/workers/{registered.json['uuid']}")
    assert worker.json["ip_address"] == CLIENT


def test_the_managers_own_address_keeps_its_scheme(front: Front) -> None:
    assert front.request("GET", "/network").json["urls"] == [f"https://{NAME}/"]


@pytest.mark.parametrize(
    ("origin", "status"), [(f"https://{NAME}", 200), ("https://elsewhere.net", 403)]
)
def test_only_its_own_pages_may_use_it(front: Front, origin: str, status: int) -> None:
    headers = {"Origin": origin, "User-Agent": "Mozilla/5.0"}
    body = {"name": "a tag", "description": ""}
    reply = front.request("POST", "/worker-mgt/tags", json_body=body, headers=headers)
    assert reply.status == status, reply


def test_large_uploads_pass(front: Front) -> None:
    content = os.urandom(4096) * 6000  # 24 MB, more than nginx takes by itself
    checksum = sha256(content)
    reply = front.request(
        "POST",
        f"/shaman/files/{checksum}/{len(content)}",
        body=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert reply.status == 204, reply
    kept = front.request("GET", f"/shaman/files/{checksum}/{len(content)}")
    assert kept.json == {"status": "stored"}


def test_websockets_are_passed_on(front: Front) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Origin": f"https://{NAME}",
    }
    with front.connected() as connection:
        connection.request("GET", "/api/v3/events", headers=headers)
        response = connection.getresponse()
        assert response.status == 101, response.read()
        magic = f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()
        expected = base64.b64encode(hashlib.sha1(magic, usedforsecurity=False).digest()).decode()
        assert response.headers["Sec-WebSocket-Accept"] == expected
