"""Asks a certificate authority for a certificate, by ACME (RFC 8555) with the HTTP-01 challenge.

All of it blocks, for seconds or minutes, and so belongs on a thread of its own. Between its steps
it looks whether the Manager stops.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from flamenco_core.errors import FlamencoError
from flamenco_core.version import current_version

if TYPE_CHECKING:
    from acme import client, errors, messages

T = TypeVar("T")

_REQUEST_SECONDS = 10
"""Also how long a Manager that stops may wait for an authority that does not answer."""
_CHECKING_TIME = timedelta(minutes=3)
"""How long the authority may take to check the name, and how long to issue."""
_STALE_NONCES = 5
"""How often it begins again because a nonce was refused, which an authority may do at any time.
The library tries each request only twice."""
_POLL_SECONDS = 1.0
_POLL_TIME = timedelta(seconds=4)


class AcmeFailed(FlamencoError):
    """No certificate, and why."""

    def __init__(self, message: str, *, wait: timedelta = timedelta(0)) -> None:
        """`wait` is how long the authority wants not to be asked, at least."""
        super().__init__(message)
        self.wait = wait


class AcmeStopped(Exception):
    """The Manager stops, so that nobody needs the certificate now."""


@dataclass(frozen=True, slots=True)
class AcmeAuthority:
    """Where to ask, and who asks."""

    directory_url: str
    email: str = ""
    """Where the authority writes when something is wrong with the certificate; it may be empty."""
    key_id: str = ""
    """Of the account that exists there already, if the authority wants one (RFC 8555, 7.3.4)."""
    hmac_key: str = field(default="", repr=False)
    """What goes with it, in base64url."""


class AcmeClient:
    """One authority, and one account there."""

    def __init__(
        self,
        authority: AcmeAuthority,
        account_key: bytes,
        challenges: MutableMapping[str, str],
        stopping: threading.Event,
    ) -> None:
        """`account_key` is a PEM of an elliptic curve key (P-256). While a name is being checked,
        `challenges` holds what has to be answered at which path.
        """
        self._authority = authority
        self._account_key = account_key
        self._challenges = challenges
        self._stopping = stopping

    def obtain(self, name: str, key: bytes) -> bytes:
        """A certificate with its chain for `name` and the key of this PEM, as PEM.

        Raises:
            AcmeFailed: with a sentence for the admin.
            AcmeStopped: if the Manager stops.
        """
        from acme import messages

        for _ in range(_STALE_NONCES):
            try:
                return self._ask(name, key)
            except AcmeFailed as failed:
                cause = failed.__cause__
                if not (isinstance(cause, messages.Error) and cause.code == "badNonce"):
                    raise
        return self._ask(name, key)

    def _ask(self, name: str, key: bytes) -> bytes:
        from acme import crypto_util

        with _said_in_our_words(self._authority):
            acme = self._connect()
            order = acme.new_order(crypto_util.make_csr(key, [name]))
            for authorization in order.authorizations:
                self._prove(acme, authorization)
            return self._issue(acme, order)

    def _connect(self) -> client.ClientV2:
        from acme import client, errors, messages
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from josepy import jwa, jwk

        key = jwk.JWKEC(key=load_pem_private_key(self._account_key, password=None))
        network = client.ClientNetwork(
            key,
            alg=jwa.ES256,
            user_agent=f"flamenco-manager/{current_version().shown}",
            timeout=_REQUEST_SECONDS,
        )
        directory = client.ClientV2.get_directory(self._authority.directory_url, network)
        acme = client.ClientV2(directory, network)
        binding = None
        if self._authority.key_id:
            binding = messages.ExternalAccountBinding.from_data(
                key.public_key(),
                self._authority.key_id,
                self._authority.hmac_key,
                directory,
            )
        new = messages.NewRegistration.from_data(
            email=self._authority.email or None,
            external_account_binding=binding,
            terms_of_service_agreed=True,
        )
        try:
            acme.new_account(new)
        except errors.ConflictError as known:
            account = messages.RegistrationResource(
                uri=known.location, body=messages.Registration()
            )
            network.account = account
        return acme

    def _prove(self, acme: client.ClientV2, authorization: messages.AuthorizationResource) -> None:
        """Lets the authority see that the name leads here."""
        from acme import challenges, errors, messages

        if authorization.body.status == messages.STATUS_VALID:
            return  # proved a short while ago
        offered = [
            body
            for body in authorization.body.challenges
            if isinstance(body.chall, challenges.HTTP01)
        ]
        if not offered:
            raise AcmeFailed(
                f"The authority at {self._authority.directory_url} does not offer to check the "
                "name over HTTP (challenge http-01)"
            )
        challenge = offered[0]
        response, answer = challenge.response_and_validation(acme.net.key)
        path = challenge.chall.path
        self._challenges[path] = answer
        try:
            acme.answer_challenge(challenge, response)

            def status() -> messages.Status | None:
                nonlocal authorization
                authorization, _ = acme.poll(authorization)
                found = authorization.body.status
                return None if found == messages.STATUS_PENDING else found

            if self._poll(status, "checked the name") != messages.STATUS_VALID:
                raise errors.ValidationError([authorization])
        finally:
            del self._challenges[path]

    def _issue(self, acme: client.ClientV2, order: messages.OrderResource) -> bytes:
        from acme import errors, messages

        try:
            acme.begin_finalization(order)
        except messages.Error as error:
            if error.code != "orderNotReady":
                raise

        def chain() -> bytes | None:
            try:
                # It takes its deadline in local time without a zone.
                deadline = datetime.now() + _POLL_TIME  # noqa: DTZ005
                return acme.poll_finalization(order, deadline).fullchain_pem.encode()
            except errors.TimeoutError:
                return None

        return self._poll(chain, "issued the certificate")

    def _poll(self, ask: Callable[[], T | None], done: str) -> T:
        deadline = time.monotonic() + _CHECKING_TIME.total_seconds()
        while time.monotonic() < deadline:
            if self._stopping.is_set():
                raise AcmeStopped
            answer = ask()
            if answer is not None:
                return answer
            self._stopping.wait(_POLL_SECONDS)
        raise AcmeFailed(f"The authority has not {done} within {_CHECKING_TIME}")


@contextmanager
def _said_in_our_words(authority: AcmeAuthority) -> Iterator[None]:
    import requests
    from acme import errors, messages

    try:
        yield
    except errors.ValidationError as error:
        raise AcmeFailed(_why_not_proved(error)) from error
    except messages.Error as error:
        limited = error.code == "rateLimited"
        wait = timedelta(hours=1) if limited else timedelta(0)
        text = error.detail or error.description or str(error)
        raise AcmeFailed(f"The authority refuses: {text}", wait=wait) from error
    except errors.IssuanceError as error:
        raise AcmeFailed(f"The authority refuses: {error.error.detail}") from error
    except requests.exceptions.RequestException as error:
        where = authority.directory_url
        raise AcmeFailed(f"The authority at {where} cannot be reached: {error}") from error
    except (errors.Error, ValueError) as error:
        text = f"The authority at {authority.directory_url} answers with what is not ACME"
        raise AcmeFailed(f"{text}: {error}") from error


def _why_not_proved(error: errors.ValidationError) -> str:
    details = [
        challenge.error.detail
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None and challenge.error.detail
    ]
    reason = "; ".join(details) or "it does not say why"
    return (
        f"The authority could not see that the name leads here: {reason}. It asks over plain HTTP "
        "on port 80, which has to reach this Manager's `listen`"
    )
