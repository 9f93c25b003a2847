"""`flamenco-manager user …`: accounts from the command line, whether the Manager runs or not.

While it runs, it is asked over HTTP, with the key that only its own machine and user can read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from getpass import getpass
from typing import Protocol

from flamenco_core.client import AccountsClient, ManagerUnreachable
from flamenco_core.config import Config
from flamenco_core.errors import Conflict, FarmLocked, InvalidInput, StorageError
from flamenco_core.manager import Actor, Manager
from flamenco_core.model import CreatedToken, NewToken, NewUser, User, UserChange, UserRole
from flamenco_core.rules.accounts import refuse_weak_password, role_of_new_token, user_name
from manager_service.machine_key import key_file, read_key
from manager_service.passwords import hash_password
from manager_service.secrets_of_callers import new_token, stored_form
from manager_service.upkeep import no_farm

_ACTOR = Actor.person("this machine")
_SERVICE_OWNER = "this machine"


class AccountKeeper(Protocol):
    """What can be done about accounts: by a running Manager, or with the farm's file."""

    def fetch_users(self) -> list[User]: ...

    def add_user(self, user: NewUser) -> User: ...

    def change_user(self, name: str, change: UserChange) -> User: ...

    def delete_user(self, name: str) -> None: ...

    def reset_password(self, name: str, password: str) -> None: ...

    def add_token(self, token: NewToken) -> CreatedToken: ...

    def add_token_for_user(self, name: str, token: NewToken) -> CreatedToken: ...


class FarmFileKeeper:
    """Works on the file of a farm that is not running."""

    def __init__(self, farm: Manager) -> None:
        self._farm = farm

    def fetch_users(self) -> list[User]:
        return self._farm.users()

    def add_user(self, user: NewUser) -> User:
        password_hash = hash_password(user.password)
        return self._farm.add_user(user.name, user.role, password_hash, actor=_ACTOR)

    def change_user(self, name: str, change: UserChange) -> User:
        return self._farm.change_user(name, change, actor=_ACTOR)

    def delete_user(self, name: str) -> None:
        self._farm.delete_user(name, actor=_ACTOR)

    def reset_password(self, name: str, password: str) -> None:
        self._farm.set_password(name, hash_password(password), actor=_ACTOR)

    def add_token(self, token: NewToken) -> CreatedToken:
        return self._created(token, UserRole.ADMIN, _SERVICE_OWNER)

    def add_token_for_user(self, name: str, token: NewToken) -> CreatedToken:
        user = self._farm.user(user_name(name))
        return self._created(token, user.role, user.name)

    def _created(self, token: NewToken, own_role: UserRole, owner: str) -> CreatedToken:
        role = role_of_new_token(token.role, own=own_role, is_service=token.is_service)
        secret = new_token()
        made = self._farm.add_token(
            token, role=role, made_by=owner, secret_hash=stored_form(secret), actor=_ACTOR
        )
        return CreatedToken(token=made, secret=secret)


def carry_out(options: argparse.Namespace, config: Config) -> int:
    """Does what `user …` says; returns the exit code.

    Raises:
        FlamencoError: if it cannot be done, with the reason.
    """
    name = user_name(options.name) if "name" in options and not _is_service(options) else ""
    password = ""
    if options.user_command in ("add", "passwd"):
        password = _new_password(name)
    with keeper(config, may_make_farm=options.user_command == "add") as accounts:
        _COMMANDS[options.user_command](accounts, options, name, password)
    return 0


