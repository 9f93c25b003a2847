"""Where a Manager keeps what it got from a certificate authority: `acme` in its data folder.

Each authority has a folder of its own, with the key of the account and, for each name, one file
with the certificate, its chain and its key, so that they can only be exchanged together.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from flamenco_core.durable import make_folders, replace_private_file
from flamenco_core.errors import StorageError
from manager_service.https.certificates import (
    CertificateRefused,
    LoadedCertificate,
    load_certificate,
)

logger = logging.getLogger(__name__)

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.-]+")


class AcmeStore:
    """What belongs to one authority. All methods block."""

    def __init__(self, home: Path, directory_url: str) -> None:
        authority = directory_url.partition("://")[2]
        self._folder = home / "acme" / _NOT_IN_NAMES.sub("_", authority).strip("_.")

    def account_key(self) -> bytes:
        """The key of the account, a new one if there is none; raises `StorageError`."""
        file = self._folder / "account.key"
        try:
            return file.read_bytes()
        except FileNotFoundError:
            key = new_key()
            self._write(file, key)
            return key
        except OSError as error:
            raise StorageError(f"{file} cannot be read: {error.strerror}") from error

    def certificate(self, name: str) -> LoadedCertificate | None:
        """The one that was kept for this name; None if there is none that can be used."""
        file = self._file(name)
        if not file.exists():
            return None
        try:
            return load_certificate(file, file)
        except CertificateRefused as refused:
            logger.warning("The kept certificate is replaced: %s", refused)
            return None

    def keep(self, name: str, chain: bytes, key: bytes) -> LoadedCertificate:
        """Keeps a new certificate.

        Raises:
            CertificateRefused: it is not good for this key; the old one stays.
            StorageError: it cannot be written.
        """
        file = self._file(name)
        candidate = file.with_name(f"{file.name}.new")
        self._write(candidate, chain.rstrip() + b"\n" + key)
        try:
            loaded = load_certificate(candidate, candidate)
            self._write(file, candidate.read_bytes())
        finally:
            candidate.unlink(missing_ok=True)
        return loaded

    def _file(self, name: str) -> Path:
        return self._folder / f"{_NOT_IN_NAMES.sub('_', name)}.pem"

    def _write(self, file: Path, content: bytes) -> None:
        try:
            make_folders(self._folder)
            replace_private_file(file, content)
        except OSError as error:
            raise StorageError(f"{file} cannot be written: {error.strerror}") from error


def new_key() -> bytes:
    """A fresh P-256 key as PEM: what every client and authority takes, and quick to use."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
