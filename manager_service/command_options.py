"""What can be said to `flamenco-manager` on the command line.

The options of Flamenco 2 and 3 are understood, with one dash or two, as their programs did.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flamenco_core.config import DEFAULT_FILE_NAME
from flamenco_core.version import current_version
from manager_service.user_options import add_user_options


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Exits with 2 where the arguments make no sense, with 0 after --help and --version.

    `command` is None if a Manager is to run.
    """
    parser = _parser()
    return parser.parse_args(_with_two_dashes(arguments, _long_options(parser)))


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
        prog="flamenco-manager",
        description="Runs the Manager of a Flamenco render farm, or looks after the farm.",
        epilog="Options may have one dash or two. More on each command: "
        "flamenco-manager COMMAND --help",
        allow_abbrev=False,
    )
    _add_places(parser, default=None)
    _add_running(parser)
    _add_log(parser)
    _add_instead(parser)
    parser.add_argument("--version", action="version", version=current_version().shown)
    commands = parser.add_subparsers(
        title="commands, instead of running", metavar="COMMAND", dest="command"
    )
    _add_commands(commands)
    return parser


def _add_places(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    """`default` is SUPPRESS for a command, so that what stands before the command counts too."""
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        default=default,
        help=f"folder for everything the Manager keeps (default: {default_home()})",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default,
        help=f"configuration file (default: {DEFAULT_FILE_NAME} in the home folder, if it exists)",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    running = parser.add_argument_group("running")
    running.add_argument(
        "--listen", metavar="HOST:PORT", help="where to listen (default: as configured, :8080)"
    )
    running.add_argument(
        "--setup",
        "--setup-assistant",
        action="store_true",
        help="open the setup assistant in a browser",
    )


def _add_log(parser: argparse.ArgumentParser) -> None:
    log = parser.add_argument_group("log")
    levels = (
        (("-v", "--debug", "--verbose", "--trace"), logging.DEBUG, "log more"),
        (("-q", "--quiet"), logging.WARNING, "log warnings and worse only"),
    )
    for names, level, text in levels:
        log.add_argument(*names, action="store_const", const=level, dest="level", help=text)
    log.add_argument("--json", action="store_true", help="log lines of JSON")
    log.add_argument("--access-log", action="store_true", help="log each request")
    parser.set_defaults(level=logging.INFO)
    # Start scripts of Flamenco 2 say it; it only changed the look of its pages.
    parser.add_argument("--mode", help=argparse.SUPPRESS)


def _add_instead(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("instead of running, as in Flamenco 2 and 3")
    instead = group.add_mutually_exclusive_group()
    for names, text in (
        (("--write-config",), "write the configuration to a file and end"),
        (("--cleanslate",), "back up the farm, then delete all of its jobs"),
        (("--purgequeue",), "back up the farm, then forget what a Flamenco Server was not told"),
        (("--shaman-gc-show", "--gc"), "say how many uploaded files no job uses any more"),
        (("--shaman-gc-delete",), "remove them"),
    ):
        instead.add_argument(*names, action="store_true", help=text)
    group.add_argument(
        "--i-know-what-i-am-doing", action="store_true", help="with --gc, remove them"
    )
    group.add_argument(
        "--yes", action="store_true", help="do not ask before something is deleted for good"
    )


def _add_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    places = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_places(places, default=argparse.SUPPRESS)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            parents=[places],
            allow_abbrev=False,
        )

    check = command("check", "say what is wrong with the farm, which may be running")
    check.add_argument(
        "--repair", action="store_true", help="mend it; then the farm may not be running"
    )
    for name, text in (
        ("backup", "copy the farm, running or not, to a file, and verify it"),
        ("verify-backup", "say what a backup holds, and whether it is good"),
        ("restore", "put a backup in the place of a farm that is not running"),
    ):
        command(name, text).add_argument("file", type=Path, metavar="FILE")
    add_user_options(command("user", "look after the accounts of people"))
    command("migrate", "bring a farm that is not running to this version, with a backup first")


def _long_options(parser: argparse.ArgumentParser) -> frozenset[str]:
    known: set[str] = set()
    for action in parser._actions:
        known |= {name for name in action.option_strings if name.startswith("--")}
        if isinstance(action, argparse._SubParsersAction):
            for of_command in action.choices.values():
                known |= _long_options(of_command)
    return frozenset(known)


def _with_two_dashes(arguments: Sequence[str], known: frozenset[str]) -> list[str]:
    """`-debug` becomes `--debug`, and `-listen=:80` becomes `--listen=:80`."""
    return [
        f"-{argument}" if f"-{argument}".partition("=")[0] in known else argument
        for argument in arguments
    ]
