"""Tells systemd how the Manager is, if systemd has started it and wants to know.

The protocol is that of sd_notify(3): one datagram of `NAME=value` lines to the socket that
`NOTIFY_SOCKET` names. systemd's manual asks programs to speak it themselves, so that nothing needs
to be linked. Elsewhere, none of this does anything.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

logger = logging.getLogger(__name__)


class Systemd:
    """The service manager that waits to hear of this process."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._watchdog = _microseconds(environment.get("WATCHDOG_USEC", ""))
        watched = environment.get("WATCHDOG_PID", "")
        if watched and watched != str(os.getpid()):
            self._watchdog = timedelta(0)  # meant for our parent

    def ready(self, status: str) -> None:
        """The Manager answers requests from now on."""
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=Answering what was asked, and closing the farm")

    def restarting(self) -> None:
        """It is away for a moment, and says `ready` again."""
        self._tell("STATUS=Starting again")

    async def report_life(self, is_alive: Callable[[], Awaitable[object]]) -> None:
        """For ever, twice within the time that systemd waits: asks `is_alive`, and if that answers
        in time, says so. Without an answer systemd ends the process, and starts it again.
        """
        if not self._watchdog or not self._address:
            return
        pause = self._watchdog.total_seconds() / 2
        while True:
            try:
                async with asyncio.timeout(pause):
                    await is_alive()
            except Exception as error:  # noqa: BLE001 - whatever it is, systemd decides
                logger.warning("The Manager does not answer itself: %r", error)
            else:
                self._tell("WATCHDOG=1")
            await asyncio.sleep(pause)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # A name that starts with @ is one of Linux's abstract sockets.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
                there.sendto("\n".join(lines).encode(), address)
        except (OSError, AttributeError) as error:  # Windows has no such sockets
            logger.warning("systemd cannot be told %s: %s", lines[0], error)


def _microseconds(text: str) -> timedelta:
    return timedelta(microseconds=int(text)) if text.isascii() and text.isdigit() else timedelta(0)