@contextmanager
def keeper(config: Config, *, may_make_farm: bool) -> Iterator[AccountKeeper]:
    """The farm's file, or the Manager that runs the farm.

    Only the first account is a reason to make a farm: all else is about accounts that are there.

    Raises:
        FarmLocked: if the farm is run by a Manager that cannot be asked.
        StorageError: if there is no farm.
    """
    is_new = not config.database_file.exists()
    if is_new and not may_make_farm:
        raise StorageError(no_farm(config.database_file))
    try:
        farm = Manager.open(config.database_file, config=config)
    except FarmLocked as locked:
        key = read_key(config.database_file)
        if key is None:
            raise FarmLocked(
                f"{locked.message}. It could be asked to do this by whoever may read "
                f"{key_file(config.database_file)}; or an admin does it on its page"
            ) from locked
        with AccountsClient(key.url, token=key.key) as client:
            try:
                client.who_am_i()
            except ManagerUnreachable as unreachable:
                raise FarmLocked(
                    f"The farm is run by a Manager that does not answer: {unreachable.message}. "
                    "Stop it first, or let an admin do this on its page"
                ) from unreachable
            yield client
        return
    if is_new:
        # Who forgets `--home` would else look in vain for the account in the farm that was meant.
        print(f"There was no farm at {config.database_file}; it was made.", file=sys.stderr)
    with farm:
        yield FarmFileKeeper(farm)


def _add(accounts: AccountKeeper, options: argparse.Namespace, name: str, password: str) -> None:
    role = UserRole(options.role)
    user = accounts.add_user(NewUser(name=name, password=password, role=role))
    print(f"{user.name} can log in now, with the role {user.role}.")


def _list(accounts: AccountKeeper, _options: argparse.Namespace, _name: str, _: str) -> None:
    users = accounts.fetch_users()
    if not users:
        print("There are no users yet; make one with: flamenco-manager user add NAME --role admin")
        return
    width = max(len(user.name) for user in users)
    for user in users:
        last = f"{user.last_login:%Y-%m-%d %H:%M} UTC" if user.last_login else "never"
        state = "  disabled" if user.is_disabled else ""
        print(f"{user.name:<{width}}  {user.role:<8}  last login: {last}{state}")


def _remove(accounts: AccountKeeper, _options: argparse.Namespace, name: str, _: str) -> None:
    accounts.delete_user(name)
    print(f"{name} is gone, with all sessions and tokens.")


def _passwd(accounts: AccountKeeper, _options: argparse.Namespace, name: str, word: str) -> None:
    accounts.reset_password(name, word)
    print(f"{name} has a new password; all sessions have ended.")


def _role(accounts: AccountKeeper, options: argparse.Namespace, name: str, _: str) -> None:
    user = accounts.change_user(name, UserChange(role=UserRole(options.role)))
    print(f"{user.name} has the role {user.role} now.")


def _disable(accounts: AccountKeeper, _options: argparse.Namespace, name: str, _: str) -> None:
    accounts.change_user(name, UserChange(is_disabled=True))
    print(f"{name} cannot log in any more, and the tokens of {name} are refused.")


def _enable(accounts: AccountKeeper, _options: argparse.Namespace, name: str, _: str) -> None:
    accounts.change_user(name, UserChange(is_disabled=False))
    print(f"{name} can log in again.")


def _token(accounts: AccountKeeper, options: argparse.Namespace, name: str, _: str) -> None:
    days: int | None = options.days
    new = NewToken(
        name=options.name if _is_service(options) else options.purpose,
        role=UserRole(options.role) if options.role else None,
        expires=datetime.now(UTC) + timedelta(days=days) if days else None,
        is_service=_is_service(options),
    )
    if new.is_service:
        if new.role is None:
            raise InvalidInput("A service's token needs --role")
        created = accounts.add_token(new)
    else:
        created = accounts.add_token_for_user(name, new)
    # The secret alone on the standard output, for a file or another program.
    print("The token is shown this once:", file=sys.stderr)
    print(created.secret)


_COMMANDS: dict[str, Callable[[AccountKeeper, argparse.Namespace, str, str], None]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
    "passwd": _passwd,
    "role": _role,
    "disable": _disable,
    "enable": _enable,
    "token": _token,
}


def _is_service(options: argparse.Namespace) -> bool:
    return bool(getattr(options, "service", False))


def _new_password(name: str) -> str:
    """Asked for twice, or the first line of the standard input; never on the command line."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
        refuse_weak_password(password, name=name)
        return password
    password = getpass(f"Password for {name}: ")
    refuse_weak_password(password, name=name)
    if getpass("The same again: ") != password:
        raise Conflict("These were two different passwords; nothing was changed")
    return password
