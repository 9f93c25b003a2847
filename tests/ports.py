"""Ports for programs that tests start, end, and start again.

They lie below those that systems give to outgoing connections (Linux from 32768 on, macOS and
Windows from 49152 on). So nobody gets one while its program is away, not even a client that tries
to reach it: on one machine such a connection can meet itself.
"""

from __future__ import annotations

import secrets
import socket

_LOWEST, _HIGHEST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """One of 127.0.0.1 that nothing listens at, and that no test of this run has had."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
