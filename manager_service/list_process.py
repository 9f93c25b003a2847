"""The Manager's side of the process that reads long lists; see `list_helper`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from pathlib import Path
from typing import cast

from flamenco_core import wire
from flamenco_core.errors import Unavailable
from flamenco_core.store.listing import ListRequest
from manager_service.helper_start import NO_WINDOW, helper_command
from manager_service.list_helper import main as list_helper


class ListProcess:
    """Reads pieces of lists in a process that is started when it is first needed, and stays.

    Pieces of several lists take turns. Belongs to one event loop.
    """

    def __init__(self, farm: Path) -> None:
        self._farm = farm
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._is_closed = False

    async def read(self, request: ListRequest) -> tuple[bytes, str | None]:
        """Items of a list as JSON, separated by commas, and the cursor for the rest.

        Raises:
            Unavailable: if this was closed, or the process ended; the next request gets another.
        """
        async with self._lock:
            process = await self._running()
            try:
                return await _ask(process, request)
            except (OSError, ValueError, EOFError) as error:
                await self._end(process)
                raise Unavailable(f"The process that reads long lists failed: {error}") from error
            except asyncio.CancelledError:
                # Its answer would be taken for that to the next request.
                await self._end(process)
                raise

    async def close(self) -> None:
        """Ends the process, also in the middle of a list."""
        self._is_closed = True
        if self._process is not None:
            await self._end(self._process)

    async def _running(self) -> Process:
        if self._is_closed:
            raise Unavailable("The Manager is stopping")
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *helper_command(list_helper, str(self._farm)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                creationflags=NO_WINDOW | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
        return self._process

    async def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # What it still wrote has to be read, or the pipe is never closed.
        with contextlib.suppress(OSError, ValueError):
            await process.communicate()
        if self._process is process:
            self._process = None


async def _ask(process: Process, request: ListRequest) -> tuple[bytes, str | None]:
    requests, answers = cast(StreamWriter, process.stdin), cast(StreamReader, process.stdout)
    requests.write(json.dumps(wire.to_json(request)).encode() + b"\n")
    await requests.drain()
    header = json.loads(await answers.readline() or "null")
    if header is None:
        raise EOFError("it ended")
    if "error" in header:
        raise ValueError(header["error"])
    return await answers.readexactly(header["size"]), header["next"]
