"""`flamenco-manager`: runs a Manager until it is told to stop, or looks after its farm."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from flamenco_core.config import DEFAULT_FILE_NAME, Config, load_config
from flamenco_core.errors import FlamencoError
from manager_service.command_options import default_home, read_options

_NEEDED = {
    "acme": "acme",
    "aiohttp": "aiohttp",
    "argon2": "argon2-cffi",
    "cryptography": "cryptography",
    "ifaddr": "ifaddr",
    "orjson": "orjson",
    "PIL": "Pillow",
    "prometheus_client": "prometheus-client",
    "pythonjsonlogger": "python-json-logger",
    "swagger_ui": "swagger-ui-py",
    "zeroconf": "zeroconf",
}
"""Module → package of what the `[manager]` extra brings."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 after a wanted stop, 1 if the Manager cannot run.

    With a command nothing is run; then 1 also means that something is wrong.
    """
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    work = _upkeep(options)
    try:
        if work is not None:
            return work()
        return _run(options)
    except FlamencoError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"The Manager cannot run: {error}")
    except KeyboardInterrupt:
        # Before the handlers of signals were in place, or instead of an answer.
        return 0 if work is None else 1


def _run(options: argparse.Namespace) -> int:
    missing = [package for name, package in _NEEDED.items() if not importlib.util.find_spec(name)]
    if missing:
        return _fail(
            f"The Manager needs {', '.join(missing)}; install it with "
            "pip install 'flamenco-python[manager]'"
        )
    from manager_service import logs, running

    form = logs.form_for(sys.stderr, os.environ, as_json=options.json)
    logs.set_up_log(options.level, form, with_access=options.access_log)
    running.run(options, _home(options))
    return 0


def _upkeep(options: argparse.Namespace) -> Callable[[], int] | None:
    """What is to be done instead of running, if anything."""
    from manager_service import clearing, upkeep

    home = _home(options)
    file: Path | None = options.config
    default = home / DEFAULT_FILE_NAME

    def config() -> Config:
        return load_config(file or (default if default.exists() else None), home=home)

    ask = clearing.nobody_is_asked if options.yes else clearing.ask_on_terminal
    match options.command:
        case "check":
            return lambda: (upkeep.repair if options.repair else upkeep.check)(config())
        case "backup":
            return lambda: upkeep.backup(config(), options.file)
        case "verify-backup":
            return lambda: upkeep.verify(options.file)
        case "restore":
            return lambda: upkeep.restore(config(), options.file)
        case "migrate":
            return lambda: upkeep.migrate(config())
        case "user":
            return lambda: _users(options, config())
    if options.write_config:
        return lambda: upkeep.write_config(file or default, home=home)
    if options.shaman_gc_show or options.shaman_gc_delete:
        is_rehearsal = options.shaman_gc_show and not options.i_know_what_i_am_doing
        return lambda: upkeep.collect_garbage(config(), dry_run=is_rehearsal)
    if options.cleanslate:
        return lambda: clearing.delete_all_jobs(config(), ask)
    if options.purgequeue:
        return lambda: clearing.forget_updates(config(), ask)
    return None


def _users(options: argparse.Namespace, config: Config) -> int:
    from manager_service import user_commands

    return user_commands.carry_out(options, config)


def _home(options: argparse.Namespace) -> Path:
    home: Path | None = options.home
    return home.expanduser().absolute() if home else default_home()


def _fail(message: str) -> int:
    print(f"flamenco-manager: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
