"""When certificates are asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manager_service.https.certificates import CertificateFacts
from manager_service.https.renewal import renewal_time, retry_delay

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CHANCES = st.floats(0, 1)


def facts(days: float) -> CertificateFacts:
    return CertificateFacts(("farm.studio",), "CN=Tests", BEGIN, BEGIN + timedelta(days=days))


@pytest.mark.parametrize(("days", "after"), [(90, 60), (6, 4), (47, 47 * 2 / 3)])
def test_a_certificate_is_renewed_when_a_third_of_its_time_is_left(
    days: float, after: float
) -> None:
    found = renewal_time(facts(days), 0)
    assert found - BEGIN == pytest.approx(timedelta(days=after), abs=timedelta(seconds=1))


@given(CHANCES, st.floats(0.1, 400))
def test_chance_only_makes_it_earlier_and_by_a_little(chance: float, days: float) -> None:
    late, when = renewal_time(facts(days), 0), renewal_time(facts(days), chance)
    assert timedelta(0) <= late - when <= timedelta(days=days) / 29


@given(st.integers(1, 10_000), CHANCES)
def test_failures_make_the_wait_longer_up_to_a_bound(failures: int, chance: float) -> None:
    wait = retry_delay(failures, chance)
    assert timedelta(minutes=5) <= wait <= timedelta(hours=9.6)
    assert retry_delay(failures + 1, 0) >= retry_delay(failures, 0)


def test_an_authority_may_ask_for_a_longer_wait() -> None:
    assert retry_delay(1, 0, at_least=timedelta(hours=1)) == timedelta(hours=1)
    assert retry_delay(20, 0, at_least=timedelta(hours=1)) == timedelta(hours=8)
