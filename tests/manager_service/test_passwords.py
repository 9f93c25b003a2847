"""Passwords become hashes that are slow to guess."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters

from flamenco_core.errors import Unavailable
from manager_service.passwords import Passwords, hash_password
from tests.manager_service.people import QUICK_HASHER

PASSWORD = "pässwörd for tésts"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(QUICK_HASHER)
    yield made
    asyncio.run(made.close())


def test_hashes_cost_what_rfc_9106_recommends() -> None:
    parameters = extract_parameters(hash_password(PASSWORD))
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (3, 65536, 4)
    assert parameters.hash_len >= 32
    assert parameters.salt_len >= 16


def test_every_keyboard_types_the_same_password(passwords: Passwords) -> None:
    stored = hash_password(unicodedata.normalize("NFD", PASSWORD), QUICK_HASHER)
    typed = unicodedata.normalize("NFC", PASSWORD)
    assert asyncio.run(passwords.is_right(typed, stored)) == (True, None)
    assert asyncio.run(passwords.is_right(typed + " ", stored)) == (False, None)


def test_a_hash_of_other_strength_is_replaced_once_the_password_is_known(
    passwords: Passwords,
) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    assert asyncio.run(passwords.is_right("something else", weaker)) == (False, None)
    is_right, better = asyncio.run(passwords.is_right(PASSWORD, weaker))
    assert is_right
    assert better is not None
    assert asyncio.run(passwords.is_right(PASSWORD, better)) == (True, None)


def test_without_a_user_and_with_a_broken_hash_the_answer_is_no(passwords: Passwords) -> None:
    for stored in (None, "", "$argon2id$nonsense"):
        assert asyncio.run(passwords.is_right(PASSWORD, stored)) == (False, None)


def test_what_nobodys_password_is_checked_against_takes_the_same_work(
    passwords: Passwords,
) -> None:
    assert extract_parameters(passwords._nobodys) == extract_parameters(
        hash_password(PASSWORD, QUICK_HASHER)
    )


def test_a_flood_of_logins_is_refused_before_it_piles_up(passwords: Passwords) -> None:
    async def flood() -> list[object]:
        tries = (passwords.is_right(PASSWORD, None) for _ in range(100))
        return list(await asyncio.gather(*tries, return_exceptions=True))

    answers = asyncio.run(flood())
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert 0 < len(refused) < 100
    assert asyncio.run(passwords.is_right(PASSWORD, None)) == (False, None)
