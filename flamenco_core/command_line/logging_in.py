"""The commands with which people show who they are: login, logout, whoami."""

from __future__ import annotations

import platform
import sys

import click

from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.client.credentials_file import (
    StoredToken,
    forget_token,
    store_token,
    stored_token,
)
from flamenco_core.command_line.manager_option import with_json, with_manager
from flamenco_core.command_line.output import print_json
from flamenco_core.errors import Conflict, InvalidInput
from flamenco_core.model import CallerKind, Login, NewToken
from flamenco_core.rules.accounts import LONGEST_NAME

_REFUSED = frozenset({401, 403, 404})


@click.command()
@with_manager
@click.option("--name", metavar="NAME", help="Name of the user; asked for if it is not given.")
def login(manager_url: str, name: str | None) -> None:
    """Log in to a Manager that wants to know who uses it.

    Asks for the password, or reads it from stdin. What is kept on this computer is not the
    password but a token, in a file that only you can read; `flamenco logout` revokes it. Programs
    can be given a token in the environment variable FLAMENCO_TOKEN instead.
    """
    with AccountsClient(manager_url, token="") as client:
        if client.who_am_i().authentication == "none":
            raise Conflict(f"The Manager at {client.url} trusts everybody; there is no need to")
        before = stored_token(client.url)  # a file that cannot be used is refused first
        login = Login(name=name or click.prompt("Name", err=True), password=_password())
        purpose = f"flamenco on {platform.node() or 'a computer'}"[:LONGEST_NAME]
        created = client.token_for_login(login, NewToken(name=purpose))
        token = StoredToken(created.token.id, created.token.owner, created.secret)
        path = store_token(client.url, token)
    if before is not None:
        _revoke(manager_url, before)
    click.echo(f"Logged in as {token.user} ({created.token.role}); the token is in {path}")


@click.command()
@with_manager
def logout(manager_url: str) -> None:
    """Revoke the token that `flamenco login` got, and forget it."""
    with AccountsClient(manager_url, token="") as client:
        url = client.url
    token = stored_token(url)
    if token is None:
        raise InvalidInput(f"Nobody is logged in to {url} on this computer")
    _revoke(url, token)
    forget_token(url)
    click.echo(f"{token.user} is logged out.")


@click.command()
@with_manager
@with_json
def whoami(manager_url: str, as_json: bool) -> None:
    """Show who you are to the Manager, and what you may do there."""
    with AccountsClient(manager_url) as client:
        who = client.who_am_i()
    if as_json:
        print_json(who)
    elif who.kind is CallerKind.ANONYMOUS:
        if who.authentication == "none":
            click.echo("This Manager trusts everybody in the network.")
        else:
            click.echo("You are not logged in; do that with: flamenco login")
    else:
        click.echo(f"{who.name} ({who.role})")


def _revoke(url: str, token: StoredToken) -> None:
    """Also if the Manager has forgotten it already, which is as good."""
    with AccountsClient(url, token=token.secret) as client:
        try:
            client.revoke_token(token.id)
        except ManagerRefused as refused:
            if refused.status not in _REFUSED:
                raise


def _password() -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, err=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


LOGIN_COMMANDS: tuple[click.Command, ...] = (login, logout, whoami)
