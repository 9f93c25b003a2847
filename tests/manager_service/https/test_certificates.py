"""What is said of certificates and keys that cannot be used, before the Manager starts."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from manager_service.https.certificates import (
    CertificateRefused,
    date_warnings,
    key_warnings,
    load_certificate,
)
from tests.manager_service.https.authority import Authority, new_key, write_pair

AUTHORITY = Authority()


def refusals(certificate: Path, key: Path) -> list[tuple[str, str]]:
    with pytest.raises(CertificateRefused) as refused:
        load_certificate(certificate, key)
    return [(problem.where, problem.what) for problem in refused.value.problems]


def test_a_good_pair_says_what_it_is_for(tmp_path: Path) -> None:
    files = write_pair(tmp_path, AUTHORITY.issue("Farm.studio", "*.lan", "10.1.2.3"))
    facts = load_certificate(*files).facts
    assert facts.names == ("farm.studio", "*.lan", "10.1.2.3")
    assert facts.issuer == "CN=Tests"
    assert all(map(facts.covers, ("farm.studio", "FARM.studio.", "manager.lan", "10.1.2.3")))
    assert not any(map(facts.covers, ("studio", "lan", "a.manager.lan", "10.1.2.4", "")))


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    certificate, key = tmp_path / "no.crt", tmp_path / "no.key"
    assert refusals(certificate, key) == [
        ("tlscert", f"{certificate} cannot be read: No such file or directory"),
        ("tlskey", f"{key} cannot be read: No such file or directory"),
    ]


def test_files_that_hold_something_else_are_named(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, (b"not\n", b"these\n"))
    assert refusals(certificate, key) == [
        ("tlscert", f"{certificate} holds no certificate in PEM form"),
        ("tlskey", f"{key} holds no private key in PEM form"),
    ]


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, (AUTHORITY.issue("farm")[0], new_key()))
    what = f"{key} is the key of another certificate than {certificate}"
    assert refusals(certificate, key) == [("tlskey", what)]


def test_a_chain_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    own, its_key = AUTHORITY.issue("farm")
    certificate, key = write_pair(tmp_path, (AUTHORITY.pem + own, its_key))
    what = f"{certificate} does not begin with the server's own certificate"
    assert refusals(certificate, key) == [("tlscert", what)]
    files = write_pair(tmp_path, (own + AUTHORITY.pem, its_key))
    assert load_certificate(*files).facts.names == ("farm",)


def test_a_key_with_a_password_is_refused(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, (AUTHORITY.issue("farm")[0], new_key(b"secret")))
    assert refusals(certificate, key) == [("tlskey", f"{key} is protected by a password")]


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    file = tmp_path / "both.pem"
    file.write_bytes(b"".join(AUTHORITY.issue("farm")))
    assert load_certificate(file, file).facts.names == ("farm",)


def test_dates_are_warned_of(tmp_path: Path) -> None:
    files = write_pair(tmp_path, AUTHORITY.issue("farm", good_for=timedelta(days=-1)))
    facts = load_certificate(*files).facts
    now = datetime.now(tz=UTC)
    (expired,) = date_warnings(facts, now)
    assert expired.startswith("the certificate expired on ")
    (early,) = date_warnings(facts, now - timedelta(days=90))
    assert early.startswith("the certificate is not good before ")
    assert not list(date_warnings(facts, now - timedelta(days=30)))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_key_that_all_can_read_is_warned_of(tmp_path: Path) -> None:
    _, key = write_pair(tmp_path, AUTHORITY.issue("farm"))
    assert not list(key_warnings(key))
    key.chmod(0o644)
    (warning,) = key_warnings(key)
    assert warning.endswith(f"(chmod o= {key})")
