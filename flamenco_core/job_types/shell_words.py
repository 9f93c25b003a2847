"""Splits a text into words as a POSIX shell does, as far as Flamenco 3 goes with that.

Unlike in Python's `shlex`, a `#` begins a comment only where a word could begin, and a backslash
between double quotes makes any character stand for itself.
"""

from __future__ import annotations

from flamenco_core.errors import InvalidInput

_BLANKS = " \t\r\n"


def split_words(text: str) -> list[str]:
    """The words of `text`, without their quotes.

    Raises:
        InvalidInput: a quote is not closed, or a backslash has nothing behind it.
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    characters = iter(text)
    for char in characters:
        if char == "\\" and quote != "'":
            escaped = next(characters, "")
            if not escaped:
                raise InvalidInput(f"There is nothing behind the last backslash in: {text}")
            word = (word or "") + escaped
        elif quote:
            word, quote = (word, "") if char == quote else ((word or "") + char, quote)
        elif char in "'\"":
            word, quote = word or "", char
        elif char in _BLANKS:
            if word is not None:
                words.append(word)
            word = None
        elif char == "#" and word is None:
            for skipped in characters:
                if skipped == "\n":
                    break
        else:
            word = (word or "") + char
    if quote:
        raise InvalidInput(f"A quote ({quote}) is opened and not closed in: {text}")
    return words if word is None else [*words, word]
