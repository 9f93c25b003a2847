"""Connections of many clients that keep a Manager busy, whether it is alive or not.

They are silent while the Manager is dead, and while somebody looks what it remembers.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from bench_farm_load import JSON_CONTENT, Connection
from tests.farm.promises import Promises

Answer = tuple[int, bytes]


@dataclass
class Crowd:
    """What all clients share."""

    port: int
    promises: Promises = field(default_factory=Promises)
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    in_flight: int = 0
    """Requests that were sent and not answered."""
    answered: int = 0
    """Requests so far."""
    unanswered: int = 0
    """Requests that were sent and never answered."""
    submitted: int = 0
    """Jobs so far."""
    jobs: list[str] = field(default_factory=list)
    """Those that nobody has done anything with except working on them."""

    async def silence(self) -> None:
        """Returns when each request has been answered, or its connection has ended."""
        self.is_up.clear()
        async with asyncio.timeout(30):
            while self.in_flight:
                await asyncio.sleep(0.005)

    async def crowding(self, requests: int) -> None:
        """Returns when so many requests are in flight."""
        async with asyncio.timeout(60):
            while self.in_flight < requests:
                await asyncio.sleep(0.001)

    async def answers(self, requests: int) -> None:
        """Returns when so many more requests have been answered, however long each takes."""
        goal = self.answered + requests
        async with asyncio.timeout(120):
            while self.answered < goal:
                await asyncio.sleep(0.005)

    async def submission(self) -> None:
        """Returns when one more job has been submitted, which may take longer than hundreds of
        other requests."""
        before = self.submitted
        async with asyncio.timeout(120):
            while self.submitted == before:
                await asyncio.sleep(0.005)

    async def untouched_job(self) -> str | None:
        """None if it is over before there is one."""
        while not self.is_over:
            if self.jobs:
                return self.jobs.pop()
            await asyncio.sleep(0.02)
        return None


class Line:
    """One client's connection, made anew after each death of the Manager."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.is_repeated = False
        """Whether the last request had to be sent more than once."""
        self._login: tuple[str, str] | None = None
        self._connection: Connection | None = None

    def log_in(self, name: str, secret: str) -> None:
        self._login = name, secret
        if self._connection:
            self._connection.log_in(name, secret)

    async def once(
        self, method: str, path: str, body: object = b"", headers: str = JSON_CONTENT
    ) -> Answer | None:
        """None if the Manager died before it answered, or before it was asked."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.crowd.is_up.wait()
        try:
            if self._connection is None:
                self._connection = await self._connect()
                if not self.crowd.is_up.is_set():
                    return None
            self.crowd.in_flight += 1
            try:
                answer = await self._connection.request(method, path, content, headers)
                self.crowd.answered += 1
                return answer
            except (OSError, asyncio.IncompleteReadError):
                self.crowd.unanswered += 1
                raise
            finally:
                self.crowd.in_flight -= 1
        except (OSError, asyncio.IncompleteReadError):
            await self.close()
            return None

    async def surely(
        self,
        method: str,
        path: str,
        body: object = b"",
        headers: str = JSON_CONTENT,
        *,
        good: tuple[int, ...] = (200,),
        after_loss: tuple[int, ...] = (),
    ) -> Answer:
        """Asks until it is answered. After an answer was lost, what was asked may have happened:
        then some more statuses are good.
        """
        self.is_repeated = False
        while (answer := await self.once(method, path, body, headers)) is None:
            self.is_repeated = True
        status, content = answer
        assert status in good or (self.is_repeated and status in after_loss), (
            path,
            status,
            content,
        )
        return answer

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def _connect(self) -> Connection:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", self.crowd.port))
        if self._login:
            connection.log_in(*self._login)
        return connection
