"""`flamenco-manager`: runs a Manager until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core.config import DEFAULT_FILE_NAME, Config, load_config
from flamenco_core.errors import FlamencoError
from flamenco_core.version import current_version

if TYPE_CHECKING:
    from manager_service.server import ListenAddress

_NEEDED = {
    "aiohttp": "aiohttp",
    "orjson": "orjson",
    "PIL": "Pillow",
    "swagger_ui": "swagger-ui-py",
}
"""Module → package of what the `[manager]` extra brings."""

_SWITCH_SECONDS = 0.0005


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 after a wanted stop, 1 if the Manager cannot run.

    With one of the options for upkeep nothing is run; then 1 also means that something is wrong.
    """
    options = _parser().parse_args(arguments)
    if _is_upkeep(options):
        return _upkeep(options)
    missing = [package for name, package in _NEEDED.items() if not importlib.util.find_spec(name)]
    if missing:
        return _fail(
            f"The Manager needs {', '.join(missing)}; install it with "
            "pip install 'flamenco-python[manager]'"
        )
    _set_up_log(options.level)
    # A thread that waits for Python's lock asks for it after this time. With the default of 5 ms,
    # each SQL statement of the write thread could take that long while another thread computes.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        from manager_service.server import parse_listen

        home = _home(options)
        _make(home)
        config = _configuration(options.config, home)
        listen = parse_listen(options.listen or config.listen)
        asyncio.run(_run(config, listen))
    except FlamencoError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"The Manager cannot run: {error}")
    except KeyboardInterrupt:
        return 0  # Ctrl+C before the handlers of signals were in place
    return 0


def _is_upkeep(options: argparse.Namespace) -> bool:
    files = (options.backup, options.restore, options.verify_backup)
    return bool(options.check or options.repair or any(files))


def _upkeep(options: argparse.Namespace) -> int:
    from manager_service import upkeep

    try:
        if options.verify_backup:
            return upkeep.verify(options.verify_backup)
        config = _configuration(options.config, _home(options))
        if options.backup:
            return upkeep.backup(config, options.backup)
        if options.restore:
            return upkeep.restore(config, options.restore)
        return upkeep.repair(config) if options.repair else upkeep.check(config)
    except FlamencoError as error:
        return _fail(str(error))


def _home(options: argparse.Namespace) -> Path:
    home: Path | None = options.home
    return home.expanduser().absolute() if home else default_home()


def default_home() -> Path:
    """The folder for a Manager's data that the platform suggests."""
    name = "flamenco-manager"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / name
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / name
    data = os.environ.get("XDG_DATA_HOME", "")
    # The specification says to ignore relative paths.
    return (Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share") / name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flamenco-manager", description="Runs the Manager of a Flamenco render farm."
    )
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help=f"folder for everything the Manager keeps (default: {default_home()})",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"configuration file (default: {DEFAULT_FILE_NAME} in the home folder, if it exists)",
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="where to listen (default: as configured, :8080)"
    )
    upkeep = parser.add_argument_group("instead of running").add_mutually_exclusive_group()
    upkeep.add_argument(
        "--check", action="store_true", help="say what is wrong with the farm; it may be running"
    )
    upkeep.add_argument(
        "--repair", action="store_true", help="mend what is wrong with a farm that is not running"
    )
    upkeep.add_argument(
        "--backup",
        type=Path,
        metavar="FILE",
        help="copy the farm, running or not, to a file, and verify it",
    )
    upkeep.add_argument(
        "--restore",
        type=Path,
        metavar="FILE",
        help="put a backup in the place of a farm that is not running",
    )
    upkeep.add_argument(
        "--verify-backup", type=Path, metavar="FILE", help="say whether a backup is good"
    )
    parser.add_argument("--version", action="version", version=current_version().shown)
    parser.add_argument(
        "-v", "--verbose", action="store_const", const=logging.DEBUG, dest="level", help="log more"
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_const",
        const=logging.WARNING,
        dest="level",
        help="log warnings and worse only",
    )
    parser.set_defaults(level=logging.INFO)
    return parser


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlamencoError(f"The folder {home} cannot be made: {error.strerror}") from error


def _configuration(file: Path | None, home: Path) -> Config:
    default = home / DEFAULT_FILE_NAME
    config = load_config(file or (default if default.exists() else None), home=home)
    for warning in config.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    return config


async def _run(config: Config, listen: ListenAddress) -> None:
    from manager_service.server import Server

    stop = asyncio.Event()
    _on_stop_signals(stop.set)
    server = Server(config, listen)
    await server.start()
    # What was loaded so far stays; the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    try:
        print(f"Flamenco Manager {current_version().shown}: {server.listen.url}", flush=True)
        await stop.wait()
        logging.getLogger(__name__).debug("Stopping")
    finally:
        await server.stop()


def _on_stop_signals(stop: Callable[[], None]) -> None:
    """Calls `stop` on the event loop's thread when somebody wants the program to end."""
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        # Event loops on Windows have no signal handlers. Ctrl+C arrives as SIGINT, Ctrl+Break and
        # a parent's CTRL_BREAK_EVENT as SIGBREAK. SIGTERM never comes: ending a process from
        # outside ends it at once there.
        for number in (signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop))
    else:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)


def _set_up_log(level: int) -> None:
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    if level > logging.DEBUG:
        # It logs a traceback for whatever a stranger sends that is not HTTP. Failures of our own
        # handlers are logged by themselves.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def _fail(message: str) -> int:
    print(f"flamenco-manager: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
