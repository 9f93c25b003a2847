"""The operations of a Manager that concern accounts and tokens."""

from __future__ import annotations

from urllib.parse import quote

from flamenco_core import model
from flamenco_core.client.manager_client import ManagerClient


class AccountsClient(ManagerClient):
    """Talks to one Manager about who may use it; raises what `ManagerClient` does."""

    def who_am_i(self) -> model.WhoAmI:
        """Who the caller is to the Manager, and whether it wants to know at all."""
        return self._get("/whoami", model.WhoAmI)

    def token_for_login(self, login: model.Login, token: model.NewToken) -> model.CreatedToken:
        """Logs in, makes a token, and logs out again: what remains is the token."""
        answer = self._send("POST", "/login", login)
        session = {"Cookie": answer.cookie}
        try:
            created = self._send("POST", "/tokens", token, headers=session)
        finally:
            self._send("POST", "/logout", headers=session)
        return self._read(created, model.CreatedToken)

    def fetch_tokens(self, *, of_everybody: bool = False) -> list[model.Token]:
        query = "?all=true" if of_everybody else ""
        return self._get(f"/tokens{query}", model.TokenList).tokens

    def add_token(self, token: model.NewToken) -> model.CreatedToken:
        return self._read(self._send("POST", "/tokens", token), model.CreatedToken)

    def revoke_token(self, token_id: str) -> None:
        self._send("DELETE", f"/tokens/{quote(token_id, safe='')}")

    def fetch_users(self) -> list[model.User]:
        return self._get("/users", model.UserList).users

    def add_user(self, user: model.NewUser) -> model.User:
        return self._read(self._send("POST", "/users", user), model.User)

    def change_user(self, name: str, change: model.UserChange) -> model.User:
        return self._read(self._send("PUT", f"/users/{quote(name, safe='')}", change), model.User)

    def delete_user(self, name: str) -> None:
        self._send("DELETE", f"/users/{quote(name, safe='')}")

    def reset_password(self, name: str, password: str) -> None:
        body = model.NewPassword(password=password)
        self._send("POST", f"/users/{quote(name, safe='')}/password", body)

    def add_token_for_user(self, name: str, token: model.NewToken) -> model.CreatedToken:
        answer = self._send("POST", f"/users/{quote(name, safe='')}/tokens", token)
        return self._read(answer, model.CreatedToken)
