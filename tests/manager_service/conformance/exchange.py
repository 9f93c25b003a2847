"""Raw HTTP with a Manager, each answer held against Flamenco 3's contract.

Nothing of the Manager is imported here: it is a program of its own, and what it answers is judged
by the table in `flamenco3_contract` and by what is listed below it.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

from tests.manager_service import flamenco3_contract as contract
from tests.ports import free_port

TIME_LIMIT = 60
API = "/api/v3"

UNDOCUMENTED = {
    **dict.fromkeys(
        (
            *("fetchJob", "deleteJobWhatWouldItDo", "fetchJobLastRenderedInfo"),
            *("fetchWorker", "fetchWorkerTag"),
        ),
        (400, 404),
    ),
    "getJobType": (404,),
    "getVariables": (400,),
    "getSharedStorage": (400,),
    "scheduleTask": (400,),
}
"""Errors that Flamenco 3 sends, too, though its document does not say so."""

ERROR = "Error"

Status = tuple[str, int]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Worker:
    """Credentials of one."""

    id: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        token = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


@dataclass
class Exchange:
    """Sends requests by their operation, and remembers what was wrong with the answers."""

    host: str
    port: int
    problems: dict[str, list[str]] = field(default_factory=dict)
    seen: set[Status] = field(default_factory=set)

    def ask(
        self,
        operation: str,
        expected: int | None,
        *,
        body: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        worker: Worker | None = None,
        **path: Any,
    ) -> Reply:
        """One request on a connection of its own; `path` fills in the route's parameters.

        Without an `expected` status any will do that is documented.
        """
        route = contract.OPERATIONS[operation][0]
        method, _, pattern = route.removesuffix("+").partition(" ")
        target = API + re.sub(r"\{(\w+)\}", lambda match: str(path[match[1]]), pattern)
        all_headers = {**(worker.headers if worker else {}), **(headers or {})}
        if body is not None:
            raw = json.dumps(body).encode()
            all_headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIME_LIMIT)
        try:
            connection.request(method, target, raw, all_headers)
            return self.judge(operation, expected, read(connection))
        finally:
            connection.close()

    def judge(self, operation: str, expected: int | None, reply: Reply) -> Reply:
        """Notes whether an answer is as the contract has it, and as the test expects it."""
        self.seen.add((operation, reply.status))
        found = self.problems.setdefault(operation, [])
        if expected is not None and reply.status != expected:
            found.append(f"{reply.status} instead of {expected}: {reply.content[:300]!r}")
        found += [f"{reply.status}: {problem}" for problem in _faults(operation, reply)]
        return reply


def read(connection: http.client.HTTPConnection) -> Reply:
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status, headers, response.read())


def _faults(operation: str, reply: Reply) -> Iterator[str]:
    answers = contract.OPERATIONS[operation][2]
    form = answers.get(reply.status)
    if form is None and reply.status >= 400:
        if contract.DEFAULT not in answers and not _is_known_deviation(operation, reply.status):
            yield "is not documented, and not one that Flamenco 3 sends all the same"
        form = ERROR
    elif form is None:
        yield "is not documented"
        return
    elif not form and reply.status >= 400:
        form = ERROR  # documented without a body; ours says what is wrong
    if not form:
        if reply.content:
            yield f"has a body: {reply.content[:100]!r}"
        return
    yield from _body_faults(form, reply)


def _body_faults(form: str, reply: Reply) -> Iterator[str]:
    media_type = reply.headers.get("content-type", "").partition(";")[0]
    if "/" in form:
        if media_type != form:
            yield f"its media type is {media_type!r}"
        return
    if media_type != "application/json":
        yield f"its media type is {media_type!r}"
        return
    if "Content-Length" not in {name.title() for name in reply.headers}:
        yield "does not say its length"
    schema = contract.json_schema(form)
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    for error in validator.iter_errors(reply.json):
        yield f"at {'/'.join(map(str, error.instance_path)) or 'the top'}: {error.message}"


def _is_known_deviation(operation: str, status: int) -> bool:
    is_workers = contract.OPERATIONS[operation][0].endswith("+")
    return (is_workers and status == 403) or status in UNDOCUMENTED.get(operation, ())


PROGRAM = [sys.executable, "-X", "utf8", "-m", "manager_service.cli"]


def add_admin(home: Path) -> str:
    """Switches accounts on, before the first start; returns a token for everything."""
    home.mkdir()
    settings = "_meta: {version: 3}\nauthentication: local\n"
    (home / "flamenco-manager.yaml").write_text(settings, encoding="utf-8")
    user = [*PROGRAM, "user", f"--home={home}"]
    password = "correct horse battery staple\n"
    added = [*user, "add", "ana", "--role=admin"]
    subprocess.run(added, input=password, text=True, check=True, capture_output=True)
    shown = subprocess.run([*user, "token", "ana"], text=True, check=True, capture_output=True)
    return shown.stdout.split()[-1]


@contextmanager
def running_manager(home: Path) -> Iterator[Exchange]:
    """`flamenco-manager` in a process of its own, with defaults for all that is not in `home`."""
    home.mkdir(exist_ok=True)
    port = free_port()
    process = subprocess.Popen(
        [*PROGRAM, f"--home={home}", f"--listen=127.0.0.1:{port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line
            address = urlsplit(found[0])
            assert address.port is not None
            yield Exchange("127.0.0.1", address.port)
        finally:
            process.kill()
