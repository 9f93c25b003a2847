"""How quick lists are over HTTP, and what they do to other requests meanwhile.

The Manager runs in a process of its own; so does whoever reads the long list, which only throws
away what it gets. Times are those that a client on this machine sees.
"""

from __future__ import annotations

import base64
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from bench_figures import Figure
from flamenco_core.config import Config
from flamenco_core.manager import Manager
from tests.flamenco_core.farms import awake_worker, compiled_job, store

JOBS = 10_000
TASKS = 100_000
"""Of one of the jobs."""
REPEATS = 40
PAGE_LIMIT_MS = 50.0
OTHERS_LIMIT = 2.0
"""Other requests may take this many times as long, in the middle, while a long list is read."""
OTHERS_SECONDS = 4.0
PACE = 0.01
"""Seconds from one of the other requests to the next."""

_SERVE = """
import sys
from pathlib import Path
from tests.manager_service.running_manager import RunningManager
with RunningManager(Path(sys.argv[1])) as manager:
    print(manager.port, flush=True)
    sys.stdin.read()
"""
_READ_AND_DROP = """
import socket, sys
while True:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        head = f"GET {sys.argv[2]} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "", ""
        connection.sendall("\\r\\n".join(head).encode())
        while connection.recv(2**20):
            pass
    print("read", flush=True)
"""


def bench_lists() -> Iterator[Figure]:
    """The first pages of long lists, long lists as a whole, and other requests beside them."""
    with tempfile.TemporaryDirectory() as folder:
        large_job = made_farm(Path(folder))
        with serving(Path(folder)) as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            tasks = f"/api/v3/jobs/{large_job}/tasks"
            for name, path in _first_pages(tasks):
                median = _median(partial(_get, connection, path))
                yield Figure(f"{name} in ms", median, PAGE_LIMIT_MS)
            for name, path in (("jobs", "/api/v3/jobs"), ("tasks", tasks)):
                first, whole, size = _whole(port, path)
                print(f"all {name}: {size / 1e6:.1f} MB in {whole:.2f} s")
                yield Figure(f"first byte of all {name} in ms", first * 1e3, PAGE_LIMIT_MS)
            yield from _others(connection, port, tasks)


def _first_pages(tasks: str) -> Iterator[tuple[str, str]]:
    jobs = "/api/v3/jobs?limit=100"
    yield "first page of jobs", jobs
    yield "first page of jobs by name", f"{jobs}&sort=name"
    yield "first page of jobs of a project", jobs + "&metadata=%7B%22project%22%3A%22p7%22%7D"
    yield "first page of jobs by text in their name", f"{jobs}&name=shot-99"
    yield "first page of tasks", f"{tasks}?limit=100"
    yield "first page of tasks, failed first", f"{tasks}?limit=100&sort=status"
    yield "first page of tasks by name", f"{tasks}?limit=100&sort=-name"
    yield "first page of tasks by text in their name", f"{tasks}?limit=100&name=9999"


def _others(connection: http.client.HTTPConnection, port: int, tasks: str) -> Iterator[Figure]:
    """How long changes and looks take, alone and while a long list is read again and again."""
    worker = _Worker(connection)
    kinds: dict[str, Callable[[], object]] = {
        "a look at the farm": lambda: _get(connection, "/api/v3/status"),
        "a change by a worker": worker.change_status,
    }
    for name, act in kinds.items():
        alone = _paced(act)
        with _reading(port, tasks):
            beside = _paced(act)
        print(
            f"{name}: {alone[0]:.1f} ms (95th percentile {alone[1]:.1f} ms), "
            f"while the list is read {beside[0]:.1f} ms ({beside[1]:.1f} ms)"
        )
        yield Figure(f"{name} beside a long list over alone", beside[0] / alone[0], OTHERS_LIMIT)


def _paced(act: Callable[[], object]) -> tuple[float, float]:
    """Median and 95th percentile, in milliseconds."""
    times = []
    end = time.perf_counter() + OTHERS_SECONDS
    while time.perf_counter() < end:
        times.append(_milliseconds(act))
        time.sleep(PACE)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.95)]


def _median(act: Callable[[], object]) -> float:
    """Milliseconds."""
    return statistics.median(_milliseconds(act) for _ in range(REPEATS))


def _milliseconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1e3


def _whole(port: int, path: str) -> tuple[float, float, int]:
    """Seconds to the first byte and to the last, and bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    start = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read(1)
    first = time.perf_counter() - start
    size = 1
    while content := answer.read(2**20):
        size += len(content)
    connection.close()
    return first, time.perf_counter() - start, size


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")


class _Worker:
    """A worker that falls asleep and wakes up, each of which has to reach the disk."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._is_awake = True
        registration = {"name": "bench", "secret": "secret", "platform": "linux"}
        answer = self._post("/worker/register-worker", {**registration, "supported_task_types": []})
        login = base64.b64encode(f"{answer['uuid']}:secret".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._post(
            "/worker/sign-on",
            {"name": "bench", "supported_task_types": [], "software_version": "1"},
        )

    _headers: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed

    def change_status(self) -> None:
        self._is_awake = not self._is_awake
        self._post("/worker/state-changed", {"status": "awake" if self._is_awake else "asleep"})

    def _post(self, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json", **self._headers}
        self._connection.request("POST", f"/api/v3{path}", json.dumps(body).encode(), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content else None


def made_farm(home: Path) -> str:
    """Fills the farm of a Manager with this home; returns the UUID of the job of many tasks."""
    config = Config(home=home)
    with Manager.open(config.database_file, config=config) as manager:
        awake_worker(manager, "blender")
        with manager.unit_of_work():
            for index in range(JOBS - 1):
                metadata = {"project": f"p{index % 100}", "user.name": f"artist {index % 20}"}
                store(manager, replace(compiled_job(1), name=f"shot-{index}", metadata=metadata))
        return store(manager, compiled_job(TASKS))


@contextmanager
def serving(home: Path) -> Iterator[int]:
    """A Manager in a process of its own; its port."""
    with _process(_SERVE, str(home)) as process:
        yield int(cast(IO[bytes], process.stdout).readline())


@contextmanager
def _reading(port: int, path: str) -> Iterator[None]:
    """A process that reads a list again and again, and has done so once."""
    with _process(_READ_AND_DROP, str(port), path) as process:
        cast(IO[bytes], process.stdout).readline()
        yield


@contextmanager
def _process(code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
