"""A real Manager with its HTTP server, and a plain HTTP client that shares no code with it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flamenco_core.config import Config
from manager_service.server import ListenAddress, Server

TIME_LIMIT = 30
"""Seconds for one request, far more than any should take."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def problems(self) -> list[str]:
        """The places of the problems of a refusal."""
        return [problem["where"] for problem in self.json["problems"]]


@dataclass(frozen=True)
class WorkerLogin:
    """A registered worker's credentials."""

    uuid: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        token = base64.b64encode(f"{self.uuid}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


class RunningManager:
    """Serves from a thread of its own while it is entered."""

    def __init__(self, home: Path, *, config: Config | None = None, **settings: Any) -> None:
        """With `config`, as it was read from a file; else with these settings and no file."""
        self.config = config or Config(home=home, **settings)
        self.server = Server(self.config, ListenAddress("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.on_loop(self.server.start())
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.on_loop(self.server.stop())
        finally:
            self._end_loop()

    def on_loop(self, coroutine: Any) -> Any:
        """Runs a coroutine on the server's event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIME_LIMIT)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        return self.server.listen.port

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIME_LIMIT)

    def request(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        worker: WorkerLogin | None = None,
    ) -> Reply:
        """One request on a connection of its own; `path` may leave out `/api/v3`."""
        connection = self.connect()
        try:
            send(
                connection,
                method,
                path,
                json_body=json_body,
                body=body,
                headers=headers,
                worker=worker,
            )
            return receive(connection)
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Reply:
        return self.request("GET", path, **more)

    def post(self, path: str, json_body: Any = None, **more: Any) -> Reply:
        return self.request("POST", path, json_body=json_body, **more)

    def add_worker(
        self, name: str = "worker", *, types: tuple[str, ...] = ("misc",), awake: bool = True
    ) -> WorkerLogin:
        """Registers a worker, and has it sign on and wake up."""
        secret = "correct horse battery staple"
        registration = {
            "name": name,
            "secret": secret,
            "platform": "linux",
            "supported_task_types": list(types),
        }
        reply = self.post("/worker/register-worker", registration)
        assert reply.status == 200, reply
        worker = WorkerLogin(reply.json["uuid"], secret)
        sign_on = {"name": name, "supported_task_types": list(types), "software_version": "1.0"}
        assert self.post("/worker/sign-on", sign_on, worker=worker).status == 200
        if awake:
            changed = self.post("/worker/state-changed", {"status": "awake"}, worker=worker)
            assert changed.status == 204, changed
        return worker

    def submit(self, **changes: Any) -> dict[str, Any]:
        """Submits an echo-sleep-test job and returns it as answered."""
        reply = self.post("/jobs", submission(**changes))
        assert reply.status == 200, reply
        job: dict[str, Any] = reply.json
        return job


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    json_body: Any = None,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    worker: WorkerLogin | None = None,
) -> None:
    all_headers = {**(headers or {}), **(worker.headers if worker else {})}
    if json_body is not None:
        body = json.dumps(json_body).encode()
        all_headers.setdefault("Content-Type", "application/json")
    known = path.startswith(("/api/", "/app", "/job-files", "/flamenco")) or path == "/"
    connection.request(method, path if known else f"/api/v3{path}", body, all_headers)


def receive(connection: http.client.HTTPConnection) -> Reply:
    response = connection.getresponse()
    return Reply(response.status, dict(response.headers.items()), response.read())


def submission(**changes: Any) -> dict[str, Any]:
    """A submission of the built-in type echo-sleep-test, which needs nothing but a worker."""
    return {
        "name": "two small tasks",
        "type": "echo-sleep-test",
        "priority": 50,
        "submitter_platform": "linux",
        "settings": {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 1},
        "metadata": {"project": "tests"},
        **changes,
    }


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
