"""A proxy in front of a Manager that answers some requests itself, or loses answers on the way."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTROL = "/control"
"""Where a script in Blender says what is to be answered next: `{"answers": [[line, status, body,
times], …]}`; what was said before is forgotten."""
LOSE_ANSWER = -1
"""The request is carried out, and the connection breaks before its answer."""
HANG_UP = -2
"""The connection breaks before the request is carried out."""
HANG = -3
"""Nothing is answered until the proxy ends."""
HOLD = -4
"""The request is carried out, and answered when the script says something else."""


@dataclass
class Proxy:
    """What to do with requests whose line begins like a key, such as `POST /api/v3/jobs `."""

    manager_port: int
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    """Status and body, one after the other; when they are used up, the Manager answers."""
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    """Set when those that are held are answered."""

    def answer(self, line: str, status: int, body: Any = None, *, times: int = 1) -> None:
        self.answers.setdefault(line, []).extend([(status, body)] * times)

    def next_answer(self, line: str) -> tuple[int, Any] | None:
        for beginning, answers in self.answers.items():
            if line.startswith(beginning) and answers:
                return answers.pop(0)
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == CONTROL:
            self.proxy.answers.clear()
            self.proxy.held.set()
            self.proxy.held = threading.Event()
            for line, status, content, times in json.loads(body)["answers"]:
                self.proxy.answer(line, status, content, times=times)
            self.send(200, "application/json", b"{}")
            return
        # Whoever lets go what is held may do so as soon as the request is taken.
        held = self.proxy.held
        status, content = self.proxy.next_answer(f"{self.command} {self.path} ") or (0, None)
        if status == HANG:
            self.proxy.over.wait()
        if status in (HANG, HANG_UP):
            self.close_connection = True
        elif status > 0:
            self.send(status, "application/json", _encoded(content))
        else:
            self.pass_on(body, status, held)

    def pass_on(self, body: bytes, status: int, held: threading.Event) -> None:
        answered = self.forward(body)
        if status == HOLD:
            held.wait()
        if status == LOSE_ANSWER:
            self.close_connection = True
        else:
            self.send(*answered)

    def forward(self, body: bytes) -> tuple[int, str, bytes]:
        manager = http.client.HTTPConnection("127.0.0.1", self.proxy.manager_port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        headers["Connection"] = "close"
        manager.request(self.command, self.path, body, headers)
        answer = manager.getresponse()
        content = answer.read()
        kind = answer.headers.get("Content-Type", "application/octet-stream")
        manager.close()
        return answer.status, kind, content

    def send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests print what they need."""

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815


@contextmanager
def answering_proxy(manager_port: int) -> Iterator[Proxy]:
    proxy = Proxy(manager_port)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.over.set()
        proxy.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _encoded(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
