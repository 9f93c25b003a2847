"""A Manager that gets its certificate by itself, from a real ACME server."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Tls
from manager_service.server import ListenAddress, Server
from tests.eventually import eventually
from tests.manager_service.https.pebble import Pebble, running_pebble
from tests.manager_service.running_manager import TIME_LIMIT, Reply, RunningManager, receive
from tests.ports import free_port

NAME = "farm.studio"
LONG, SHORT = 90 * 24 * 3600, 24
"""Seconds for which certificates are good; the short ones are renewed when eight are left, which
is time enough for a busy machine."""


@dataclass
class Studio:
    """A folder for a farm, and where its Manager listens."""

    folder: Path
    plain_port: int

    @contextmanager
    def manager(self, directory_url: str, **settings: Any) -> Iterator[RunningManager]:
        tls = Tls(
            listen="127.0.0.1:0",
            acme_domain_name=NAME,
            acme_directory_url=directory_url,
            **settings,
        )
        manager = RunningManager(self.folder / "farm", tls=tls)
        manager.server = Server(manager.config, ListenAddress("127.0.0.1", self.plain_port))
        with manager:
            yield manager

    @property
    def kept(self) -> list[Path]:
        return sorted(path for path in (self.folder / "farm/acme").rglob("*") if path.is_file())

    def over_http(self, path: str) -> Reply:
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=TIME_LIMIT)
        ) as connection:
            connection.request("GET", path, headers={"Host": NAME})
            return receive(connection)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path, free_port())


def started(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, *, valid_seconds: int, checks_port: int = 0
) -> Iterator[Pebble]:
    port = checks_port or studio.plain_port
    with running_pebble(studio.folder, checks_port=port, valid_seconds=valid_seconds) as pebble:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pebble.ca_file))
        yield pebble


@pytest.fixture
def pebble(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pebble]:
    yield from started(studio, monkeypatch, valid_seconds=LONG)


@pytest.fixture
def hasty_pebble(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pebble]:
    yield from started(studio, monkeypatch, valid_seconds=SHORT)


@pytest.fixture
def strayed_pebble(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pebble]:
    """Fetches challenges where no Manager listens."""
    yield from started(studio, monkeypatch, valid_seconds=LONG, checks_port=free_port())


def is_ready(studio: Studio) -> bool:
    return studio.over_http("/").status == 302


def shown(manager: RunningManager, context: ssl.SSLContext) -> str:
    """The serial number of the certificate of a connection on which the Manager answers."""
    with (
        socket.create_connection(("127.0.0.1", manager.port), TIME_LIMIT) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as connection,
    ):
        connection.sendall(f"GET /api/v3/version HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.0 200 ")
        found = connection.getpeercert()
        assert found
        return str(found["serialNumber"])


def test_the_first_certificate_comes_by_itself_and_is_kept(studio: Studio, pebble: Pebble) -> None:
    with studio.manager(pebble.directory_url) as manager:
        eventually(lambda: is_ready(studio))
        led_on = studio.over_http("/app/?x=1").headers["Location"]
        assert led_on == f"https://{NAME}:{manager.port}/app/?x=1"
        first = shown(manager, pebble.issuer)
        nothing = studio.over_http("/.well-known/acme-challenge/guessed")
        assert nothing.status == 404
    assert [path.name for path in studio.kept] == ["account.key", f"{NAME}.pem"]
    if os.name != "nt":
        assert {path.stat().st_mode & 0o777 for path in studio.kept} == {0o600}
    issued = pebble.log.count("Issued certificate")
    with studio.manager(pebble.directory_url) as manager:
        assert shown(manager, pebble.issuer) == first  # at once, without asking again
    assert pebble.log.count("Issued certificate") == issued


def test_a_certificate_that_is_growing_old_is_renewed_without_a_gap(
    studio: Studio, hasty_pebble: Pebble
) -> None:
    with studio.manager(hasty_pebble.directory_url) as manager:
        eventually(lambda: is_ready(studio))
        context = hasty_pebble.issuer
        first = shown(manager, context)  # which fails with a certificate that has expired
        account_key = studio.kept[0].read_bytes()
        eventually(lambda: shown(manager, context) != first)
    assert studio.kept[0].read_bytes() == account_key


def test_a_name_that_leads_elsewhere_is_said_to_whoever_opens_the_page(
    studio: Studio, strayed_pebble: Pebble
) -> None:
    with studio.manager(strayed_pebble.directory_url) as manager:
        eventually(lambda: b"could not see that the name leads here" in said(studio))
        reply = studio.over_http("/")
        assert reply.status == 503
        assert reply.headers["Retry-After"]
        assert "port 80" in reply.json["message"]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shown(manager, ssl.create_default_context())
        state = manager.server.certificate_state
        assert state is not None
        assert state.next_attempt is not None


def test_an_authority_that_serves_only_those_it_knows_is_shown_the_key(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    with running_pebble(
        studio.folder, checks_port=studio.plain_port, valid_seconds=LONG, accounts={"kid-1": key}
    ) as pebble:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pebble.ca_file))
        with studio.manager(pebble.directory_url):
            eventually(lambda: b"The authority refuses" in said(studio))
        with studio.manager(pebble.directory_url, acme_key_id="kid-1", acme_hmac_key=key):
            eventually(lambda: is_ready(studio))


def test_an_authority_that_is_away_is_waited_for(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = f"https://127.0.0.1:{free_port()}/dir"
    with studio.manager(nowhere):
        eventually(lambda: b"cannot be reached" in said(studio))
    assert "The next attempt is in 5 minutes" in caplog.text


def test_a_kept_certificate_that_was_damaged_is_replaced(
    studio: Studio, pebble: Pebble, caplog: pytest.LogCaptureFixture
) -> None:
    with studio.manager(pebble.directory_url):
        eventually(lambda: is_ready(studio))
    studio.kept[1].write_text("torn")
    with studio.manager(pebble.directory_url) as manager:
        eventually(lambda: is_ready(studio))
        assert shown(manager, pebble.issuer)
    assert "The kept certificate is replaced" in caplog.text


def said(studio: Studio) -> bytes:
    reply = studio.over_http("/")
    assert reply.status == 503
    assert json.loads(reply.content)["code"] == 503
    return reply.content
