"""A certificate and its key, read from files and found to be good, or refused with all reasons."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core.errors import FlamencoError, Problem
from manager_service.https.switch import hardened_context

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_READABLE_BY_ALL = 0o004


class CertificateRefused(FlamencoError):
    """A certificate or its key cannot be used; `problems` says why."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself."""

    names: tuple[str, ...]
    """The DNS names and IP addresses it is good for; `*.studio` is one for all below it."""
    issuer: str
    not_before: datetime
    not_after: datetime

    def covers(self, host: str) -> bool:
        """Whether clients that call the Manager `host` accept this certificate."""
        host = host.lower().rstrip(".")
        parent = host.partition(".")[2]
        return host in self.names or bool(parent and f"*.{parent}" in self.names)


@dataclass(frozen=True, slots=True)
class LoadedCertificate:
    """A certificate that connections can be made with."""

    facts: CertificateFacts
    context: ssl.SSLContext


def load_certificate(certificate_file: Path, key_file: Path) -> LoadedCertificate:
    """Reads the PEM files of a certificate (with its chain) and of its key, which may be one.

    Raises:
        CertificateRefused: one is missing or no PEM, the key has a password or belongs to
            another certificate. Dates are not looked at: see `date_warnings`.
    """
    from cryptography.hazmat.primitives import serialization

    problems: list[Problem] = []
    chain = _read_chain(certificate_file, problems)
    key = _read_key(key_file, problems)
    if chain and key:
        public = key.public_key()
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        wanted = public.public_bytes(*form)
        matching = [own.public_key().public_bytes(*form) == wanted for own in chain]
        if not any(matching):
            what = f"is the key of another certificate than {certificate_file}"
            problems.append(Problem("tlskey", f"{key_file} {what}", "they belong together"))
        elif not matching[0]:
            what = f"{certificate_file} does not begin with the server's own certificate"
            problems.append(Problem("tlscert", what, "put it before those of the authorities"))
    if not problems:
        context = hardened_context()
        try:
            context.load_cert_chain(certificate_file, key_file)
        except (OSError, ssl.SSLError) as error:  # the files changed, or a key that is too weak
            problems.append(Problem("tlscert", f"{certificate_file} cannot be used: {error}"))
        else:
            return LoadedCertificate(facts_of(chain[0]), context)
    raise CertificateRefused("The certificate for HTTPS cannot be used", problems=problems)


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    from cryptography import x509

    names: list[str] = []
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        pass  # clients look nowhere else for names
    else:
        names = [name.lower() for name in extension.value.get_values_for_type(x509.DNSName)]
        names += [str(ip) for ip in extension.value.get_values_for_type(x509.IPAddress)]
    return CertificateFacts(
        names=tuple(names),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def date_warnings(facts: CertificateFacts, now: datetime) -> Iterator[str]:
    """What is wrong with the dates: clients refuse such a certificate, but it may be served."""
    if facts.not_after <= now:
        yield f"the certificate expired on {facts.not_after:%Y-%m-%d %H:%M} UTC"
    elif facts.not_before > now:
        yield f"the certificate is not good before {facts.not_before:%Y-%m-%d %H:%M} UTC"


def key_warnings(key_file: Path) -> Iterator[str]:
    """Whether everybody on this machine can read the key. Windows has no such modes."""
    if os.name != "nt" and key_file.stat().st_mode & _READABLE_BY_ALL:
        yield f"every user of this machine can read {key_file} (chmod o= {key_file})"


def _read_chain(file: Path, problems: list[Problem]) -> list[x509.Certificate]:
    from cryptography import x509

    content = _read(file, "tlscert", problems)
    if content is None:
        return []
    try:
        return list(x509.load_pem_x509_certificates(content))
    except ValueError:
        what = f"{file} holds no certificate in PEM form"
        problems.append(Problem("tlscert", what, "it has a line BEGIN CERTIFICATE"))
        return []


def _read_key(file: Path, problems: list[Problem]) -> PrivateKeyTypes | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read(file, "tlskey", problems)
    if content is None:
        return None
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        what = f"{file} is protected by a password"
        problems.append(Problem("tlskey", what, "save it without one, readable by this user only"))
    except (ValueError, UnsupportedAlgorithm):
        what = f"{file} holds no private key in PEM form"
        problems.append(Problem("tlskey", what, "it has a line BEGIN PRIVATE KEY"))
    return None


def _read(file: Path, setting: str, problems: list[Problem]) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError as error:
        problems.append(Problem(setting, f"{file} cannot be read: {error.strerror or error}"))
        return None
