"""Names, passwords, roles and the ends of sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput, NotAllowed
from flamenco_core.model.accounts import UserRole
from flamenco_core.rules import accounts

NOW = datetime(2026, 2, 3, tzinfo=UTC)
ROLES = ["viewer", "artist", "wrangler", "admin"]


@pytest.mark.parametrize("higher", range(4))
@pytest.mark.parametrize("lower", range(4))
def test_a_role_may_do_what_lower_ones_may(higher: int, lower: int) -> None:
    one, other = UserRole(ROLES[higher]), UserRole(ROLES[lower])
    assert accounts.may(one, other) == (higher >= lower)
    assert accounts.lower_of(one, other) == UserRole(ROLES[min(higher, lower)])


@pytest.mark.parametrize(
    ("is_disabled", "is_last_admin", "impossible"),
    [
        (False, False, {"enable"}),
        (True, False, {"disable"}),
        (False, True, {"set-role", "disable", "enable", "delete"}),
        (True, True, {"set-role", "disable", "delete"}),
    ],
)
def test_what_may_be_done_with_an_account_depends_on_it_and_on_who_else_is_an_admin(
    is_disabled: bool, is_last_admin: bool, impossible: set[str]
) -> None:
    reason = accounts.refusal_of_last_admin("ann") if is_last_admin else ""
    choices = accounts.user_choices(is_disabled=is_disabled, last_admin=reason)
    assert {choice.action for choice in choices if not choice.is_possible} == impossible
    assert all(choice.is_possible == (choice.reason is None) for choice in choices)
    [deleting] = [choice.reason for choice in choices if choice.action == "delete"]
    assert deleting == (reason or None)


@given(st.text(max_size=80))
def test_a_name_is_refused_or_stays_the_same_from_then_on(text: str) -> None:
    try:
        name = accounts.user_name(text)
    except InvalidInput:
        return
    assert accounts.user_name(name) == name == name.strip().lower()
    assert name.isascii()
    assert "/" not in name


@pytest.mark.parametrize("password", ["", "eleven chars"[:11], "aaaaaaaabbbb", "x" * 1025])
def test_a_password_that_cannot_be_used_is_not_repeated_in_the_refusal(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.refuse_weak_password(password, name="ada")
    if password:
        assert password not in str(refused.value)


def test_the_name_is_no_password() -> None:
    with pytest.raises(InvalidInput, match="name of the user"):
        accounts.refuse_weak_password("Ada@Studio.example", name="ada@studio.example")


@pytest.mark.parametrize("password", ["twelve chars", "пароль из слов", "a b c d e f g h i j"])
def test_any_other_text_is_a_good_password(password: str) -> None:
    accounts.refuse_weak_password(password, name="ada")


def test_a_session_ends_three_days_after_its_last_use_and_a_month_after_its_begin() -> None:
    day = timedelta(days=1)
    assert accounts.session_end(created=NOW, used=NOW) == NOW + 3 * day
    assert accounts.session_end(created=NOW, used=NOW + 5 * day) == NOW + 8 * day
    assert accounts.session_end(created=NOW, used=NOW + 29 * day) == NOW + 30 * day


def test_a_token_has_its_makers_role_or_a_lower_one() -> None:
    artist, admin = UserRole.ARTIST, UserRole.ADMIN
    role = accounts.role_of_new_token
    assert role(None, own=artist, is_service=False) is artist
    assert role(UserRole.VIEWER, own=artist, is_service=False) is UserRole.VIEWER
    assert role(artist, own=admin, is_service=True) is artist
    with pytest.raises(NotAllowed):
        role(UserRole.WRANGLER, own=artist, is_service=False)
    with pytest.raises(NotAllowed):
        role(None, own=UserRole.WRANGLER, is_service=True)


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb"])
def test_a_token_says_what_it_is_for(name: str) -> None:
    with pytest.raises(InvalidInput):
        accounts.token_name(name)


@pytest.mark.parametrize("name", ["", "  ", "a" * (accounts.LONGEST_NAME + 1), "two\nlines"])
def test_a_token_says_in_a_line_what_it_is_for(name: str) -> None:
    assert accounts.token_name(" nightly renders ") == "nightly renders"
    with pytest.raises(InvalidInput, match="a token needs a name"):
        accounts.token_name(name)
