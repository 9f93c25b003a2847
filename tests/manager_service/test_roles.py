"""Every route of a Manager, tried with every role and with all that is as good as none."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from aiohttp import web

from manager_service.api import all_operations
from manager_service.openapi import openapi_document
from manager_service.pages import add_pages
from manager_service.realtime import socket_io
from manager_service.routing import API, Call, Operation, Role
from manager_service.server import make_app
from manager_service.serving import ROUTE_ROLES, UNKNOWN_PATH
from tests.manager_service.people import GuardedManager, add_people, add_token, bearer
from tests.manager_service.running_manager import RunningManager, receive

ADMITTED = 299

MAY: dict[str, set[str]] = {
    "anyone": {"nobody", "expired", "revoked", "disabled", "wrong", "worker", "key"},
    "viewer": {"key"},
    "artist": {"key"},
    "wrangler": {"key"},
    "admin": {"key", "admin"},
    "worker": {"worker"},
}
MAY["wrangler"] |= MAY["admin"] | {"wrangler"}
MAY["artist"] |= MAY["wrangler"] | {"artist"}
MAY["viewer"] |= MAY["artist"] | {"viewer"}
MAY["anyone"] |= MAY["viewer"]

AS_GOOD_AS_NOTHING = {"nobody", "expired", "revoked", "disabled", "wrong"}


async def admit(call: Call) -> web.StreamResponse:
    """In the place of each operation, so that only who is let in is looked at."""
    return web.Response(status=ADMITTED)


EVERY_OPERATION = [*all_operations(), socket_io.ROUTE]
"""Also what is not in the API's document."""


def bare(operation: Operation) -> Operation:
    parameters = tuple(item for item in operation.parameters if item.place == "path")
    return replace(operation, handler=admit, parameters=parameters, body=None)


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedManager]:
    home = tmp_path_factory.mktemp("farm")
    add_people(
        home, ada="admin", wim="wrangler", art="artist", vic="viewer", gone="admin", old="admin"
    )
    for name, role in {"vic": "viewer", "art": "artist", "gone": "admin", "old": "admin"}.items():
        add_token(home, name, role)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("manager_service.server.all_operations", lambda: map(bare, all_operations()))
        patch.setattr(socket_io, "ROUTE", bare(socket_io.ROUTE))
        with GuardedManager(home) as running:
            yield running


@pytest.fixture(scope="module")
def credentials(manager: GuardedManager) -> dict[str, dict[str, str]]:
    """What each kind of caller sends."""

    def session(name: str) -> dict[str, str]:
        secret = f"session-of-{name}"
        cookie = manager.server.service.access.session_cookie
        now = int(time.time() * 1e6)
        manager.sql(
            """INSERT INTO sessions (user_id, secret_hash, created_at, used_at, ends_at)
               SELECT id, ?, ?, ?, ? FROM users WHERE name = ?""",
            hashlib.sha256(secret.encode()).hexdigest(),
            *(now, now, now - 1 if name == "old" else now + 3_600_000_000),
            name,
        )
        return {"Cookie": f"{cookie}={secret}"}

    found = {
        "nobody": {},
        "wrong": bearer("flamenco_nonsense"),
        "expired": session("old"),
        "revoked": bearer("flamenco_old-admin-False"),
        "disabled": session("gone"),
        "viewer": bearer("flamenco_vic-viewer-False"),
        "artist": bearer("flamenco_art-artist-False"),
        "wrangler": session("wim"),
        "admin": session("ada"),
        "key": bearer(manager.server.service.access.machine_key),
        "worker": _worker(manager),
    }
    manager.sql("DELETE FROM tokens WHERE name = 'token of old'")
    manager.sql("UPDATE users SET is_disabled = 1 WHERE name = 'gone'")
    return found


@pytest.mark.parametrize("operation", EVERY_OPERATION, ids=lambda item: item.name)
def test_an_operation_is_for_its_role_and_those_above(
    manager: GuardedManager, credentials: dict[str, dict[str, str]], operation: Operation
) -> None:
    path = _filled(operation)
    connection = manager.connect()
    try:
        for who, headers in credentials.items():
            connection.request(operation.method, path, headers=headers)
            reply = receive(connection)
            assert reply.status == _expected(who, operation.role), (who, reply)
            if reply.status == 401:
                assert reply.headers["WWW-Authenticate"].startswith("Bearer ")
            if reply.status == 403 and operation.role is not Role.WORKER:
                assert operation.role.value in reply.json["message"]
    finally:
        connection.close()


