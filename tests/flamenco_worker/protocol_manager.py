"""A Manager that knows the worker's part of the protocol only, written from its description.

It shares no code with the project, so that the worker is held to the protocol and not to our own
Manager. Faults can be switched on: a status for every answer, or no answers at all.
"""

from __future__ import annotations

import base64
import json
import selectors
import shlex
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.ports import free_port

PATIENCE = 120
"""Seconds that a test waits for something to happen."""


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    body: Any
    user: str
    query: dict[str, list[str]] = field(default_factory=dict)


def task_of(uuid: str, *commands: dict[str, Any], attempt: int | None = 1) -> dict[str, Any]:
    """A task as it is handed out."""
    steps = sum(max(1, command["total_step_count"]) for command in commands)
    task = {
        "uuid": uuid,
        "job": "6e4d4a4c-2f0d-4f5e-9f0c-111111111111",
        "name": f"task {uuid[:2]}",
        "status": "queued",
        "priority": 50,
        "job_priority": 50,
        "job_type": "test",
        "task_type": "misc",
        "commands": list(commands),
        "steps_completed": 0,
        "steps_total": steps,
    }
    return task if attempt is None else task | {"attempt": attempt, "slot": 0}


def command(name: str, total_step_count: int = 0, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "parameters": parameters, "total_step_count": total_step_count}


def wait_for_file(path: Path) -> dict[str, Any]:
    """A command that ends when there is such a file."""
    script = f"until [ -e {shlex.quote(str(path))} ]; do sleep 0.02; done"
    return command("exec", exe="/bin/sh", args=["-c", script])


