"""What can be said to `flamenco-manager user` on the command line."""

from __future__ import annotations

import argparse

from flamenco_core.model import UserRole

_ROLES = [role.value for role in UserRole]

_MOST_DAYS = 36_500
"""A century; calendars end somewhere."""


def add_user_options(user: argparse.ArgumentParser) -> None:
    """Adds the commands of `user`, which end up in `user_command`."""
    commands = user.add_subparsers(metavar="WHAT", dest="user_command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )

    def with_name(name: str, text: str) -> argparse.ArgumentParser:
        parser = command(name, text)
        parser.add_argument("name", metavar="NAME")
        return parser

    command("list", "list the users")
    add = with_name("add", "make an account; asks for the password, or reads it from stdin")
    add.add_argument("--role", choices=_ROLES, default=UserRole.ARTIST.value)
    with_name("passwd", "give a user another password; asks for it, or reads it from stdin")
    with_name("role", "give a user another role").add_argument("role", choices=_ROLES)
    with_name("disable", "let nobody use an account any more")
    with_name("enable", "let an account be used again")
    with_name("remove", "delete an account, with its sessions and tokens")
    token = with_name("token", "make a token, and print its secret")
    token.add_argument("--role", choices=_ROLES, help="at most (default: that of the user)")
    token.add_argument("--days", type=_days, metavar="N", help="how long it counts (default: ever)")
    token.add_argument(
        "--purpose", default="made on the command line", help="what it is for, for people"
    )
    token.add_argument(
        "--service",
        action="store_true",
        help="it is for a program of this NAME, and belongs to no user",
    )


def _days(text: str) -> int:
    """How long a token counts; none at all would be understood as for ever."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_DAYS}")
    return int(text)
