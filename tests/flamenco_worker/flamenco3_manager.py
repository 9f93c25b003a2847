"""A server that behaves as Flamenco 3's Manager does towards its workers.

Written from the description of that API and of what its Manager does beyond it; it shares no code
with the project. It knows no waiting requests, no attempts and no slots, and takes note of whatever
a worker sends that the API does not have (`strangers`).
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STATUSES = {"starting", "awake", "asleep", "error", "testing", "offline", "restart"}
_TASK_STATUSES = {"active", "canceled", "completed", "failed", "paused", "queued", "soft-failed"}
_LARGEST_IMAGE = 25 * 1024 * 1024

Answer = tuple[int, Any]


@dataclass
class Worker:
    """A row of the Manager's database."""

    uuid: str
    secret: str
    name: str
    status: str = ""
    requested: str = ""
    is_lazy: bool = False
    can_restart: bool = False
    software: str = ""
    task_types: list[str] = field(default_factory=list)


@dataclass
class Task:
    """Another one, with all that was said about it."""

    uuid: str
    type: str
    commands: list[dict[str, Any]]
    status: str = "queued"
    worker: str = ""
    activity: str = ""
    log: str = ""
    steps: int = 0
    history: list[str] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)

    @property
    def steps_total(self) -> int:
        return sum(max(1, command["total_step_count"]) for command in self.commands)


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Flamenco3Manager:
    """Serves while it is entered."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.tasks: dict[str, Task] = {}
        self.requests: list[str] = []
        """Method and path of each, in order."""
        self.strangers: dict[str, set[str]] = {}
        """Fields of bodies that the API does not have, by the kind of request."""
        self.is_busy: Callable[[str], bool] = lambda _request: False
        """Says for a request whether the database is busy: it is answered with 503."""
        self.loses: Callable[[str], bool] = lambda _request: False
        """Whether the answer to a request that was carried out is lost on its way."""
        self.lock = threading.RLock()

    def __enter__(self) -> Self:
        manager = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                manager._handle(self)

            def do_POST(self) -> None:
                manager._handle(self)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add_task(self, task_type: str, *commands: dict[str, Any]) -> Task:
        task = Task(str(uuid.uuid4()), task_type, list(commands))
        with self.lock:
            self.tasks[task.uuid] = task
        return task

    def request_status(self, worker: Worker, status: str, *, is_lazy: bool = False) -> None:
        """What a person does in the web interface."""
        with self.lock:
            if status == "restart" and not worker.can_restart:
                raise Refused(412, "this worker cannot be restarted")
            worker.requested, worker.is_lazy = status, is_lazy

    def only_worker(self) -> Worker:
        (worker,) = self.workers.values()
        return worker

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = handler.path.partition("?")[0]
        request = f"{handler.command} {path.removeprefix('/api/v3')}"
        headers: dict[str, str] = {}
        with self.lock:
            self.requests.append(request)
            try:
                if self.is_busy(request):
                    headers = {"Retry-After": "1"}
                    raise Refused(503, "the database is too busy to handle this request")
                status, answer = self._answer(request, handler.headers, content)
            except Refused as refused:
                status = refused.status
                answer = {"code": refused.status, "message": refused.message}
            if self.loses(request):
                handler.close_connection = True
                return
        _send(handler, status, answer, headers)

    def _answer(self, request: str, headers: Message, content: bytes) -> Answer:
        if request == "GET /version":
            told = {"name": "Flamenco", "shortversion": "3.8", "version": "3.8", "git": "unknown"}
            return 200, told
        if request == "POST /worker/register-worker":
            return 200, self._register(self._body("register", content))
        if request == "GET /worker-mgt/workers":
            return 200, {"workers": [_summary(worker) for worker in self.workers.values()]}
        method, path = request.split(" ")
        if not path.startswith("/worker/"):
            raise Refused(404, "no matching operation was found")
        worker = self._authenticated(headers)
        parts = path.removeprefix("/worker/").split("/")
        if parts[0] == "task" and len(parts) > 1:
            operation = " ".join([method, *parts[2:]])
            return self._answer_on_task(operation, worker, self._task(parts[1]), headers, content)
        return self._answer_worker(f"{method} {'/'.join(parts)}", worker, content)

    def _answer_worker(self, operation: str, worker: Worker, content: bytes) -> Answer:
        match operation:
            case "POST sign-on":
                return 200, self._sign_on(worker, self._body("sign-on", content))
            case "POST sign-off":
                self._requeue_tasks_of(worker)
                worker.status = "offline"
                return 204, None
            case "GET state":
                if worker.requested and worker.requested != worker.status:
                    return 200, {"status_requested": worker.requested}
                return 204, None
            case "POST state-changed":
                return self._state_changed(worker, self._body("state-changed", content))
            case "POST task":
                # The operation has no body; one that is sent is not looked at.
                return self._schedule(worker)
        raise Refused(404, "no matching operation was found")

    def _answer_on_task(
        self, operation: str, worker: Worker, task: Task, headers: Message, content: bytes
    ) -> Answer:
        match operation:
            case "POST":
                return self._update(worker, task, self._body("update", content))
            case "GET may-i-run":
                return 200, self._may_run(worker, task)
            case "POST output-produced":
                return self._output(task, headers, content)
        raise Refused(404, "no matching operation was found")

    def _body(self, kind: str, content: bytes) -> dict[str, Any]:
        """The JSON of a request, held to types and to what must be there."""
        try:
            body = json.loads(content)
        except ValueError as error:
            raise Refused(400, f"request body has an error: {error}") from error
        fields = _FIELDS[kind]
        self.strangers.setdefault(kind, set()).update(set(body) - set(fields))
        for name, (wanted, is_required) in fields.items():
            if name not in body and is_required:
                raise Refused(400, f"property {name!r} is missing")
            if name in body and (body[name] is None or not isinstance(body[name], wanted)):
                raise Refused(400, f"{name}: value must be a {wanted.__name__}")
        return dict(body)

    def _authenticated(self, headers: Message) -> Worker:
        kind, _, token = headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(token).decode().partition(":")
        worker = self.workers.get(name)
        if kind != "Basic" or worker is None or not secrets.compare_digest(worker.secret, secret):
            raise Refused(403, "Security requirements failed")
        return worker

    def _task(self, task_id: str) -> Task:
        if not _UUID.fullmatch(task_id):
            raise Refused(400, "invalid task ID")
        if task_id not in self.tasks:
            raise Refused(404, "task not found")
        return self.tasks[task_id]

    def _register(self, body: dict[str, Any]) -> dict[str, Any]:
        worker = Worker(str(uuid.uuid4()), body["secret"], body["name"])
        worker.task_types = body["supported_task_types"]
        self.workers[worker.uuid] = worker
        return {
            "uuid": worker.uuid,
            "name": worker.name,
            "address": "127.0.0.1",
            "platform": body["platform"],
            "software": "",
            "status": "",
            "supported_task_types": worker.task_types,
        }

    def _sign_on(self, worker: Worker, body: dict[str, Any]) -> dict[str, Any]:
        worker.name, worker.software = body["name"], body["software_version"]
        worker.task_types = body["supported_task_types"]
        worker.can_restart = body.get("can_restart", False)
        worker.status = "starting"
        return {"status_requested": worker.requested or "awake"}

    def _state_changed(self, worker: Worker, body: dict[str, Any]) -> Answer:
        if body["status"] not in _STATUSES:
            raise Refused(400, "value is not one of the allowed values")
        status = str(body["status"])
        if worker.requested == status:
            worker.requested = ""
        if status != "awake":
            self._requeue_tasks_of(worker)
        worker.status = status  # last, for it is what tests wait for
        return 204, None

    def _schedule(self, worker: Worker) -> Answer:
        if worker.requested and worker.requested != worker.status:
            return 423, {"status_requested": worker.requested}
        if worker.status != "awake":
            raise Refused(409, f"worker is in state {worker.status!r}, requires state 'awake'")
        mine = [t for t in self.tasks.values() if t.worker == worker.uuid and t.status == "active"]
        waiting = [
            task
            for task in self.tasks.values()
            if task.status in ("queued", "soft-failed") and task.type in worker.task_types
        ]
        for task in [*mine, *waiting]:
            task.status, task.worker = "active", worker.uuid
            task.history.append("assigned")
            return 200, _assigned(task)
        return 204, None

    def _update(self, worker: Worker, task: Task, body: dict[str, Any]) -> Answer:
        if task.worker != worker.uuid:
            raise Refused(409, "task is not assigned to you")
        status = body.get("taskStatus")
        if status is not None and status not in _TASK_STATUSES:
            raise Refused(400, "value is not one of the allowed values")
        steps = body.get("steps_completed", task.steps)
        if steps > task.steps_total:
            raise Refused(400, "steps_completed is more than steps_total")
        task.steps = steps
        task.activity = body.get("activity", task.activity)
        task.log += body.get("log", "")
        if status is not None:
            task.status = status
            task.history.append(status)  # last, for it is what tests wait for
        return 204, None

    def _may_run(self, worker: Worker, task: Task) -> dict[str, Any]:
        refusal = {"mayKeepRunning": False, "statusChangeRequested": False}
        if worker.requested and not worker.is_lazy:
            change = f"worker status change requested: {worker.requested}"
            return refusal | {"reason": change, "statusChangeRequested": True}
        if task.worker != worker.uuid:
            return refusal | {"reason": "task not assigned to this worker"}
        if task.status != "active":
            return refusal | {"reason": f"task is in non-runnable status {task.status!r}"}
        return {"mayKeepRunning": True, "reason": "", "statusChangeRequested": False}

    def _output(self, task: Task, headers: Message, content: bytes) -> Answer:
        if len(content) > _LARGEST_IMAGE:
            raise Refused(413, "image too large")
        if headers.get("Content-Type") != "image/jpeg":
            raise Refused(415, "unsupported media type")
        task.images.append(content)
        return 202, None

    def _requeue_tasks_of(self, worker: Worker) -> None:
        for task in self.tasks.values():
            if task.worker == worker.uuid and task.status == "active":
                task.status = "queued"
                task.history.append("requeued")


def _summary(worker: Worker) -> dict[str, Any]:
    return {
        "id": worker.uuid,
        "name": worker.name,
        "status": worker.status,
        "version": worker.software,
        "can_restart": worker.can_restart,
    }


def _assigned(task: Task) -> dict[str, Any]:
    return {
        "uuid": task.uuid,
        "job": "6e4d4a4c-2f0d-4f5e-9f0c-111111111111",
        "name": f"task-{task.uuid[:4]}",
        "status": task.status,
        "priority": 50,
        "job_priority": 50,
        "job_type": "simple-blender-render",
        "task_type": task.type,
        "commands": task.commands,
        "steps_completed": task.steps,
        "steps_total": task.steps_total,
    }


def _send(
    handler: BaseHTTPRequestHandler, status: int, answer: Any, headers: Mapping[str, str]
) -> None:
    content = b"" if answer is None else json.dumps(answer).encode()
    try:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
    except OSError:
        pass  # the worker has hung up


_FIELDS: Mapping[str, Mapping[str, tuple[type, bool]]] = {
    "register": {
        "secret": (str, True),
        "platform": (str, True),
        "supported_task_types": (list, True),
        "name": (str, True),
    },
    "sign-on": {
        "name": (str, True),
        "supported_task_types": (list, True),
        "software_version": (str, True),
        "can_restart": (bool, False),
    },
    "state-changed": {"status": (str, True)},
    "update": {
        "taskStatus": (str, False),
        "activity": (str, False),
        "steps_completed": (int, False),
        "log": (str, False),
    },
}
"""Of each body the fields, their types, and whether they must be there."""
