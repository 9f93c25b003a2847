"""What clients of a Manager were told, and whether it is still true after the Manager has died.

Each answer from 200 to 299 becomes a promise: something that whoever looks has to find from then
on. Looking is done over HTTP, and in the files themselves where the Manager serves files.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from bench_farm_load import Connection

READERS = 8
"""Connections that look for what was promised."""
WHOLE_LINE = re.compile(r"[0-9a-f]{32} was here [0-9a-f]{200}|\d{4}-\d\d-\d\dT[\d:]+Z .*")
"""A line of a log, of the clients' or of the Manager's own."""


@dataclass
class Knob:
    """A number that one client sets again and again, and nobody else."""

    path: str
    method: str
    body: Callable[[int], object]
    shown_at: str
    shown: Callable[[bytes], int]
    """The number in what is shown; raises ValueError if it is none that was ever set."""
    possible: set[int] = field(default_factory=set)
    """The one that was acknowledged last, and those that were sent since."""

    def settle(self, number: int) -> None:
        self.possible = {number}


@dataclass
class Promises:
    """By kind, and what it is about (mostly an id)."""

    made: dict[tuple[str, str], Any] = field(default_factory=dict)
    fresh: set[tuple[str, str]] = field(default_factory=set)
    """Not looked for yet."""
    knobs: list[Knob] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    """Jobs that somebody has asked to cancel, whatever came of it."""
    removed: set[str] = field(default_factory=set)
    """Jobs that somebody has asked to delete, whatever came of it."""

    def note(self, kind: str, about: str, fact: Any = None) -> None:
        self.made[kind, about] = fact
        self.fresh.add((kind, about))

    def note_line(self, task: str, job: str, line: str) -> None:
        lines = self.made.get(("log", task), (job, []))[1]
        self.note("log", task, (job, [*lines, line]))

    def forget(self, kind: str, about: str) -> None:
        self.made.pop((kind, about), None)
        self.fresh.discard((kind, about))

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.made}


class Auditor:
    """Looks for what was promised, while nobody changes anything."""

    def __init__(self, promises: Promises, port: int, storage: Path) -> None:
        self._promises = promises
        self._port = port
        self._storage = storage
        self._checks: dict[str, Callable[[Connection, str, Any], Awaitable[str]]] = {
            "cancelled": self._cancelled,
            "checkout": self._checkout,
            "completed": self._completed,
            "deleted": self._deleted,
            "file": self._file,
            "held": self._held,
            "image": self._image,
            "job": self._job,
            "log": self._log,
            "worker": self._worker,
        }

    async def broken(self, *, all_of_them: bool = False) -> list[str]:
        """The promises that were broken, of those made since the last time or of all."""
        promises = self._promises
        keys = list(promises.made if all_of_them else promises.fresh)
        promises.fresh.clear()
        parts = [self._look(keys[start::READERS]) for start in range(READERS)]
        found = [each for part in await asyncio.gather(*parts) for each in part]
        return [*found, *await self._knobs(), *self._torn_files()]

    async def _look(self, keys: Iterable[tuple[str, str]]) -> list[str]:
        reader = Connection(*await asyncio.open_connection("127.0.0.1", self._port))
        found = []
        for kind, about in keys:
            complaint = await self._checks[kind](reader, about, self._promises.made[kind, about])
            if complaint:
                found.append(f"{kind} {about}: {complaint}")
        await reader.close()
        return found

    async def _knobs(self) -> list[str]:
        """A number that was sent and not acknowledged may be there or not; then it stays so."""
        reader = Connection(*await asyncio.open_connection("127.0.0.1", self._port))
        found = []
        for knob in self._promises.knobs:
            status, content = await reader.request("GET", knob.shown_at)
            try:
                number = knob.shown(content)
            except (ValueError, LookupError):
                found.append(f"{knob.path}: {status} {content!r}")
                continue
            if number not in knob.possible:
                found.append(f"{knob.path}: shows {number}, not one of {knob.possible}")
            knob.settle(number)
        await reader.close()
        return found

    def _torn_files(self) -> list[str]:
        """Files whose names say what they contain, and do not contain it."""
        return [
            f"{blob} is torn"
            for blob in self._storage.glob("file-store/stored/??/*/*.blob")
            if hashlib.sha256(blob.read_bytes()).hexdigest()
            != blob.parent.parent.name + blob.parent.name
        ]

    async def _worker(self, reader: Connection, about: str, name: str) -> str:
        status, content = await reader.request("GET", f"worker-mgt/workers/{about}")
        return "" if status == 200 and json.loads(content)["name"] == name else f"{status}"

    async def _job(self, reader: Connection, about: str, fact: tuple[str, int]) -> str:
        if about in self._promises.removed:
            return ""
        name, tasks = fact
        status, content = await reader.request("GET", f"jobs/{about}")
        if status != 200 or json.loads(content)["name"] != name:
            return f"{status} {content!r}"
        status, content = await reader.request("GET", f"jobs/{about}/tasks")
        stored = len(json.loads(content)["tasks"])
        return "" if stored == tasks else f"has {stored} of {tasks} tasks"

    async def _cancelled(self, reader: Connection, about: str, _: None) -> str:
        status, content = await reader.request("GET", f"jobs/{about}")
        job = json.loads(content)
        is_so = job.get("status") in ("cancel-requested", "canceled")
        return "" if is_so else f"{status} {job.get('status')}"

    async def _deleted(self, reader: Connection, about: str, _: None) -> str:
        status, content = await reader.request("GET", f"jobs/{about}")
        is_so = status == 404 or json.loads(content).get("delete_requested_at")
        return "" if is_so else f"{status} {content!r}"

    async def _held(self, reader: Connection, about: str, fact: tuple[str, str]) -> str:
        worker, job = fact
        if job in self._promises.removed | self._promises.stopped:
            return ""
        status, content = await reader.request("GET", f"tasks/{about}")
        task = json.loads(content)
        is_so = status == 200 and (task["status"], task["worker"]["id"]) == ("active", worker)
        return "" if is_so else f"{status} {task}"

    async def _completed(self, reader: Connection, about: str, job: str) -> str:
        if job in self._promises.removed:
            return ""
        status, content = await reader.request("GET", f"tasks/{about}")
        is_so = status == 200 and json.loads(content)["status"] == "completed"
        return "" if is_so else f"{status} {content!r}"

    async def _log(self, reader: Connection, about: str, fact: tuple[str, list[str]]) -> str:
        job, lines = fact
        if job in self._promises.removed:
            return ""
        status, content = await reader.request("GET", f"tasks/{about}/log.txt")
        torn = torn_lines(content)
        there = content.decode().splitlines()
        lost = [line for line in lines if line not in there]
        return f"{status}, torn: {torn}, lost: {lost}" if torn or lost else ""

    async def _image(self, reader: Connection, job: str, _: None) -> str:
        """An image is no promise: it may not have been shown yet. What is served is whole."""
        status, content = await reader.request("GET", f"jobs/{job}/last-rendered")
        if status in (204, 404):
            return ""
        for name in json.loads(content)["suffixes"]:
            status, content = await reader.request("GET", f"jobs/{job}/last-rendered/{name}")
            if complaint := torn_image(content):
                return f"{name}: {status} {complaint}"
        return ""

    async def _file(self, reader: Connection, sha: str, size: int) -> str:
        status, content = await reader.request("GET", f"shaman/files/{sha}/{size}")
        return "" if b'"stored"' in content else f"{status} {content!r}"

    async def _checkout(self, _: Connection, path: str, files: dict[str, str]) -> str:
        folder = self._storage / "jobs" / path
        wrong = [
            name
            for name, sha in files.items()
            if not (folder / name).is_file()
            or hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha
        ]
        return f"{wrong} are not what they should be" if wrong else ""


def torn_lines(log: bytes) -> list[str]:
    lines = log.decode().splitlines()
    return [line for line in lines if not WHOLE_LINE.fullmatch(line)]


def torn_image(content: bytes) -> str:
    """What is wrong with an image; empty if nothing is."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except OSError as error:
        return str(error)
    return ""