class ProtocolManager:
    """Serves while it is entered. `waits` says whether it holds requests for tasks."""

    def __init__(self, *, waits: bool = True) -> None:
        self.waits = waits
        self.received: list[Received] = []
        self.tasks: list[dict[str, Any]] = []
        self.first_status = "awake"
        self.status_wanted: str | None = None
        self.told_wanted = 0
        """How often a worker was told of it."""
        self.settings: dict[str, Any] | None = None
        """Told at sign-on and when asked for; tasks carry the etag that they are given."""
        self.stopped: dict[str, str] = {}
        """Why tasks may not go on."""
        self.fail: Callable[[Received], int | None] = lambda _request: None
        """Gives the status to answer a request with instead, or None to answer it properly."""
        self.offers: list[str] = []
        """What it can do beyond Flamenco 3's protocol, told at sign-on if there is anything."""
        self.reserved: dict[int, dict[str, Any]] = {}
        """What is kept for slots."""
        self._given: dict[tuple[str, int | None], dict[str, Any]] = {}
        """By worker and slot: what was handed out last. As from a real Manager it comes again while
        nothing is heard of it, since the answer with it may have been lost."""
        self.farm_id: str | None = None
        """Told by Managers that take more than Flamenco 3's."""
        self.known_workers: set[str] = set()
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._port = free_port()
        self._is_ending = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_away()

    def listen(self) -> None:
        """Begins to serve, on the same port as before if there was one."""
        manager = self
        self._is_ending = False

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                manager._handle(self)

            def do_POST(self) -> None:
                manager._handle(self)

            def do_PUT(self) -> None:
                manager._handle(self)

            def log_message(self, *_arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def go_away(self) -> None:
        """Stops to serve; connections are closed without an answer."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def hand_out(self, *tasks: dict[str, Any]) -> None:
        with self._changed:
            self.tasks.extend(tasks)
            self._changed.notify_all()

    def want_status(self, status: str) -> None:
        """Asks the worker for a status; it hears it with its next request."""
        with self._changed:
            self.status_wanted = status
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until requests have made `condition` true."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"waited in vain for {what}; received {self.received}"
                self._changed.wait(min(left, 0.2))

    def wait_for_count(self, ending: str, count: int) -> None:
        """Waits until so many requests have come to a path."""
        self.wait_for(lambda: len(self.requests(ending)) >= count, f"{count} × {ending}")

    def requests(self, ending: str) -> list[Received]:
        return [request for request in self.received if request.path.endswith(ending)]

    def updates_of(self, uuid: str) -> list[dict[str, Any]]:
        """What the worker has said about a task, as far as it was taken."""
        return [request.body for request in self.received if request.path.endswith(f"/task/{uuid}")]

    def statuses_of(self, uuid: str) -> list[str]:
        updates = self.updates_of(uuid)
        return [update["taskStatus"] for update in updates if "taskStatus" in update]

    def log_of(self, uuid: str) -> str:
        return "".join(update.get("log", "") for update in self.updates_of(uuid))

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        if self._is_ending:
            handler.close_connection = True
            return
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        address = urlsplit(handler.path)
        is_json = handler.headers.get_content_type() == "application/json"
        user = ""
        if "Authorization" in handler.headers:
            token = handler.headers["Authorization"].removeprefix("Basic ")
            user = base64.b64decode(token).decode().partition(":")[0]
        request = Received(
            handler.command,
            address.path.removeprefix("/api/v3/worker"),
            json.loads(content) if is_json and content else content,
            user,
            parse_qs(address.query),
        )
        with self._changed:
            if _has_hung_up(handler.connection):
                # Nobody waits for an answer; noted now, it would stand behind what came later.
                handler.close_connection = True
                return
            self._hear(request)
            status = self.fail(request)
            if status is None:
                self.received.append(request)
                self._changed.notify_all()
                status, answer = self._answer(request)
            else:
                answer = {"code": status, "message": f"told to answer {status}"}
            self._changed.notify_all()
        if status:
            self._send(handler, status, answer)
        else:
            handler.close_connection = True

    def _answer(self, request: Received) -> tuple[int, Any]:
        if request.path == "/register-worker":
            return 200, self._register(request)
        if request.path == "/api/v3/version":
            return 200, self._version()
        if request.user not in self.known_workers:
            return 403, {"code": 403, "message": "unknown worker"}
        return self._answer_worker(request)

    def _answer_worker(self, request: Received) -> tuple[int, Any]:
        match request.path.split("/")[1:]:
            case ["sign-on"]:
                told: dict[str, Any] = {"settings": self.settings} if self.settings else {}
                told |= {"offers": self.offers} if self.offers else {}
                return 200, {"status_requested": self.first_status, **told}
            case ["abilities"]:
                return 204, None
            case ["task-report"] if "reports" in self.offers:
                return self._take_report(request)
            case ["settings"]:
                return 200, self.settings or {"etag": "none", "programs": {}, "limits": {}}
            case ["state-changed"]:
                if self.status_wanted == request.body["status"]:
                    self.status_wanted = None
                return 204, None
            case ["state"]:
                return self._tell_state(request)
            case ["task"]:
                return self._hand_out(request)
            case ["task", uuid, "may-i-run"]:
                return 200, self._may_run(uuid)
            case ["task", _uuid, "output-produced"]:
                return 202, None
            case ["sign-off" | "host-statistics"] | ["task", _]:
                return 204, None
        return 404, {"code": 404, "message": "no such path"}

    def _take_report(self, request: Received) -> tuple[int, Any]:
        """Each update is noted as if it had come alone."""
        outcomes: list[dict[str, Any]] = []
        for reported in request.body["updates"]:
            path = f"/task/{reported['task']}"
            update = Received("POST", path, reported["update"], request.user)
            self._hear(update)
            status = self.fail(update)
            if status is None:
                self.received.append(update)
                if reported["update"].get("taskStatus") == "active":
                    self._start(reported["task"])
            outcomes.append({"status": status or 204})
        answer: dict[str, Any] = {"updates": outcomes}
        asked = request.body.get("request")
        if asked is not None:
            answer["next"] = self._next_one(asked, request.user)
        return 200, answer

    def _next_one(self, asked: dict[str, Any], user: str) -> dict[str, Any]:
        if wanted := self._wanted():
            return wanted
        slot = asked["slot"]
        if asked.get("prefetch"):
            task = self.reserved.pop(slot, None) or (self.tasks.pop(0) if self.tasks else None)
            if task is not None:
                self.reserved[slot] = task
        else:
            task = self._give(user, slot)
        return {} if task is None else {"task": task | {"slot": slot}}

    def _give(self, user: str, slot: int | None) -> dict[str, Any] | None:
        """The next task for a slot; None if there is none now."""
        task = self._given.pop((user, slot), None)
        if task is None and slot is not None:
            task = self.reserved.pop(slot, None)
        if task is None and self.tasks:
            task = self.tasks.pop(0)
        if task is not None:
            self._given[user, slot] = task
        return task

    def _hear(self, request: Received) -> None:
        """Whatever is said of a task shows that the answer with it has arrived."""
        if not request.path.startswith("/task/"):
            return
        uuid = request.path.split("/")[2]
        self._given = {who: task for who, task in self._given.items() if task["uuid"] != uuid}

    def _start(self, uuid: str) -> None:
        self.reserved = {slot: task for slot, task in self.reserved.items() if task["uuid"] != uuid}

    def _register(self, request: Received) -> dict[str, Any]:
        uuid = f"00000000-0000-4000-8000-{len(self.known_workers):012}"
        self.known_workers.add(uuid)
        keep = ("name", "platform", "supported_task_types")
        same = {key: request.body[key] for key in keep}
        return {"uuid": uuid, "address": "", "status": "", "software": "", **same}

    def _version(self) -> dict[str, str]:
        version = {"name": "test", "version": "3.9", "shortversion": "3.9", "git": "none"}
        return version | ({"farm_id": self.farm_id} if self.farm_id else {})

    def _wanted(self) -> dict[str, str] | None:
        if not self.status_wanted:
            return None
        self.told_wanted += 1
        return {"status_requested": self.status_wanted}

    def _may_run(self, uuid: str) -> dict[str, Any]:
        reason = self.stopped.get(uuid, "")
        return {"mayKeepRunning": not reason, "reason": reason, "statusChangeRequested": False}

    def _tell_state(self, request: Received) -> tuple[int, Any]:
        deadline = self._deadline_of(request)
        while not self._is_ending:
            if wanted := self._wanted():
                return 200, wanted
            left = deadline - time.monotonic()
            if left <= 0:
                return 204, None
            self._changed.wait(left)
        return 0, None

    def _deadline_of(self, request: Received) -> float:
        """Until when a request is held, on the monotonic clock."""
        wait = float(request.query.get("wait", ["0"])[0]) if self.waits else 0
        return time.monotonic() + wait

    def _hand_out(self, request: Received) -> tuple[int, Any]:
        deadline = self._deadline_of(request)
        slot = request.body.get("slot") if isinstance(request.body, dict) else None
        while not self._is_ending:
            if wanted := self._wanted():
                return 423, wanted
            if task := self._give(request.user, slot):
                return 200, task
            left = deadline - time.monotonic()
            if left <= 0:
                return 204, None
            self._changed.wait(left)
        return 0, None

    def _send(self, handler: BaseHTTPRequestHandler, status: int, answer: Any) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        try:
            handler.send_response(status)
            if status != 204:
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
        except OSError:
            pass  # the worker has hung up


def _has_hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed a connection on which it waits for an answer."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            return bool(selector.select(0)) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
