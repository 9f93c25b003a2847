"""Senders that stop in the middle of a body are let go, with a reason."""

from __future__ import annotations

import hashlib
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from manager_service import serving
from manager_service.api import shaman
from tests.manager_service.running_manager import RunningManager

SOON = timedelta(milliseconds=200)


def begin_request(manager: RunningManager, head: str, start_of_body: bytes) -> bytes:
    """Sends a request whose body never ends, and returns the answer's first line."""
    with socket.create_connection(("127.0.0.1", manager.port), timeout=60) as connection:
        connection.sendall(f"{head}\r\nHost: 127.0.0.1\r\n".encode())
        connection.sendall(b"Content-Length: 500\r\n")
        connection.sendall(start_of_body)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize(
    ("request_line", "content_type"),
    [
        ("POST /api/v3/jobs HTTP/1.1", b"application/json"),
        ("PUT /api/v3/configuration/text HTTP/1.1", b"application/yaml"),
    ],
)
def test_a_body_that_never_comes_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_line: str, content_type: bytes
) -> None:
    monkeypatch.setattr(serving, "SLOWEST_BODY", SOON)
    with RunningManager(tmp_path) as manager:
        start = b"Content-Type: " + content_type + b'\r\n\r\n{"na'
        answer = begin_request(manager, request_line, start)
    assert answer == b"HTTP/1.1 408 Request Timeout\r\n"


def test_a_file_of_which_nothing_more_comes_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shaman, "LONGEST_SILENCE", SOON)
    sha = hashlib.sha256(bytes(500)).hexdigest()
    with RunningManager(tmp_path) as manager:
        start = b"Content-Type: application/octet-stream\r\n\r\n" + bytes(20)
        answer = begin_request(manager, f"POST /api/v3/shaman/files/{sha}/500 HTTP/1.1", start)
    assert answer == b"HTTP/1.1 408 Request Timeout\r\n"
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and sha[4:] in file.name]
