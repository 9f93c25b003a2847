"""HTTP to one Manager with the standard library: kept connections, time limits, clear errors."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import selectors
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any, Self
from urllib.parse import urlsplit

from flamenco_core.errors import FlamencoError, InvalidInput, Problem, one_problem

DEFAULT_TIMEOUT = timedelta(seconds=30)
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(/|$)|.*//")
"""`manager:8080` and `manager:8080/` have none."""
_LONGEST_TEXT = 500
"""Characters of an answer that are shown to people as they are."""
_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "DELETE"})


class ManagerUnreachable(FlamencoError):
    """No answer came: nothing listens there, the network failed, or it took too long."""


class ManagerRefused(FlamencoError):
    """The Manager answered, with a status other than success."""

    def __init__(self, status: int, message: str, *, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message, problems=problems)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `status`, and the body as it was sent."""

    status: int
    content_type: str
    body: bytes
    cookie: str = field(default="", repr=False)
    """Of a session that the answer begins: what is to be sent as `Cookie` from then on."""


class Connection:
    """Requests to one Manager, from any number of threads.

    Each request in flight has a connection of its own; connections are kept and used again.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: tuple[str, str] | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
    ) -> None:
        """`credentials` are user name and password of HTTP Basic; `timeout` is per request."""
        self._scheme, self._host, port, location = _address(url)
        self.url = f"{self._scheme}://{location}"
        self.location = location
        """Host and port, as they were given."""
        self._port = port or (443 if self._scheme == "https" else 80)
        self._timeout = timeout
        self._headers = {"Accept": "application/json, text/plain;q=0.9"}
        self.set_credentials(credentials)
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        self._is_closed = False

    @property
    def headers(self) -> Mapping[str, str]:
        """What is sent with each request."""
        return self._headers

    def set_credentials(self, credentials: tuple[str, str] | None) -> None:
        """Uses these from the next request on."""
        self._headers.pop("Authorization", None)
        if credentials:
            self._headers["Authorization"] = basic_authorization(*credentials)

    def set_token(self, token: str) -> None:
        """Shows this token from the next request on."""
        if not token.isascii() or not token.isprintable() or not token:
            raise InvalidInput("This is no token of a Manager: it has characters that none has")
        self._headers["Authorization"] = f"Bearer {token}"

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        extra_time: timedelta = timedelta(0),
    ) -> Answer:
        """Sends one request and reads the whole answer, whatever its status.

        `extra_time` is added to the time limit, for requests that the Manager holds back.

        Raises:
            ManagerUnreachable: if no complete answer came.
        """
        timeout = (self._timeout + extra_time).total_seconds()
        all_headers = {**self._headers, **(headers or {})}
        connection, used_before = self._take(timeout)
        try:
            return self._exchange(connection, method, path, body, all_headers)
        except (OSError, http.client.HTTPException) as error:
            # A kept connection may have been closed by the Manager at this very moment. What
            # may have been carried out already is not sent twice.
            if not used_before or method not in _SAFE_TO_REPEAT or isinstance(error, TimeoutError):
                raise self.unreachable(error) from error
        finally:
            self._release(connection)
        return self._request_afresh(method, path, body, all_headers, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def abort(self) -> None:
        """Closes every connection; a request that waits in another thread ends at once."""
        with self._lock:
            connections = [*self._busy, *self._idle]
            self._idle.clear()
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                # Closing alone would not wake a thread that is blocked in recv().
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            if connection not in self._busy:
                connection.close()

    def close(self) -> None:
        """The same for good: what other threads begin afterwards fails, and nothing stays open."""
        with self._lock:
            self._is_closed = True
        self.abort()

    def dial(self) -> socket.socket:
        """A connection of its own, for something else than requests; `abort` does not end it.

        Raises:
            ManagerUnreachable: if nothing listens there.
        """
        connection = self._open(self._timeout.total_seconds())
        try:
            connection.connect()
            if connection.sock is None:
                raise OSError("the connection was closed")
            return connection.sock
        except OSError as error:
            connection.close()
            raise self.unreachable(error) from error
        finally:
            with self._lock:
                self._busy.discard(connection)

    def _request_afresh(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
        timeout: float,
    ) -> Answer:
        connection = self._open(timeout)
        try:
            return self._exchange(connection, method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise self.unreachable(error) from error
        finally:
            self._release(connection)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            # Half a request was sent, or half an answer read: nothing can follow on it.
            connection.close()
            raise
        if response.will_close:
            connection.close()
        cookie = response.headers.get("Set-Cookie", "").partition(";")[0]
        return Answer(response.status, response.headers.get_content_type(), content, cookie)

    def _take(self, timeout: float) -> tuple[http.client.HTTPConnection, bool]:
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection = self._idle.pop()
                self._busy.add(connection)
            if connection.sock is not None and not _was_closed_by_peer(connection.sock):
                connection.timeout = timeout
                connection.sock.settimeout(timeout)
                return connection, True
            with self._lock:
                self._busy.discard(connection)
            connection.close()
        return self._open(timeout), False

    def _open(self, timeout: float) -> http.client.HTTPConnection:
        connection = (
            http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=ssl.create_default_context()
            )
            if self._scheme == "https"
            else http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        with self._lock:
            if self._is_closed:
                raise self.unreachable(ConnectionAbortedError("it is not talked to any more"))
            self._busy.add(connection)
        return connection

    def _release(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._busy.discard(connection)
            if connection.sock is None:
                return
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def unreachable(self, error: Exception) -> ManagerUnreachable:
        """Says what went wrong when talking with the Manager."""
        if isinstance(error, TimeoutError):
            reason = "it did not answer in time"
        elif isinstance(error, ConnectionRefusedError):
            reason = "nothing listens there; is the Manager running?"
        elif isinstance(error, ssl.SSLCertVerificationError):
            reason = (
                f"its certificate is not trusted ({error.verify_message}); that of a studio's own "
                "authority can be named in the environment, as SSL_CERT_FILE"
            )
        elif isinstance(error, socket.gaierror):
            reason = f"the name {self._host!r} is not known"
        else:
            reason = str(error) or type(error).__name__
        return ManagerUnreachable(f"The Manager at {self.url} cannot be reached: {reason}")


def basic_authorization(name: str, password: str) -> str:
    """The value of an `Authorization` header with HTTP Basic."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def _address(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and the last two as written; raises `InvalidInput`."""
    try:
        parts = urlsplit(url if _HAS_SCHEME.match(url) else f"http://{url}")
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts.scheme, parts.hostname, parts.port, parts.netloc
    except ValueError:  # a port that is no number, a bracket that is not closed
        pass
    what = f"{url!r} is not the address of a Manager"
    raise one_problem("", what, "write it like http://manager.local:8080/")


