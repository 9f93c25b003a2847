"""Random secrets that callers show: what they look like, and what is stored of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

TOKEN_PREFIX = "flamenco_"  # noqa: S105 - by this, tokens are found where they should not lie
_SECRET_BYTES = 32


def new_secret() -> str:
    """256 random bits as text, for a session."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_token() -> str:
    """256 random bits as text, for `Authorization: Bearer`."""
    return TOKEN_PREFIX + new_secret()


def stored_form(secret: str) -> str:
    """What is stored of a random secret, and looked up by it.

    A fast hash is enough for 256 random bits, and it is needed with every request. Since it is
    the hash that is looked up, the time that takes tells nothing about the secret.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def are_equal(given: str, right: str) -> bool:
    """Compares two secrets in a time that tells nothing of what they have in common."""
    return hmac.compare_digest(stored_form(given), stored_form(right))


def bearer_token(header: str) -> str:
    """What an `Authorization` header shows as `Bearer`; empty if it does not."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User and password of an `Authorization` header with `Basic`; None if it has none."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except ValueError:  # neither Base64 nor UTF-8: as good as nothing
        return None
    return (name, password) if colon else None
