"""A Manager's content store over real HTTP, written apart from ours, that can be told to misbehave.

It keeps files in memory, checks their sums, and answers single uploads as a test scripts them.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

HANG_UP = -1
"""Instead of a status: the connection is closed without an answer."""


@dataclass(frozen=True)
class ReceivedUpload:
    sha: str
    can_defer: bool
    original_name: str


class ScriptedManager:
    """Serves while it is entered. All state may be read and changed by the test's thread."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.answers: dict[str, list[int]] = defaultdict(list)
        """By sum: statuses for its next uploads, before they are treated normally."""
        self.checkout_answers: list[int] = []
        self.reported_uploading: set[str] = set()
        self.lose_after_checkout_question: set[str] = set()
        """Sums that vanish from the store when a checkout asks for them, once."""
        self.uploads: list[ReceivedUpload] = []
        self.requirement_requests = 0
        self.checkouts: list[dict[str, Any]] = []
        self.storage_location = "/nowhere"
        self.shaman_enabled = True
        self.status_questions = 0
        self.on_upload: Callable[[], None] = lambda: None
        self.on_status_question: Callable[[], None] = lambda: None
        self.on_checkout: Callable[[], None] = lambda: None
        self.erased_checkouts: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._on_loop(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        self._on_loop(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _on_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> None:
        app = web.Application(client_max_size=2**30)
        base = "/api/v3"
        app.router.add_get(base + "/configuration/shared-storage/{audience}/{os}", self._storage)
        app.router.add_post(base + "/shaman/checkout/requirements", self._requirements)
        app.router.add_post(base + "/shaman/checkout/create", self._checkout)
        app.router.add_post(base + "/shaman/checkout/erase", self._erase)
        app.router.add_get(base + "/shaman/files/{sha}/{size}", self._status)
        app.router.add_post(base + "/shaman/files/{sha}/{size}", self._upload)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _storage(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "location": self.storage_location,
                "audience": request.match_info["audience"],
                "platform": request.match_info["os"],
                "shamanEnabled": self.shaman_enabled,
            }
        )

    async def _requirements(self, request: web.Request) -> web.StreamResponse:
        self.requirement_requests += 1
        wanted: list[dict[str, Any]] = []
        for file in (await request.json())["files"]:
            if file["sha"] in self.stored or file["sha"] in {other["sha"] for other in wanted}:
                continue
            is_uploading = file["sha"] in self.reported_uploading
            wanted.append({**file, "status": "uploading" if is_uploading else "unknown"})
        return web.json_response({"files": wanted})

    async def _status(self, request: web.Request) -> web.StreamResponse:
        sha = request.match_info["sha"]
        self.status_questions += 1
        self.on_status_question()
        status = "uploading" if sha in self.reported_uploading else "unknown"
        return web.json_response({"status": "stored" if sha in self.stored else status})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        sha = request.match_info["sha"]
        self.uploads.append(
            ReceivedUpload(
                sha,
                request.headers["X-Shaman-Can-Defer-Upload"].lower() == "true",
                request.headers["X-Shaman-Original-Filename"],
            )
        )
        self.on_upload()
        if self.answers[sha]:
            status = self.answers[sha].pop(0)
            if status == HANG_UP:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            await request.read()
            return web.json_response({"code": status, "message": "as scripted"}, status=status)
        content = await request.read()
        if hashlib.sha256(content).hexdigest() != sha:
            return web.json_response({"code": 417, "message": "wrong sum"}, status=417)
        if sha in self.stored:
            return web.Response(status=208)
        self.stored[sha] = content
        return web.Response(status=204)

    async def _checkout(self, request: web.Request) -> web.StreamResponse:
        checkout = await request.json()
        self.on_checkout()
        for sha in self.lose_after_checkout_question:
            del self.stored[sha]
        self.lose_after_checkout_question.clear()
        missing = [file for file in checkout["files"] if file["sha"] not in self.stored]
        status = self.checkout_answers.pop(0) if self.checkout_answers else 200
        if missing:
            status = 424
        if status != 200:
            return web.json_response({"code": status, "message": "as scripted"}, status=status)
        self.checkouts.append(checkout)
        return web.json_response({"checkoutPath": checkout["checkoutPath"] + "-x1y2"})

    async def _erase(self, request: web.Request) -> web.StreamResponse:
        self.erased_checkouts.append((await request.json())["checkoutPath"])
        return web.Response(status=204)
