"""The part of `Manager` that keeps accounts, sessions and tokens."""

from __future__ import annotations

from datetime import datetime

from flamenco_core import wire
from flamenco_core.events import AccountsChanged
from flamenco_core.manager import accounts
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.model.accounts import NewToken, Token, User, UserChange, UserRole
from flamenco_core.rules.accounts import session_end
from flamenco_core.store import sessions, tokens, users
from flamenco_core.store.audit import Actor


class AccountCare(OpenFarm):
    """Secrets are handed over as hashes: the Manager itself never sees a password."""

    def users(self) -> list[User]:
        return [wire.from_json(user, User) for user in users.page(self._db)]

    def user(self, name: str) -> User:
        return wire.from_json(users.shown(self._db, name), User)

    def has_admin(self) -> bool:
        """Whether anybody can log in who may look after accounts."""
        return users.has_admin(self._db)

    def add_user(self, name: str, role: UserRole, password_hash: str, *, actor: Actor) -> User:
        """Raises `InvalidInput` for a name that cannot be used, `Conflict` for one in use."""
        with self._unit(actor) as unit:
            return accounts.add_user(unit, name, role, password_hash)

    def change_user(self, name: str, change: UserChange, *, actor: Actor) -> User:
        """Changes the role, disables or enables; what a disabled user had open ends at once.

        Raises:
            Conflict: if accounts are in use and no admin would be left.
        """
        with self._unit(actor) as unit:
            return accounts.change_user(unit, name, change)

    def set_password(
        self, name: str, password_hash: str, *, kept_session: str = "", actor: Actor
    ) -> None:
        """Ends all sessions of the user, but the one whose secret has the hash `kept_session`."""
        with self._unit(actor) as unit:
            accounts.set_password(unit, name, password_hash, kept_session=kept_session)

    def delete_user(self, name: str, *, actor: Actor) -> None:
        """With all sessions and tokens. Raises `Conflict` as `change_user` does."""
        with self._unit(actor) as unit:
            accounts.delete_user(unit, name)

    def log_in(
        self,
        name: str,
        *,
        checked_hash: str,
        secret_hash: str,
        new_hash: str | None = None,
        replaced: str = "",
        address: str = "",
        actor: Actor,
    ) -> None:
        """Begins a session after the password fitted `checked_hash`.

        `new_hash` takes the place of that one, `replaced` is the hash of a session that ends.

        Raises:
            NotAllowed: if the account was disabled or given another password meanwhile.
        """
        with self._unit(actor) as unit:
            accounts.log_in(
                unit,
                name,
                checked_hash=checked_hash,
                new_hash=new_hash,
                secret_hash=secret_hash,
                replaced=replaced,
                address=address,
            )

    def log_out(
        self, name: str, secret_hash: str, *, is_everywhere: bool = False, actor: Actor
    ) -> None:
        """Ends one session of a user, or all of them."""
        with self._unit(actor) as unit:
            accounts.log_out(unit, name, secret_hash, is_everywhere=is_everywhere)

    def session_used(self, session_id: int, *, created: datetime) -> None:
        """Puts off the end of a session that goes on; not audited."""
        now = self._clock()
        with self.unit_of_work():
            sessions.used(
                self._db, session_id, now=now, ends=session_end(created=created, used=now)
            )

    def token_used(self, token_id: int) -> None:
        """Notes the use of a token; not audited."""
        with self.unit_of_work():
            tokens.used(self._db, token_id, now=self._clock())
            self._events.append(AccountsChanged(tokens=True))

    def add_token(
        self, new: NewToken, *, role: UserRole, made_by: str, secret_hash: str, actor: Actor
    ) -> Token:
        """Makes a token of the user `made_by`, or of a service.

        Raises:
            InvalidInput: if it has no name, or would have expired already.
        """
        with self._unit(actor) as unit:
            return accounts.add_token(
                unit, new, role=role, made_by=made_by, secret_hash=secret_hash
            )

    def revoke_token(self, token_id: str, *, of_user: str | None = None, actor: Actor) -> None:
        """With `of_user`, tokens of others and of services are not found."""
        with self._unit(actor) as unit:
            accounts.revoke_token(unit, token_id, of_user=of_user)
