"""A proxy between a Worker and its Manager that spoils requests for a while."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from enum import Enum
from typing import BinaryIO

from tests.farm.killing_proxy import KillingProxy, read_message


class Fault(Enum):
    """What a client sees of its request; the Manager sees none of it."""

    ERROR = "it is answered with 500"
    CUT = "the connection breaks in the middle of its body"


_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 15\r\n\r\nout of service\n"


@dataclass
class Spoiling:
    """Which requests, by their first line, and how many; all while `left` is `None`."""

    request: re.Pattern[str]
    fault: Fault
    left: int | None = None
    done: list[str] = field(default_factory=list)
    """The first lines of those that were spoiled."""


class FaultyProxy(KillingProxy):
    """Passes everything on that it is not told to spoil."""

    def __init__(self, manager_port: int) -> None:
        self._spoiling: Spoiling | None = None
        super().__init__(manager_port)

    def spoil(self, request: str, fault: Fault, times: int | None = None) -> Spoiling:
        """From now on, until `times` requests were spoiled, or until `stop_spoiling`."""
        self._spoiling = Spoiling(re.compile(request), fault, times)
        return self._spoiling

    def stop_spoiling(self) -> None:
        self._spoiling = None

    def _pass_on_one(
        self,
        client: socket.socket,
        manager: socket.socket,
        from_client: BinaryIO,
        from_manager: BinaryIO,
    ) -> bool:
        line = from_client.peek(4096).split(b"\r\n", 1)[0].decode("latin-1")  # type: ignore[attr-defined]
        fault = self._fault_for(line)
        if fault is None:
            return super()._pass_on_one(client, manager, from_client, from_manager)
        if fault is Fault.CUT:
            while from_client.readline() not in (b"\r\n", b""):
                pass
            from_client.read(1)
            return False
        read_message(from_client)
        client.sendall(_ERROR)
        return True

    def _fault_for(self, line: str) -> Fault | None:
        """What to do to the request with this first line; None for passing it on."""
        with self._lock:
            spoiling = self._spoiling
            if spoiling is None or not line or not spoiling.request.match(line):
                return None
            if spoiling.left is not None:
                if spoiling.left == 0:
                    return None
                spoiling.left -= 1
            spoiling.done.append(line)
            return spoiling.fault
