"""A Flamenco Server as its Managers see it, as a program of its own: `python flamenco2_server.py`.

It prints its port, keeps jobs and tasks in memory, and speaks the protocol of version 2. Nothing of
it is ours but what a test asks of it under `/control/`: to add and change tasks, to misbehave in
the next requests of a kind, and to tell what it has heard.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import os
import re
import sys
import threading
import time
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANAGER = "5e0000000000000000000001"
SECRET = "correct horse"
OWN = f"/api/flamenco/managers/{MANAGER}/"

RUNNABLE = {"queued", "claimed-by-manager", "soft-failed"}
FIRST_TIME = RUNNABLE | {"active", "cancel-requested"}
FINAL = {"canceled", "failed", "completed"}


class Server:
    """What the server knows. Used under its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: dict[str, dict[str, Any]] = {}
        self.updates: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.logs: dict[str, str] = {}
        self.wanted_logs: list[dict[str, str]] = []
        self.refused: list[str] = []
        self.indigestible: list[str] = []
        self.refuses_gzip = False
        self.behaviour: dict[str, list[str]] = {}
        self.reads_gzip = False
        self.counter = itertools.count(1)

    def now(self) -> str:
        """Increases with each call, however coarse the clock."""
        time.sleep(0.001)
        return datetime.now(UTC).isoformat()

    def etag(self) -> str:
        return f"{next(self.counter):040x}"

    def put(self, task: dict[str, Any]) -> None:
        found = self.tasks.setdefault(task["_id"], {"_id": task["_id"], "manager": MANAGER})
        found.update(task, _etag=self.etag(), _updated=self.now())

    def depsgraph(self, since: str) -> tuple[int, dict[str, Any] | None, dict[str, str]]:
        wanted = FIRST_TIME if not since else RUNNABLE
        found = [
            dict(task)
            for task in self.tasks.values()
            if task["status"] in wanted and (not since or task["_updated"] > since)
        ]
        if not found:
            return (304 if since else 204), None, {}
        for task in found:
            if task["status"] == "queued":
                self.tasks[task["_id"]]["status"] = "claimed-by-manager"
        headers = {
            "X-Flamenco-Last-Updated": max(task["_updated"] for task in found),
            "X-Flamenco-Last-Updated-Format": "ISO-8601",
        }
        return 200, {"depsgraph": found}, headers

    def take_updates(self, updates: list[dict[str, Any]]) -> dict[str, Any]:
        handled = []
        for update in updates:
            if update["task_id"] in self.refused:
                continue
            handled.append(update["_id"])
            self.updates.append(update)
            task = self.tasks.get(update["task_id"])
            if task is None:
                continue
            status = update.get("task_status")
            is_allowed = task["status"] != "cancel-requested" or status in FINAL
            if status and is_allowed:
                task["status"] = status
            task.update(_updated=update["received_on_manager"], _etag=self.etag())
        answer: dict[str, Any] = {"modified_count": len(handled), "handled_update_ids": handled}
        to_cancel = [
            task["_id"] for task in self.tasks.values() if task["status"] == "cancel-requested"
        ]
        if to_cancel:
            answer["cancel_task_ids"] = to_cancel * 2  # it is not shy of saying things twice
        if self.wanted_logs:
            answer["upload_task_file_queue"] = self.wanted_logs
        return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def log_message(self, *_: Any) -> None:
        """Tests read what was asked from the control paths."""

    def do_GET(self) -> None:
        if self.path.startswith("/control/"):
            self.control(b"")
        else:
            self.serve(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self.read_chunks()
        if self.path.startswith("/control/"):
            self.control(body)
        else:
            self.serve(body)

    def read_chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def serve(self, body: bytes) -> None:
        state = self.server_state
        kind = self.kind()
        with state.lock:
            encoding = self.headers.get("Content-Encoding", "")
            since = self.headers.get("X-Flamenco-If-Updated-Since", "")
            state.requests.append({"kind": kind, "since": since, "encoding": encoding})
            waiting = state.behaviour.get(kind) or []
            behaviour = waiting.pop(0) if waiting else ""
        if behaviour.startswith("slow:"):
            time.sleep(float(behaviour.partition(":")[2]))
        if behaviour == "cut":
            self.close_connection = True
            self.connection.close()
            return
        if behaviour.startswith("elsewhere:"):
            self.answer(307, b"", {"Location": behaviour.partition(":")[2]})
            return
        if behaviour.isdigit():
            self.answer(int(behaviour), b"as the test wants it", {})
            return
        if behaviour == "garbage":
            self.answer(200, b"<html>not what you think</html>", {})
            return
        if encoding == "gzip" and state.refuses_gzip:
            self.answer(415, b"what is this?", {})
            return
        if encoding == "gzip":
            body = gzip.decompress(body)
        status, content, headers = self.respond(kind, body)
        if behaviour == "cut-after":
            self.close_connection = True
            self.connection.close()
            return
        if behaviour == "half":
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            self.connection.close()
            return
        self.answer(status, content, headers)

    def kind(self) -> str:
        if self.path.startswith(OWN):
            return self.path.removeprefix(OWN).partition("/")[0]
        return "task" if self.path.startswith("/api/flamenco/tasks/") else "unknown"

    def respond(self, kind: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        state = self.server_state
        token = base64.b64encode(f"{SECRET}:".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {token}":
            return 403, b"who are you?", {}
        with state.lock:
            if kind == "depsgraph":
                status, document, headers = state.depsgraph(
                    self.headers.get("X-Flamenco-If-Updated-Since", "")
                )
                return status, json.dumps(document).encode() if document else b"", headers
            if kind == "task-update-batch":
                if any(task_id.encode() in body for task_id in state.indigestible):
                    return 400, b"some update is not as it should be", {}
                return 200, json.dumps(state.take_updates(json.loads(body))).encode(), {}
            if kind in ("startup", "update"):
                state.notices.append({"kind": kind, **json.loads(body)})
                return 204, b"", {}
            if kind == "attach-task-log":
                return self.take_log(body)
            if kind == "task":
                task = state.tasks.get(self.path.rpartition("/")[2])
                if task is None:
                    return 404, b"", {}
                if self.headers.get("If-None-Match") == task["_etag"]:
                    return 304, b"", {}
                return 200, json.dumps(task).encode(), {}
        return 404, b"no such page", {}

    def take_log(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        state = self.server_state
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + body)
        (part,) = [part for part in message.walk() if not part.is_multipart()]
        task_id = self.path.rpartition("/")[2]
        if part.get_filename() != f"task-{task_id}.txt.gz":
            return 400, b"wrong name", {}
        if part.get_param("name", header="content-disposition") != "logfile":
            return 400, b"no logfile", {}
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        state.logs[task_id] = gzip.decompress(content).decode()
        state.wanted_logs = [log for log in state.wanted_logs if log["task"] != task_id]
        return 201, b"", {"Location": "/somewhere"}

    def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        if "gzip" in self.headers.get("Accept-Encoding", "") and len(content) > 100:
            content = gzip.compress(content)
            headers = {**headers, "Content-Encoding": "gzip"}
        if self.server_state.reads_gzip:
            headers = {**headers, "Accept-Encoding": "gzip"}
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status not in (204, 304):
                self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the Manager has lost its patience

    def control(self, body: bytes) -> None:
        state = self.server_state
        what = self.path.removeprefix("/control/")
        document: Any = json.loads(body) if body else {}
        with state.lock:
            if what == "put":
                for task in document:
                    state.put(task)
            elif what == "remove":
                for task_id in document:
                    state.tasks.pop(task_id, None)
            elif what == "behave":
                for kind, behaviours in document.items():
                    state.behaviour.setdefault(kind, []).extend(behaviours)
            elif what == "set":
                for name, value in document.items():
                    setattr(state, name, value)
            content = json.dumps(
                {
                    "tasks": state.tasks,
                    "updates": state.updates,
                    "requests": state.requests,
                    "notices": state.notices,
                    "logs": state.logs,
                    "behaviour": state.behaviour,
                }
            ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    Handler.server_state = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        print(server.server_address[1], flush=True)
        threading.Thread(target=_end_with_input, daemon=True).start()
        server.serve_forever()


def _end_with_input() -> None:
    """Ends with whoever started this, however that ended."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    assert re.fullmatch("[0-9a-f]{24}", MANAGER)
    main()
