"""What the worker and the Blender that it keeps open say to each other.

Lines of JSON over a connection on this machine that Blender opens to the worker. First Blender
greets with the token that it got in its environment, which counts once, and both name the version
that they speak. Then the worker sends one `TaskRequest` after another, and gets one answer to each.

What Blender prints does not travel here but on its output, as it does without a worker; so that
both stay in step Blender prints `MARK_PREFIX` and the task's mark when all of its output is out.

This module also runs inside Blender's own Python (3.10 and up), so it uses the standard library
only.
"""

from __future__ import annotations

import json
import socket
from typing import Any

VERSION = 1
TOKEN_VARIABLE = "FLAMENCO_SESSION_TOKEN"  # noqa: S105 - a name
MARK_PREFIX = "flamenco-session-mark: "
LONGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes. A task's arguments may hold a script."""


class SessionBroken(Exception):
    """The other side is gone, or is not the one that was expected."""


class Line:
    """One end of the connection; sends and receives whole messages."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def send(self, message: dict[str, Any]) -> None:
        """Raises `SessionBroken` if nobody is there any more."""
        try:
            self._connection.sendall(json.dumps(message).encode("ascii") + b"\n")
        except OSError as error:
            raise SessionBroken(f"the connection is broken: {error}") from error

    def receive(self) -> dict[str, Any]:
        """Waits for the next message.

        Raises:
            SessionBroken: the other side is gone, or sends something else than messages.
            TimeoutError: nothing came in the time that the connection has.
        """
        while b"\n" not in self._received:
            if len(self._received) > LONGEST_MESSAGE:
                raise SessionBroken("a message has no end")
            try:
                block = self._connection.recv(65536)
            except TimeoutError:
                raise
            except OSError as error:
                raise SessionBroken(f"the connection is broken: {error}") from error
            if not block:
                raise SessionBroken("the other side has hung up")
            self._received += block
        text, _, self._received = self._received.partition(b"\n")
        try:
            message = json.loads(text)
        except ValueError as error:
            raise SessionBroken("what came is no message") from error
        if not isinstance(message, dict):
            raise SessionBroken("what came is no message")
        return message

    def close(self) -> None:
        self._connection.close()
