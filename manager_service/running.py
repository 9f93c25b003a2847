"""Runs a Manager, again and again if it asks for that, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

from flamenco_core.config import DEFAULT_FILE_NAME, Config, load_config
from flamenco_core.errors import FlamencoError
from flamenco_core.version import current_version
from manager_service import open_files
from manager_service.ending import End
from manager_service.server import Server, parse_listen
from manager_service.systemd import Systemd

logger = logging.getLogger(__name__)

EXIT_CODE_AT_ONCE = 130

SETUP_PAGE = "app/settings/set-up"
"""Behind the Manager's address; the page finds by itself what stands behind the `#`."""

_SWITCH_SECONDS = 0.0005


def run(options: argparse.Namespace, home: Path) -> None:
    """Returns when the Manager has been told to stop.

    Raises:
        FlamencoError: if it cannot start, and what its configuration is not good for.
    """
    # A thread that waits for Python's lock asks for it after this time. With the default of 5 ms,
    # each SQL statement of the write thread could take that long while another thread computes.
    sys.setswitchinterval(_SWITCH_SECONDS)
    open_files.raise_limit()
    _make(home)
    opens_page = options.setup
    while _run_once(options, home, opens_page=opens_page) is End.RESTART:
        logger.info("Starting again")
        opens_page = False


def configuration(file: Path | None, home: Path) -> Config:
    """What the file and the environment say; the file may only be missing if nobody named it."""
    default = home / DEFAULT_FILE_NAME
    return load_config(file or (default if default.exists() else None), home=home)


def _run_once(options: argparse.Namespace, home: Path, *, opens_page: bool) -> End:
    config = configuration(options.config, home)
    for warning in config.warnings:
        logger.warning("%s", warning)
    listen = parse_listen(options.listen or config.listen)
    server = Server(config, listen, access_log=options.access_log)
    return asyncio.run(_serve(server, opens_page=opens_page))


async def _serve(server: Server, *, opens_page: bool) -> End:
    ending, systemd = server.service.ending, Systemd()
    with _stop_signals(ending.stop):
        await server.start()
        # What was loaded so far stays; the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        try:
            address = server.listen.url
            print(f"Flamenco Manager {current_version().shown}: {address}", flush=True)
            systemd.ready(f"Listening on {address}")
            life = asyncio.create_task(systemd.report_life(server.service.is_alive))
            if opens_page:
                await asyncio.to_thread(_open_page, f"{address}{SETUP_PAGE}")
            end = await ending.wait()
            life.cancel()
            logger.debug("Ending: %s", end)
            (systemd.restarting if end is End.RESTART else systemd.stopping)()
        finally:
            await server.stop()
            gc.unfreeze()
    return end


def _open_page(url: str) -> None:
    # Without a screen there may be no browser; the address is in the log all the same.
    with contextlib.suppress(webbrowser.Error):
        if webbrowser.open(url):
            return
    logger.warning("No browser could be opened; the setup assistant is at %s", url)


@contextlib.contextmanager
def _stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` on the event loop's thread when somebody wants the program to end. Who wants
    that twice does not want to wait, and the program ends at once: what was answered is on disk.
    """
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        # Not by way of the event loop, which may be what does not end.
        for number in numbers:
            signal.signal(number, lambda _number, _frame: os._exit(EXIT_CODE_AT_ONCE))
        loop.call_soon_threadsafe(stop)

    if sys.platform == "win32":
        # Event loops on Windows have no signal handlers. Ctrl+C arrives as SIGINT, Ctrl+Break and
        # a parent's CTRL_BREAK_EVENT as SIGBREAK. SIGTERM never comes: ending a process from
        # outside ends it at once there.
        numbers = (signal.SIGINT, signal.SIGBREAK)
        for number in numbers:
            signal.signal(number, lambda _number, _frame: on_signal())
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlamencoError(f"The folder {home} cannot be made: {error.strerror}") from error
