"""A WebSocket is let in like any request, and ended when its caller has lost the right to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.manager_service.people import GuardedManager, add_people, add_token, bearer
from tests.manager_service.running_manager import TIME_LIMIT

NOT_ALLOWED = 1008
"""The code of RFC 6455 for what breaks a policy."""


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedManager]:
    monkeypatch.setattr("manager_service.access.RECHECK_PERIOD", timedelta(seconds=0.05))
    add_people(tmp_path, ada="admin", vic="viewer")
    add_token(tmp_path, "vic", "viewer")
    with GuardedManager(tmp_path) as running:
        yield running


TOKEN = bearer("flamenco_vic-viewer-False")


def follow(manager: GuardedManager, headers: dict[str, str], **more: Any) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{manager.port}/api/v3/events",
        additional_headers=headers,
        open_timeout=TIME_LIMIT,
        **more,
    )


def refusal(manager: GuardedManager, headers: dict[str, str], **more: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        follow(manager, headers, **more)
    return refused.value.response.status_code


def code_of_end(socket: ClientConnection) -> int:
    """Reads until the other side ends it."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(TIME_LIMIT)
    assert socket.close_code is not None
    return socket.close_code


def test_without_credentials_there_is_no_connection(manager: GuardedManager) -> None:
    assert refusal(manager, {}) == 401
    assert refusal(manager, bearer("flamenco_nonsense")) == 401


def test_a_page_of_another_site_gets_no_connection_with_its_visitors_cookie(
    manager: GuardedManager,
) -> None:
    session = manager.session("vic")
    assert refusal(manager, session, origin="https://evil.example") == 403
    with follow(manager, session, origin=f"http://127.0.0.1:{manager.port}") as socket:
        assert socket.recv(TIME_LIMIT)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/users/vic", {"is_disabled": True}),
        ("DELETE", "/users/vic", None),
    ],
)
def test_who_is_shut_out_hears_nothing_more(
    manager: GuardedManager, method: str, path: str, body: Any
) -> None:
    ada, session = manager.session("ada"), manager.session("vic")
    with (
        follow(manager, session) as by_session,
        follow(manager, TOKEN) as by_token,
        follow(manager, ada) as other,
    ):
        reply = manager.request(method, path, json_body=body, headers=ada)
        assert reply.status in (200, 204)
        assert code_of_end(by_session) == NOT_ALLOWED
        assert code_of_end(by_token) == NOT_ALLOWED
        other.ping().wait(TIME_LIMIT)
        assert other.close_code is None


def test_logging_out_ends_what_the_page_had_open(manager: GuardedManager) -> None:
    session = manager.session("vic")
    with follow(manager, session) as socket, follow(manager, TOKEN) as other:
        assert manager.post("/logout", headers=session).status == 204
        assert code_of_end(socket) == NOT_ALLOWED
        other.ping().wait(TIME_LIMIT)
        assert other.close_code is None


def test_an_expired_token_ends_what_it_had_opened(manager: GuardedManager) -> None:
    with follow(manager, TOKEN) as socket:
        manager.sql("UPDATE tokens SET expires_at = ?", int(time.time() * 1e6))
        assert code_of_end(socket) == NOT_ALLOWED