def refusal(answer: Answer) -> ManagerRefused:
    """The error for an answer that is not a success, read from any Manager's error body."""
    message, problems = _shown(answer), []
    try:
        content: Any = json.loads(answer.body)
    except ValueError:
        content = None
    if isinstance(content, dict):
        message = str(content.get("message") or message)
        problems = [
            Problem(
                str(item.get("where", "")), str(item.get("what", "")), str(item.get("hint", ""))
            )
            for item in content.get("problems") or []
            if isinstance(item, dict)
        ]
    return ManagerRefused(answer.status, message, problems=problems)


def _shown(answer: Answer) -> str:
    """What a body says to a person: a short text itself, of a whole page only what it is."""
    text = answer.body.decode("utf-8", "replace").strip()
    if not text:
        return f"HTTP {answer.status}"
    is_page = answer.content_type.endswith(("html", "xml")) or text.startswith("<")
    if is_page or len(text) > _LONGEST_TEXT:
        status = f"{answer.status} {http.client.responses.get(answer.status, '')}".strip()
        return f"HTTP {status} with {answer.content_type}, which is no answer of a Manager"
    return text


def decoded(answer: Answer) -> Any:
    """The JSON of an answer; raises `InvalidInput` if it is none (a proxy's page, say)."""
    try:
        return json.loads(answer.body)
    except ValueError:
        what = f"the answer is {answer.content_type}, not JSON"
        raise InvalidInput(f"This does not seem to be a Manager: {what}") from None


def _was_closed_by_peer(sock: socket.socket) -> bool:
    """An idle connection has nothing to say, so that anything to read is its end."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            return bool(selector.select(timeout=0))
    except (OSError, ValueError):
        return True
