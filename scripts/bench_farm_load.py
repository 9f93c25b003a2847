"""The workers of `bench.py farm`: one process, one connection each, as fast as they are answered.

Each goes through task cycles: fetch a task, report progress, report completion.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import http.client
import json
import time

JSON_CONTENT = "Content-Type: application/json\r\n"
READY = {"platform": "linux", "supported_task_types": ["blender"]}


class Connection:
    """HTTP/1.1 as far as it is needed here, on one connection that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._authorization = ""

    def log_in(self, name: str, secret: str) -> None:
        text = base64.b64encode(f"{name}:{secret}".encode()).decode()
        self._authorization = f"Authorization: Basic {text}\r\n"

    async def post(self, path: str, body: object) -> tuple[int, bytes]:
        return await self.request("POST", path, json.dumps(body).encode())

    async def request(
        self, method: str, path: str, content: bytes = b"", headers: str = JSON_CONTENT
    ) -> tuple[int, bytes]:
        """Status and content of the answer. `headers` end with a line break."""
        self._writer.write(
            f"{method} /api/v3/{path} HTTP/1.1\r\nHost: localhost\r\n{self._authorization}"
            f"{headers}Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "\r\ntransfer-encoding:" in head:
            raise RuntimeError(f"{path} was answered in chunks, which is not understood here")
        status = int(head[9:12])
        length = head.find("content-length: ")
        size = int(head[length + 16 : head.index("\r\n", length)]) if length >= 0 else 0
        return status, await self._reader.readexactly(size) if size else b""

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class Load:
    """All workers together, until they have done so many cycles."""

    def __init__(self, cycles: int, *, fetch: str = "worker/task") -> None:
        """`fetch` is the path that tasks are asked for at."""
        self.left = cycles
        self.done = 0
        self.times: list[float] = []
        self.acknowledged: list[tuple[str, dict[str, object]]] = []
        """Task and update."""
        self._fetch = fetch

    async def timed_post(self, connection: Connection, path: str, body: object) -> bytes:
        began = time.perf_counter()
        status, content = await connection.post(path, body)
        self.times.append(time.perf_counter() - began)
        if status not in (200, 204):
            raise RuntimeError(f"{path} was answered {status}: {content.decode()}")
        return content

    async def work(self, connection: Connection) -> None:
        while self.left > 0:
            self.left -= 1
            answer = await self.timed_post(connection, self._fetch, {})
            task = json.loads(answer)
            progress = {"attempt": task["attempt"], "activity": "Rendering", "stepsCompleted": 1}
            await self._update(connection, task["uuid"], progress)
            end = {"attempt": task["attempt"], "taskStatus": "completed", "log": "done\n"}
            await self._update(connection, task["uuid"], end)
            self.done += 1

    async def _update(self, connection: Connection, task: str, update: dict[str, object]) -> None:
        await self.timed_post(connection, f"worker/task/{task}", update)
        self.acknowledged.append((task, update))


async def signed_on(port: int, number: int) -> Connection:
    connection = Connection(*await asyncio.open_connection("127.0.0.1", port))
    secret = f"secret-{number}"
    registration = {"name": f"worker-{number}", "secret": secret, **READY}
    status, answer = await connection.post("worker/register-worker", registration)
    if status != 200:
        raise RuntimeError(f"registration was answered {status}: {answer.decode()}")
    connection.log_in(json.loads(answer)["uuid"], secret)
    sign_on = {
        "name": f"worker-{number}",
        "software_version": "bench",
        "supported_task_types": ["blender"],
    }
    status, answer = await connection.post("worker/sign-on", sign_on)
    if status != 200:
        raise RuntimeError(f"signing on was answered {status}: {answer.decode()}")
    status, answer = await connection.post("worker/state-changed", {"status": "awake"})
    if status != 204:
        raise RuntimeError(f"waking was answered {status}: {answer.decode()}")
    return connection


async def run(port: int, workers: int, cycles: int) -> dict[str, float]:
    connections = [await signed_on(port, number) for number in range(workers)]
    warm_up = Load(workers)
    await asyncio.gather(*(warm_up.work(connection) for connection in connections))
    load = Load(cycles)
    began = time.perf_counter()
    await asyncio.gather(*(load.work(connection) for connection in connections))
    seconds = time.perf_counter() - began
    times = sorted(load.times)
    return {
        "rate": load.done / seconds,
        "p50": times[len(times) // 2] * 1e3,
        "p99": times[len(times) * 99 // 100] * 1e3,
    }


def read_for_ever(port: int, job: str) -> None:
    """Reads the whole list of a job's tasks again and again, until this process is ended."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", f"/api/v3/jobs/{job}/tasks")
        answer = connection.getresponse()
        while answer.read(2**16):
            pass
        if answer.status != 200:
            raise RuntimeError(f"the list was answered {answer.status}")
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--list-of", metavar="JOB", help="read its tasks instead, for ever")
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--cycles", type=int, default=3_000)
    options = parser.parse_args()
    if options.list_of:
        read_for_ever(options.port, options.list_of)
    print(json.dumps(asyncio.run(run(options.port, options.workers, options.cycles))))


if __name__ == "__main__":
    main()
