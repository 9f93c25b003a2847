"""Splitting a text into words as a shell does."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput
from flamenco_core.job_types.shell_words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  \t\n", []),
        ("--a b", ["--a", "b"]),
        ("one 'two three' \"four five\"", ["one", "two three", "four five"]),
        ("a''b \"\" ''", ["ab", "", ""]),
        (r"a\ b \"c", ["a b", '"c']),
        (r"'a\b'", [r"a\b"]),
        (r'"a\"b\n"', ['a"bn']),
        ("a # b\nc", ["a", "c"]),
        ("a#b '#c'", ["a#b", "#c"]),
    ],
)
def test_quotes_backslashes_and_comments_are_understood(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(("text", "what"), [("a 'b", "not closed"), ('"', "not closed")])
def test_an_open_quote_is_refused(text: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        split_words(text)


def test_a_backslash_at_the_end_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing behind the last backslash"):
        split_words("a \\")


@given(st.lists(st.text(max_size=8), max_size=5))
def test_quoted_words_come_out_as_they_went_in(words: list[str]) -> None:
    assert split_words(shlex.join(words)) == words
