"""HTTP to a Flamenco Server: who we are, how long to wait, and answers as bytes.

Answers are asked for with gzip. Bodies are sent with it only to a server that says that it reads
it (`Accept-Encoding` in an answer): Flamenco 2's own does not.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp

from flamenco_core.config import Upstream
from flamenco_core.errors import FlamencoError
from flamenco_core.version import current_version

CONNECT_TIME_LIMIT = timedelta(seconds=10)
SILENCE_LIMIT = timedelta(seconds=60)
"""How long a server may say nothing in the middle of something."""

SHORT_TIME_LIMIT = timedelta(seconds=60)
LONG_TIME_LIMIT = timedelta(minutes=10)

LARGEST_ANSWER = 512 * 2**20
"""Bytes, also after decompression; some 500,000 tasks."""

_WORTH_COMPRESSING = 1024
_SHOWN_CHARACTERS = 200


class ServerUnreachable(FlamencoError):
    """No answer, or one that says that the server cannot answer now. Try again later."""


class ServerRefused(FlamencoError):
    """The server has understood, and does not want to."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; `content` is not compressed any more."""

    status: int
    headers: dict[str, str]
    """By names in small letters."""
    content: bytes


class ServerConnection:
    """Speaks for one Manager to one server; enter it before use."""

    def __init__(self, link: Upstream, *, silence_limit: timedelta = SILENCE_LIMIT) -> None:
        """`silence_limit` shortens all time limits that are longer."""
        self._url = link.url.rstrip("/")
        self._manager = f"/api/flamenco/managers/{link.manager_id}"
        login = base64.b64encode(f"{link.manager_secret}:".encode()).decode()
        self._authorization = f"Basic {login}"
        self._silence_limit = silence_limit
        self._reads_gzip = False
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        version = current_version().shown
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            headers={
                "User-Agent": f"Flamenco-Manager/{version}",
                "Accept-Encoding": "gzip",
                "Authorization": self._authorization,
            },
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get_depsgraph(self, marker: str) -> Answer:
        """The tasks that changed since the marker of an earlier answer; all, if it is empty."""
        headers = {"Accept": "application/json"}
        if marker:
            headers["X-Flamenco-If-Updated-Since"] = marker
        path = f"{self._manager}/depsgraph"
        return await self._ask("GET", path, headers=headers, limit=LONG_TIME_LIMIT)

    async def get_task(self, task_id: str, *, etag: str = "") -> Answer:
        """One task; with `etag`, status 304 if it has not changed."""
        headers = {"Accept": "application/json"}
        if etag:
            headers["If-None-Match"] = etag
        path = f"/api/flamenco/tasks/{task_id}"
        return await self._ask("GET", path, headers=headers, may_be_gone=True)

    async def post(self, name: str, body: bytes) -> Answer:
        """Sends JSON to one of the Manager's own addresses on the server."""
        path = f"{self._manager}/{name}"
        if self._reads_gzip and len(body) >= _WORTH_COMPRESSING:
            compressed = await asyncio.to_thread(gzip.compress, body)
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            try:
                return await self._ask("POST", path, headers=headers, body=compressed)
            except ServerRefused as error:
                if error.status != 415:
                    raise
                self._reads_gzip = False
        headers = {"Content-Type": "application/json"}
        return await self._ask("POST", path, headers=headers, body=body)

    async def attach_log(self, task_id: str, compressed: Any) -> Answer:
        """Sends a task's log: an open file with gzip in it."""
        form = aiohttp.FormData()
        form.add_field(
            "logfile",
            compressed,
            filename=f"task-{task_id}.txt.gz",
            content_type="text/plain+gzip",
        )
        path = f"{self._manager}/attach-task-log/{task_id}"
        return await self._ask("POST", path, body=form, limit=LONG_TIME_LIMIT)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: Any = None,
        limit: timedelta = SHORT_TIME_LIMIT,
        may_be_gone: bool = False,
    ) -> Answer:
        """One request.

        Raises:
            ServerUnreachable: if there is no answer in time, or one of 5xx.
            ServerRefused: if it is 4xx, save for 404 with `may_be_gone`, or sends elsewhere.
        """
        assert self._session is not None, "it was not entered"  # noqa: S101
        silence = min(self._silence_limit, limit).total_seconds()
        timeout = aiohttp.ClientTimeout(
            total=limit.total_seconds(),
            sock_connect=min(CONNECT_TIME_LIMIT.total_seconds(), silence),
            sock_read=silence,
        )
        where = f"{self._url}{path}"
        try:
            async with self._session.request(
                method, where, headers=headers, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                content = await _read(response, where)
                names = {name.lower(): value for name, value in response.headers.items()}
                answer = Answer(response.status, names, content)
        except TimeoutError:
            raise ServerUnreachable(f"{where} did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ServerUnreachable(f"{where} cannot be asked: {error}") from error
        if "gzip" in answer.headers.get("accept-encoding", ""):
            self._reads_gzip = True
        _refuse_bad_answer(answer, where, may_be_gone=may_be_gone)
        return answer


async def _read(response: aiohttp.ClientResponse, where: str) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise ServerUnreachable(f"{where} answers with too much")
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        return bytes(content)
    return await asyncio.to_thread(_decompress, bytes(content), where)


def _decompress(content: bytes, where: str) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    try:
        plain = decompressor.decompress(content, LARGEST_ANSWER)
    except zlib.error as error:
        raise ServerUnreachable(f"{where} answers with broken gzip: {error}") from None
    if not decompressor.eof:
        raise ServerUnreachable(f"{where} answers with gzip that is cut off or too much")
    return plain


def _refuse_bad_answer(answer: Answer, where: str, *, may_be_gone: bool) -> None:
    status = answer.status
    if status < 300 or status == 304 or (may_be_gone and status in (404, 410)):
        return
    said = answer.content[:_SHOWN_CHARACTERS].decode("utf-8", "replace").strip()
    if status >= 500:
        raise ServerUnreachable(f"{where} answers with status {status}: {said}")
    if status < 400:
        place = answer.headers.get("location", "another address")
        raise ServerRefused(f"{where} sends to {place}; set 'flamenco' to the right one", status)
    hint = "; look at manager_id and manager_secret" if status in (401, 403) else ""
    raise ServerRefused(f"{where} answers with status {status}{hint}: {said}", status)
