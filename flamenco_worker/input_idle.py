"""For how long nobody has touched this machine's keyboard and mouse.

Windows and macOS tell it of the session that the worker runs in, or of the whole machine. On Linux
an X server tells it of its own devices; what a Wayland desktop gets is seen at the devices
themselves, which needs the right to read them (the group `input`).
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

INPUT_DEVICES = Path("/dev/input/by-path")
"""Where Linux names devices by what they are."""
_KEYBOARDS_AND_MICE = ("*-event-kbd", "*-event-mouse")
_WITHOUT_WAITING: int = getattr(os, "O_NONBLOCK", 0)
"""There are no such devices on Windows."""
_EVENTS_AT_ONCE = 24 * 64
"""Bytes."""
_MAC_IDLE = re.compile(r'"HIDIdleTime" = (\d+)')
_NANOSECONDS = 1_000_000_000
_MILLISECONDS = 1000


class IdleSource(Protocol):
    """Something that sees input. To be asked while it is entered, by one thread at a time."""

    def idle_seconds(self) -> float:
        """How long ago the last input was; raises `OSError` if that cannot be told any more."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class _Source:
    """What is common to all: nothing to be closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of what it holds."""


class XServerIdle(_Source):
    """The devices of the X server that `DISPLAY` names."""

    def __init__(self, display: str | None = None) -> None:
        """Raises `OSError` if there is no such server, or if it does not tell."""
        from Xlib import display as xlib
        from Xlib.error import DisplayError
        from Xlib.ext import screensaver

        self._extension = screensaver
        try:
            self._display: Any = xlib.Display(display)
            if not self._display.has_extension(screensaver.extname):
                raise OSError("the X server does not tell when it last had input")
            self._root = self._display.screen().root
        except DisplayError as error:
            raise OSError(f"there is no X server: {error}") from error

    def idle_seconds(self) -> float:
        from Xlib.error import ConnectionClosedError

        try:
            return float(self._extension.query_info(self._root).idle) / _MILLISECONDS
        except ConnectionClosedError as error:
            raise OSError("the X server has ended") from error

    def close(self) -> None:
        with suppress(Exception):  # the server may have gone before
            self._display.close()


class InputDevicesIdle(_Source):
    """Keyboards and mice of a Linux machine themselves. What was before the start is not known."""

    def __init__(
        self, folder: Path = INPUT_DEVICES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `OSError` if there are none, or none that may be read."""
        self._clock = clock
        self._last = clock()
        self._open: list[int] = []
        named = (path for name in _KEYBOARDS_AND_MICE for path in folder.glob(name))
        for path in sorted({path.resolve() for path in named}):
            with suppress(OSError):
                self._open.append(os.open(path, os.O_RDONLY | _WITHOUT_WAITING))
        if not self._open:
            raise OSError(f"no keyboard or mouse in {folder} can be read")

    def idle_seconds(self) -> float:
        ready, _, _ = select.select(self._open, [], [], 0)
        for descriptor in ready:
            try:
                while os.read(descriptor, _EVENTS_AT_ONCE):
                    self._last = self._clock()
            except BlockingIOError:
                pass  # that was all
            except OSError:  # it was unplugged
                self._open.remove(descriptor)
                os.close(descriptor)
        return self._clock() - self._last

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
        self._open.clear()


class SeveralIdle(_Source):
    """Several sources that see different devices: the latest input counts."""

    def __init__(self, sources: Sequence[IdleSource]) -> None:
        self._sources = sources

    def idle_seconds(self) -> float:
        return min(source.idle_seconds() for source in self._sources)

    def close(self) -> None:
        with ExitStack() as stack:
            for source in self._sources:
                stack.enter_context(source)


class MacIdle(_Source):
    """All devices of a Mac, as its registry of devices tells it."""

    def idle_seconds(self) -> float:
        command = ["/usr/sbin/ioreg", "-c", "IOHIDSystem", "-r", "-d", "1", "-k", "HIDIdleTime"]
        try:
            told = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        except subprocess.SubprocessError as error:
            raise OSError(f"ioreg does not tell when there was input: {error}") from error
        return mac_idle_seconds(told.stdout)


def mac_idle_seconds(text: str) -> float:
    """Of what `ioreg` prints; raises `OSError` if it does not say it."""
    found = _MAC_IDLE.search(text)
    if found is None:
        raise OSError("ioreg does not tell when there was input")
    return int(found[1]) / _NANOSECONDS


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _LastInput(ctypes.Structure):
        _fields_ = (("cbSize", wintypes.UINT), ("dwTime", wintypes.DWORD))

    class WindowsIdle(_Source):
        """The session that the worker runs in; a service has one of its own, without a person."""

        def idle_seconds(self) -> float:
            last = _LastInput(ctypes.sizeof(_LastInput), 0)
            if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(last)):
                raise ctypes.WinError()
            ticks = ctypes.windll.kernel32.GetTickCount()
            # Both begin anew every 49 days.
            elapsed: int = (ticks - last.dwTime) & 0xFFFFFFFF
            return elapsed / _MILLISECONDS


def find_idle_source() -> IdleSource | None:
    """What sees input on this machine; None if nothing does."""
    found: list[IdleSource] = []
    for make in _ways():
        with suppress(OSError, ImportError):
            source = make()
            source.idle_seconds()
            found.append(source)
    return SeveralIdle(found) if len(found) > 1 else next(iter(found), None)


def _ways() -> list[Callable[[], IdleSource]]:
    if sys.platform == "win32":
        return [WindowsIdle]
    elif sys.platform == "darwin":  # noqa: RET505 - for the type checker on each platform
        return [MacIdle]
    else:
        return [InputDevicesIdle, *([XServerIdle] if os.environ.get("DISPLAY") else [])]