def _expected(who: str, role: Role) -> int:
    if who in MAY[role.value]:
        return ADMITTED
    if role is Role.WORKER:
        return 403  # the only refusal that Flamenco 3's workers know
    return 401 if who in AS_GOOD_AS_NOTHING else 403


def test_a_disabled_users_token_is_refused_like_a_session(manager: GuardedManager) -> None:
    assert manager.get("/jobs", headers=bearer("flamenco_gone-admin-False")).status == 401


def test_every_route_says_who_may_call_it(shared_manager: RunningManager) -> None:
    app = make_app(shared_manager.server.service)
    operations = {(item.method, item.path): item.role for item in EVERY_OPERATION}
    served, declared = _routes(app), app[ROUTE_ROLES]
    assert set(operations) <= served
    assert served == set(declared), "a route is served that says nowhere who it is for"
    for route, role in declared.items():
        if route in operations:
            assert role is operations[route]
        elif route[1] == socket_io.PATH:
            assert role is Role.VIEWER, "it tells what operations for viewers tell"
        else:
            assert _is_page(route[1]), f"{route} is neither an operation nor a page"
            assert role is Role.ANYONE


def _routes(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of all routes; HEAD goes the way of GET."""
    found = {
        ("GET" if route.method == "HEAD" else route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }
    return {route for route in found if route[1] != UNKNOWN_PATH}


def _is_page(path: str) -> bool:
    """Pages hold nothing of the farm: the document and the explorer of the API, the web app, and
    the extension for Blender.
    """
    api_pages = (f"{API}/openapi.json", f"{API}/openapi3.json", f"{API}/swagger-ui/")
    downloads = ("/flamenco-addon.zip", "/flamenco3-addon.zip")
    return path in ("/", "/app", *api_pages, *downloads) or path.startswith(
        ("/app/", f"{API}/docs")
    )


def test_a_route_that_was_not_declared_is_noticed() -> None:
    app = web.Application()
    add_pages(app, openapi_document([], version="1"))
    app.router.add_get("/forgotten", _nothing)
    declared = app[ROUTE_ROLES]
    assert _routes(app) - set(declared) == {("GET", "/forgotten")}


async def _nothing(_request: web.Request) -> web.StreamResponse:
    return web.Response()


def _filled(operation: Operation) -> str:
    uuid = "0c5f5a0e-3f4b-4c5d-8e6f-7a8b9c0d1e2f"
    path = operation.path
    for parameter in operation.parameters:
        if parameter.place != "path":
            continue
        schema, value = parameter.kind.schema, "x"
        if schema.get("format") == "uuid":
            value = uuid
        elif "enum" in schema:
            value = str(schema["enum"][0])
        elif schema.get("type") == "integer":
            value = str(schema.get("minimum", 0))
        elif "pattern" in schema:
            value = _matching(schema["pattern"])
        path = path.replace(f"{{{parameter.name}}}", value)
    return path


def _matching(pattern: str) -> str:
    candidates = ("0" * 64, "last-rendered.jpg", "last-rendered-tiny.jpg", "1", "abc")
    found = [item for item in candidates if re.fullmatch(pattern, item)]
    assert found, f"no example for {pattern}"
    return found[0]


def _worker(manager: GuardedManager) -> dict[str, str]:
    """A worker's credentials. Its row is written as a Manager would that has registered it."""
    uuid, salt = "11111111-2222-4333-8444-555555555555", "00" * 16
    digest = hashlib.blake2b(b"secret", salt=bytes.fromhex(salt)).hexdigest()
    manager.sql(
        """INSERT INTO workers (uuid, name, secret_hash, address, platform, software, status,
               created_at, updated_at) VALUES (?, 'w', ?, '', 'linux', '', 'offline', 0, 0)""",
        uuid,
        f"{salt}:{digest}",
    )
    return {"Authorization": f"Basic {base64.b64encode(f'{uuid}:secret'.encode()).decode()}"}
