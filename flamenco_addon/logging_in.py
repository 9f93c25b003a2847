"""Logging in to a Manager that has accounts. Blocks, so it belongs on another thread.

What remains of a password is a token, kept where `flamenco login` keeps it too: one log-in counts
for Blender, for the command line and for scripts of the same person.
"""

from __future__ import annotations

import socket

from flamenco_core import model
from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.client.credentials_file import (
    StoredToken,
    forget_token,
    store_token,
    stored_token,
)
from flamenco_core.errors import InvalidInput


def log_in(url: str, name: str, password: str) -> str:
    """Logs in and keeps a token; returns the name of the account.

    Raises:
        ManagerUnreachable: if no answer came.
        ManagerRefused: if name or password are wrong, or there were too many attempts.
        StorageError: if the token cannot be kept.
    """
    # Without an empty token it would show the stored one.
    with AccountsClient(url, token="") as client:
        created = client.token_for_login(
            model.Login(name=name, password=password),
            model.NewToken(name=f"Blender on {socket.gethostname()}"),
        )
    token = created.token
    store_token(url, StoredToken(token.id, token.owner, created.secret))
    return token.owner


def use_token(url: str, secret: str) -> str:
    """Keeps a token that somebody was given; returns whom it is for.

    Raises:
        InvalidInput: if it is none of this Manager's.
        ManagerUnreachable: if no answer came.
        StorageError: if it cannot be kept.
    """
    with AccountsClient(url, token=secret.strip()) as client:
        try:
            caller = client.who_am_i()
        except ManagerRefused as error:
            if error.status == 401:
                raise InvalidInput("The Manager does not know this token") from None
            raise
    if caller.authentication == "none":
        raise InvalidInput("This Manager trusts everybody in the network, and asks for no token")
    if caller.role is None or caller.kind is model.CallerKind.ANONYMOUS:
        raise InvalidInput("The Manager does not know this token")
    # The Manager does not say by which id it could be revoked.
    name = caller.name or ""
    store_token(url, StoredToken("", name, secret.strip()))
    return name


def log_out(url: str) -> None:
    """Forgets the token, and has the Manager forget it too if it can be reached.

    Raises:
        InvalidInput, StorageError: if the file with the tokens cannot be used.
    """
    token = stored_token(url)
    forget_token(url)
    if token is None or not token.id:
        return
    with AccountsClient(url, token=token.secret) as client:
        client.revoke_token(token.id)
