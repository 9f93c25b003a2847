"""The Manager's side of the process that carries out workers' requests; see the helper.

Python runs one thread at a time. On a busy farm the event loop and the write thread spend much of
their time waiting for each other, at each of the thirty statements that a task costs. A process of
its own has none of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import subprocess
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import Process
from pathlib import Path
from typing import cast

from flamenco_core.errors import Unavailable
from flamenco_core.manager.opening import Bearings
from manager_service.helper_start import NO_WINDOW, helper_command
from manager_service.second_writer_helper import LENGTH, Call, Done, Work, encoded
from manager_service.second_writer_helper import main as second_writer_helper

_EXIT_SECONDS = 5


class SecondWriter:
    """A running process. Whoever calls it holds the turn (`turn.Turn`) meanwhile."""

    def __init__(self, process: Process) -> None:
        """Use `start`."""
        self._process = process
        self._bearings: Bearings | None = None

    @classmethod
    async def start(cls, farm: Path, bearings: Bearings) -> SecondWriter:
        """Starts it, and waits until it has opened the farm. That needs no turn: it only reads.

        Raises:
            Unavailable: if it cannot be started, or ends at once.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *helper_command(second_writer_helper, str(farm)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                creationflags=NO_WINDOW,
            )
        except OSError as error:
            raise Unavailable(f"A second process cannot be started: {error}") from error
        writer = cls(process)
        try:
            await writer.carry_out([], bearings)
        except BaseException:
            await writer.kill()
            raise
        return writer

    async def carry_out(self, calls: list[Call], bearings: Bearings) -> Done:
        """Runs methods of `Manager` in one transaction, deciding by `bearings`.

        Raises:
            Unavailable: if the process ended. Whether the calls are stored is not known then.
        """
        is_news = bearings is not self._bearings
        try:
            done = await self._ask(Work(calls, bearings if is_news else None))
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise Unavailable(
                "The process that does workers' requests has ended; ask again"
            ) from error
        self._bearings = bearings
        return done

    async def close(self) -> None:
        """Lets it write what it knows, and waits for its end."""
        try:
            # Closes its input, which is its end.
            await asyncio.wait_for(self._process.communicate(), _EXIT_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Ends it at once. What it had not answered may be stored or not."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        # What it still wrote has to be read, or the pipe is never closed.
        with contextlib.suppress(OSError, ValueError):
            await self._process.communicate()

    async def _ask(self, work: Work) -> Done:
        messages = cast(StreamWriter, self._process.stdin)
        answers = cast(StreamReader, self._process.stdout)
        messages.write(encoded(work))
        await messages.drain()
        (length,) = LENGTH.unpack(await answers.readexactly(LENGTH.size))
        done: Done = pickle.loads(await answers.readexactly(length))
        return done
