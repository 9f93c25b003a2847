"""Guessing passwords gets slower with each failure; others are not kept out for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manager_service.login_limits import OF_ACCOUNTS, OF_ADDRESSES, LoginLimits
from manager_service.problem_answers import HttpRefusal


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait_of(limits: LoginLimits, address: str, account: str = "") -> int:
    """0 if an attempt may be made, and was; else the seconds to wait."""
    try:
        limits.attempt(address, account)
    except HttpRefusal as refusal:
        return int(refusal.headers["Retry-After"]) if refusal.status == 429 else -1
    return 0


def test_the_delay_of_an_account_doubles_up_to_a_minute() -> None:
    clock = Clock()
    limits = LoginLimits(clock)
    for _ in range(OF_ACCOUNTS.free):
        assert wait_of(limits, "10.0.0.1", "ada") == 0
    for expected in (1, 2, 4, 8, 16, 32, 60, 60):
        assert wait_of(limits, "10.0.0.2", "ada") == expected
        clock.now += expected
        assert wait_of(limits, "10.0.0.3", "ada") == 0


def test_an_address_that_tries_many_accounts_has_to_wait_longer_and_longer() -> None:
    clock = Clock()
    limits = LoginLimits(clock)
    for number in range(OF_ADDRESSES.free):
        assert wait_of(limits, "10.0.0.1", f"user{number}") == 0
    assert wait_of(limits, "10.0.0.1", "another") == 1
    assert wait_of(limits, "10.0.0.2", "another") == 0
    for _ in range(20):
        clock.now += OF_ADDRESSES.longest
        assert wait_of(limits, "10.0.0.1", f"user{clock.now}") == 0
    assert wait_of(limits, "10.0.0.1") == OF_ADDRESSES.longest


def test_all_addresses_of_an_ipv6_network_count_as_one() -> None:
    limits = LoginLimits(Clock())
    for number in range(OF_ADDRESSES.free):
        limits.attempt(f"2001:db8:1:2:{number:x}::1")
    assert wait_of(limits, "2001:db8:1:2:ffff::9") == 1
    assert wait_of(limits, "2001:db8:1:3::1") == 0
    assert wait_of(limits, "fe80::1%eth0") == 0
    for _ in range(OF_ADDRESSES.free):
        limits.attempt("::ffff:10.0.0.1")
    assert wait_of(limits, "10.0.0.1") == 1


def test_many_attempts_at_the_same_moment_all_count() -> None:
    limits = LoginLimits(Clock())
    answers = [wait_of(limits, "10.0.0.1", "ada") for _ in range(50)]
    assert answers.count(0) == OF_ACCOUNTS.free


def test_a_login_that_succeeds_forgets_the_failures_of_the_account() -> None:
    limits = LoginLimits(Clock())
    for _ in range(OF_ACCOUNTS.free):
        limits.attempt("10.0.0.1", "ada")
    limits.succeeded("10.0.0.1", "ada")
    assert wait_of(limits, "10.0.0.1", "ada") == 0


def test_an_hour_without_a_failure_forgets_all() -> None:
    clock = Clock()
    limits = LoginLimits(clock)
    for _ in range(OF_ACCOUNTS.free):
        limits.attempt("10.0.0.1", "ada")
    clock.now += 3601
    assert [wait_of(limits, "10.0.0.1", "ada") for _ in range(OF_ACCOUNTS.free)] == [0] * 5


def test_no_number_of_names_and_addresses_takes_more_memory() -> None:
    limits = LoginLimits(Clock())
    for number in range(30_000):
        limits.attempt(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", f"u{number}")
    assert len(limits) == 10_000


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=60))
def test_who_never_waits_less_than_told_is_never_refused_twice_in_a_row(
    steps: list[tuple[bool, float]],
) -> None:
    clock = Clock()
    limits = LoginLimits(clock)
    for succeeds, pause in steps:
        wait = wait_of(limits, "10.0.0.1", "ada")
        if wait:
            clock.now += wait
            assert wait_of(limits, "10.0.0.1", "ada") == 0
        if succeeds:
            limits.succeeded("10.0.0.1", "ada")
        clock.now += pause


@pytest.mark.parametrize("address", ["", "unknown", "1.2.3"])
def test_an_address_that_is_none_counts_too(address: str) -> None:
    limits = LoginLimits(Clock())
    for _ in range(OF_ADDRESSES.free):
        limits.attempt(address)
    assert wait_of(limits, address) == 1
