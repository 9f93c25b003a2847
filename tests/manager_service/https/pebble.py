"""Pebble, the ACME server that Let's Encrypt gives to people who test clients.

It checks signatures and nonces (and refuses some good nonces on purpose), looks names up in the DNS
server beside it, for which every name is this machine, and fetches the challenge over HTTP.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.manager_service.https.authority import Authority, write_pair
from tests.ports import free_port

START_SECONDS = 60
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Pebble:
    port: int
    management_port: int
    ca_file: Path
    """Whom its own HTTPS is to be trusted by."""
    log_file: Path

    @property
    def directory_url(self) -> str:
        return f"https://{_HOST}:{self.port}/dir"

    @property
    def issuer(self) -> ssl.SSLContext:
        """A client that trusts what Pebble issues."""
        return ssl.create_default_context(cadata=self._fetch("/roots/0"))

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def _fetch(self, path: str) -> str:
        context = ssl.create_default_context(cafile=self.ca_file)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(
            f"https://{_HOST}:{self.management_port}{path}", timeout=START_SECONDS
        ) as answer:
            text: str = answer.read().decode()
            return text


@contextlib.contextmanager
def running_pebble(
    folder: Path, *, checks_port: int, valid_seconds: int, accounts: dict[str, str] | None = None
) -> Iterator[Pebble]:
    """`checks_port` is where it fetches challenges: port 80 in real life. With `accounts` (keys by
    their ids) it serves nobody else.
    """
    port, management_port, dns_port, dns_management = (free_port() for _ in range(4))
    authority = Authority()
    certificate, key = write_pair(folder, authority.issue(_HOST))
    ca_file, config_file = folder / "ca.pem", folder / "pebble.json"
    ca_file.write_bytes(authority.pem)
    settings = {
        "listenAddress": f"{_HOST}:{port}",
        "managementListenAddress": f"{_HOST}:{management_port}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": checks_port,
        "tlsPort": 1,
        "externalAccountBindingRequired": accounts is not None,
        "externalAccountMACKeys": accounts or {},
        "retryAfter": {"authz": 1, "order": 1},
        "profiles": {"default": {"description": "tests", "validityPeriod": valid_seconds}},
    }
    config_file.write_text(json.dumps({"pebble": settings}))
    dns = [
        *(_program("pebble-challtestsrv"), "-dnsserver", f"{_HOST}:{dns_port}"),
        *("-management", f"{_HOST}:{dns_management}", "-defaultIPv6", "", "-doh", ""),
        *("-http01", "", "-https01", "", "-tlsalpn01", ""),
    ]
    command = [_program("pebble"), "-config", str(config_file)]
    command += ["-dnsserver", f"{_HOST}:{dns_port}"]
    log_file = folder / "pebble.log"
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "10"}
    with (
        log_file.open("w") as log,
        _running(dns, log.fileno(), {}),
        _running(command, log.fileno(), quick),
    ):
        _wait_for(port, log_file)
        _wait_for(management_port, log_file)
        yield Pebble(port, management_port, ca_file, log_file)


@contextlib.contextmanager
def _running(command: list[str], log: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _program(name: str) -> str:
    here = str(Path(sys.executable).parent)
    found = shutil.which(name, path=here) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine (scripts/test.py installs it)")
    return found


def _wait_for(port: int, log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((_HOST, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, log_file.read_text()
            time.sleep(0.02)
        else:
            return
