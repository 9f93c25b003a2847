"""Requests to one Manager, as the methods of `ManagerClient` make them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self, TypeVar

from flamenco_core import wire
from flamenco_core.client.connection import (
    DEFAULT_TIMEOUT,
    Answer,
    Connection,
    ManagerUnreachable,
    decoded,
    refusal,
)
from flamenco_core.client.credentials_file import found_token

T = TypeVar("T")
API = "/api/v3"

TIME_FOR_MANY = timedelta(minutes=10)
"""More than for other requests: the answer comes when all of it is stored."""

_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class ManagerRequests:
    """Sends requests and reads their answers; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        *,
        worker_id: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
    ) -> None:
        """`worker_id` and `secret` are needed for the methods that only workers call.

        Others show a `token` if the Manager wants to know them. Without one, it is that of the
        environment variable `FLAMENCO_TOKEN`, else the one that `flamenco login` has stored.

        Raises:
            InvalidInput: if the address or the token is none, or others can read the stored one.
        """
        credentials = (worker_id, secret) if worker_id and secret else None
        self._connection = Connection(url, credentials=credentials, timeout=timeout)
        self._aborted = threading.Event()
        self.url = self._connection.url
        if credentials is None:
            shown = found_token(self.url) if token is None else token
            if shown:
                self._connection.set_token(shown)

    def sign_in(self, worker_id: str, secret: str) -> None:
        """Uses a worker's credentials from the next request on."""
        self._connection.set_credentials((worker_id, secret))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def abort(self) -> None:
        """Ends all requests in flight with `ManagerUnreachable`, and closes all connections."""
        aborted, self._aborted = self._aborted, threading.Event()
        aborted.set()
        self._connection.abort()

    def close(self) -> None:
        """The same for good: requests that other threads begin afterwards fail, too."""
        self._aborted.set()
        self._connection.close()

    def _get(self, path: str, cls: type[T]) -> T:
        return self._read(self._send("GET", path), cls)

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        extra_time: timedelta = timedelta(0),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        answer = self._raw(method, path, body, extra_time=extra_time, headers=headers)
        # What is only read shows by its JSON whether a Manager sent it.
        return self._checked(answer) if method == "GET" else self._managers_own(answer)

    def _raw(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        extra_time: timedelta = timedelta(0),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        content, of_body = _encoded(body)
        all_headers = {**of_body, **(headers or {})}
        return self._connection.request(
            method, f"{API}{path}", body=content, headers=all_headers, extra_time=extra_time
        )

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if not 200 <= answer.status < 300:
            raise refusal(answer)
        return answer

    @classmethod
    def _managers_own(cls, answer: Answer) -> Answer:
        """A success of the Manager itself.

        The log-in page of a network or a proxy, which comes as a success too, has carried out
        nothing, so that the request may be sent again.
        """
        if cls._checked(answer).content_type in _PAGES:
            raise ManagerUnreachable(
                "A web page came, which is no answer of a Manager; does the network, or something "
                "on the way to the Manager, want somebody to log in?"
            )
        return answer

    @staticmethod
    def _read(answer: Answer, cls: type[T]) -> T:
        return wire.from_json(decoded(answer), cls)


def _encoded(body: Any) -> tuple[bytes | None, dict[str, str]]:
    import json

    if body is None:
        return None, {}
    return json.dumps(wire.to_json(body)).encode(), {"Content-Type": "application/json"}
