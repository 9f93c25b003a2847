"""A Manager with a certificate of its own, and Python's TLS client in front of it."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient, ManagerUnreachable
from flamenco_core.config import Tls
from manager_service import listeners
from manager_service.https.certificates import CertificateRefused
from tests.eventually import eventually
from tests.manager_service.https.authority import Authority, new_key, write_pair
from tests.manager_service.running_manager import TIME_LIMIT, RunningManager, receive

AUTHORITY = Authority()


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "CERTIFICATE_PERIOD", timedelta(milliseconds=30))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[RunningManager]:
    certificate, key = write_pair(tmp_path, AUTHORITY.issue("localhost", "127.0.0.1"))
    tls = Tls(listen="127.0.0.1:0", key=key, certificate=certificate)
    with RunningManager(tmp_path / "farm", tls=tls) as manager:
        yield manager


@contextmanager
def over_tls(
    manager: RunningManager, context: ssl.SSLContext
) -> Iterator[http.client.HTTPSConnection]:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", manager.port, timeout=TIME_LIMIT, context=context
    )
    with closing(connection):
        yield connection


def version(connection: http.client.HTTPConnection) -> dict[str, str]:
    connection.request("GET", "/api/v3/version")
    response = connection.getresponse()
    assert response.status == 200
    content: dict[str, str] = json.loads(response.read())
    return content


def serial(manager: RunningManager) -> str:
    """The serial number of the certificate that a new connection is shown."""
    address = "127.0.0.1", manager.port
    with (
        socket.create_connection(address, TIME_LIMIT) as plain,
        AUTHORITY.context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        found = connection.getpeercert()
        assert found
        return str(found["serialNumber"])


def test_clients_that_trust_the_authority_are_served(secure: RunningManager) -> None:
    assert secure.server.listen.scheme == "https"
    assert secure.server.listen.url == f"https://127.0.0.1:{secure.port}/"
    with over_tls(secure, AUTHORITY.context) as connection:
        assert version(connection)["name"] == "Flamenco"
    with (
        over_tls(secure, ssl.create_default_context()) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        version(connection)


def test_people_and_metrics_are_told_of_the_certificate(secure: RunningManager) -> None:
    with over_tls(secure, AUTHORITY.context) as connection:
        connection.request("GET", "/api/v3/network")
        report = receive(connection).json
        connection.request("GET", "/api/v3/metrics")
        metrics = receive(connection).content.decode()
    own = [f"https://{host}:{secure.port}/" for host in ("localhost", "127.0.0.1")]
    assert report["urls"] == own
    assert report["certificate"]["names"] == ["localhost", "127.0.0.1"]
    assert report["certificate"]["issuer"] == "CN=Tests"
    expires = datetime.fromisoformat(report["certificate"]["not_after"])
    assert "problem" not in report["certificate"]
    found = re.search(
        r"^flamenco_certificate_expiry_timestamp_seconds (\S+)$", metrics, re.MULTILINE
    )
    assert found
    assert float(found[1]) == expires.timestamp()
    assert "\nflamenco_certificate_problem 0.0\n" in metrics


def test_old_versions_of_tls_are_refused(secure: RunningManager) -> None:
    old = AUTHORITY.context
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with over_tls(secure, old) as connection, pytest.raises((ssl.SSLError, ConnectionError)):
        version(connection)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with over_tls(secure, old) as connection:
        assert version(connection)


def test_plain_http_leads_browsers_to_https(secure: RunningManager) -> None:
    plain = secure.server.plain_listen
    assert plain is not None
    with closing(http.client.HTTPConnection("127.0.0.1", plain.port)) as connection:
        connection.request("GET", "/app/jobs?x=%20y", headers={"Host": "farm.lan:8080"})
        led_on = receive(connection)
        connection.request("POST", "/api/v3/worker/task", headers={"Host": "farm.lan"})
        refused = receive(connection)
    assert led_on.status == 302
    assert led_on.headers["Location"] == f"https://farm.lan:{secure.port}/app/jobs?x=%20y"
    assert refused.status == 400
    assert refused.json["problems"][0]["hint"] == f"use https://farm.lan:{secure.port}/"


def test_a_new_certificate_is_taken_and_connections_stay(
    secure: RunningManager, tmp_path: Path
) -> None:
    with over_tls(secure, AUTHORITY.context) as kept:
        version(kept)
        kept_socket, before = kept.sock, serial(secure)
        write_pair(tmp_path, AUTHORITY.issue("localhost", "127.0.0.1"))
        eventually(lambda: serial(secure) != before)
        version(kept)
        assert kept.sock is kept_socket


def test_a_broken_new_certificate_is_refused_and_the_old_one_stays(
    secure: RunningManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = serial(secure)
    # At once: of half a file something else would be said.
    (tmp_path / "other.key").write_bytes(new_key())
    (tmp_path / "other.key").replace(tmp_path / "farm.key")
    eventually(lambda: "is the key of another certificate" in caplog.text)
    assert "the old one stays in use" in caplog.text
    assert serial(secure) == before
    (tmp_path / "farm.crt").unlink()
    eventually(lambda: "cannot be read" in caplog.text)
    assert serial(secure) == before
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    refusals = [record for record in said if "the old one stays in use" in record.getMessage()]
    assert len(refusals) == 2  # one line for each change, however often it is looked at
    write_pair(tmp_path, AUTHORITY.issue("localhost"))
    eventually(lambda: serial(secure) != before)


def test_without_an_address_of_its_own_https_takes_the_place_of_http(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, AUTHORITY.issue("127.0.0.1"))
    tls = Tls(listen="", key=key, certificate=certificate)
    with RunningManager(tmp_path / "farm", tls=tls) as manager:
        assert manager.server.plain_listen is None
        with over_tls(manager, AUTHORITY.context) as connection:
            assert version(connection)


def test_a_manager_does_not_start_without_its_certificate(tmp_path: Path) -> None:
    tls = Tls(listen="127.0.0.1:0", key=Path("no.key"), certificate=Path("no.crt"))
    with pytest.raises(CertificateRefused) as refused, RunningManager(tmp_path, tls=tls):
        pass
    named = [problem.what.partition(" ")[0] for problem in refused.value.problems]
    assert named == [str(tmp_path / "no.crt"), str(tmp_path / "no.key")]


def test_an_expired_certificate_is_served_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = AUTHORITY.issue("127.0.0.1", good_for=timedelta(days=-1))
    certificate, key = write_pair(tmp_path, pair)
    tls = Tls(listen="127.0.0.1:0", key=key, certificate=certificate)
    with RunningManager(tmp_path / "farm", tls=tls) as manager:
        assert "the certificate expired on" in caplog.text
        with (
            over_tls(manager, AUTHORITY.context) as connection,
            pytest.raises(ssl.SSLCertVerificationError, match="expired"),
        ):
            version(connection)


def test_commands_of_this_machine_reach_it_whatever_its_certificate_is_for(
    tmp_path: Path,
) -> None:
    certificate, key = write_pair(tmp_path, AUTHORITY.issue("farm.studio"))
    tls = Tls(listen="127.0.0.1:0", key=key, certificate=certificate)
    home = tmp_path / "farm"
    with RunningManager(home, tls=tls):
        command = [sys.executable, "-m", "manager_service.cli", "--home", str(home), "user", "list"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "There are no users yet" in ended.stdout


def test_a_client_that_does_not_trust_it_is_told_how_to(secure: RunningManager) -> None:
    client = ManagerClient(f"https://localhost:{secure.port}/")
    with client, pytest.raises(ManagerUnreachable, match=r"not trusted .*SSL_CERT_FILE"):
        client.get_version()
