"""Requests to a server that answers badly, late, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from manager_service.upstream.connection import (
    Answer,
    ServerConnection,
    ServerRefused,
    ServerUnreachable,
)
from tests.manager_service.upstream.conftest import UpstreamServer, document, link_to, task_id

Request = Callable[[ServerConnection], Awaitable[Answer]]


def ask(
    server: UpstreamServer, request: Request, *, seconds: float = 30, secret: str | None = None
) -> Answer:
    changes = {} if secret is None else {"manager_secret": secret}

    async def run() -> Answer:
        link = link_to(server, **changes)
        async with ServerConnection(link, silence_limit=timedelta(seconds=seconds)) as connection:
            return await request(connection)

    return asyncio.run(run())


async def push_nothing(connection: ServerConnection) -> Answer:
    return await connection.post("task-update-batch", b"[]")


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("slow:20", "did not answer in time"),
        ("cut", "cannot be asked"),
        ("500", "answers with status 500: as the test wants it"),
    ],
)
def test_a_server_that_cannot_answer_now_is_unreachable(
    server: UpstreamServer, behaviour: str, message: str
) -> None:
    server.behave(task_update_batch=[behaviour])
    with pytest.raises(ServerUnreachable, match=message):
        ask(server, push_nothing, seconds=0.5 if behaviour.startswith("slow") else 30)
    assert ask(server, push_nothing).status == 200


def test_an_answer_that_breaks_off_is_none(server: UpstreamServer) -> None:
    server.put(*(document(number) for number in range(50)))
    server.behave(depsgraph=["half"])
    with pytest.raises(ServerUnreachable):
        ask(server, lambda connection: connection.get_depsgraph(""))


def test_nobody_listens(server: UpstreamServer) -> None:
    server.url = "http://127.0.0.1:1"
    with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1:1/api/flamenco/managers/"):
        ask(server, push_nothing)


def test_a_wrong_secret_says_where_to_look(server: UpstreamServer) -> None:
    with pytest.raises(ServerRefused, match="look at manager_id and manager_secret: who are you"):
        ask(server, push_nothing, secret="wrong")


def test_a_server_that_has_moved_says_where_to(server: UpstreamServer) -> None:
    server.behave(task_update_batch=["elsewhere:https://other.example/"])
    with pytest.raises(ServerRefused, match=r"https://other\.example/; set 'flamenco'"):
        ask(server, push_nothing)


def test_a_task_that_is_gone_is_no_error(server: UpstreamServer) -> None:
    assert ask(server, lambda connection: connection.get_task(task_id(1))).status == 404


def test_a_server_that_takes_no_gzip_any_more_gets_plain_text(server: UpstreamServer) -> None:
    server.control("set", {"reads_gzip": True})

    async def push_twice(connection: ServerConnection) -> Answer:
        await push_nothing(connection)
        body = b"[" + b" " * 5000 + b"]"
        await connection.post("task-update-batch", body)
        server.control("set", {"refuses_gzip": True})
        return await connection.post("task-update-batch", body)

    assert ask(server, push_twice).status == 200
    encodings = [request["encoding"] for request in server.requests("task-update-batch")]
    assert encodings == ["", "gzip", "gzip", ""]
