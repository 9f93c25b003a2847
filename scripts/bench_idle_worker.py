"""`bench.py idle-worker`: what a worker that waits for tasks costs its machine and its Manager.

A real Manager and a real worker. Between them stands a relay that passes bytes on and notes when
each request begins. The first minute does not count: signing on, finding the devices, and the first
samples belong to the start.
"""

from __future__ import annotations

import itertools
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench_figures import Figure
from tests.farm.farm import Farm

SETTLING_SECONDS = 60
MEASURED_SECONDS = 240
CPU_LIMIT_PERCENT = 0.5
"""Of one core."""
MEMORY_LIMIT_MB = 80.0
LEAST_GAP_SECONDS = 20.0
_REQUEST = re.compile(rb"(GET|POST|PUT|DELETE) \S+ HTTP/1\.1\r\n")


def bench_idle_worker() -> Iterator[Figure]:
    """What it costs to have a machine on the farm that has nothing to do."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, _Relay() as relay:
        place = Path(folder) / "farm"
        farm = Farm(place, Path(sys.executable), public_port=relay.port)
        relay.target = farm.manager_port
        try:
            farm.start_manager()
            farm.start_worker()
            assert farm.worker is not None  # noqa: S101 - for the type checker
            worker = psutil.Process(farm.worker.pid)
            time.sleep(SETTLING_SECONDS)
            since = time.monotonic()
            before = _cpu_seconds(worker)
            time.sleep(MEASURED_SECONDS)
            percent = 100 * (_cpu_seconds(worker) - before) / (time.monotonic() - since)
            memory = _memory(worker) / 1e6
            began = [at for at, _line in relay.requests if at >= since]
            for at, line in relay.requests:
                print(f"{at - since:8.1f} s  {line}")
        finally:
            farm.stop()
    gaps = [later - earlier for earlier, later in itertools.pairwise(began)]
    print(f"{len(began)} requests in {MEASURED_SECONDS} s, the closest {min(gaps):.1f} s apart")
    yield Figure("percent of a core that an idle worker takes", percent, CPU_LIMIT_PERCENT)
    yield Figure("MB that an idle worker has", memory, MEMORY_LIMIT_MB)
    yield Figure(
        f"{LEAST_GAP_SECONDS:.0f} s by the time between its closest requests",
        LEAST_GAP_SECONDS / min(gaps),
        1.0,
    )


def _cpu_seconds(worker: psutil.Process) -> float:
    """Of it and what it has started."""
    with_children = [worker, *worker.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in with_children)


def _memory(worker: psutil.Process) -> int:
    return sum(process.memory_info().rss for process in (worker, *worker.children(recursive=True)))


class _Relay:
    """Passes everything on to a port of this machine."""

    def __init__(self) -> None:
        self.target = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.requests: list[tuple[float, str]] = []
        """When each began, and its first line."""

    def __enter__(self) -> _Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listening.accept()
                manager = socket.create_connection(("127.0.0.1", self.target))
                for source, sink in ((client, manager), (manager, client)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with _closed_together(source, sink), suppress(OSError):
            while content := source.recv(65536):
                found = _REQUEST.match(content)
                if found is not None:
                    self.requests.append((time.monotonic(), found[0].decode().split(" HTTP")[0]))
                sink.sendall(content)


@contextmanager
def _closed_together(*sockets: socket.socket) -> Iterator[None]:
    try:
        yield
    finally:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
