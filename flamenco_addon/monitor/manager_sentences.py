"""Sentences of a Manager in the artist's language: it speaks English, with names filled in.

What it may say is known beforehand, with a place for each name (`sentence_forms`); from such a form
comes the translation. A sentence that has none of these forms stays as it is. What this extension
says on threads of its own goes the same way, since only the main thread may translate.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ..language import tr
from .sentence_forms import FORMS, NESTED

_PLACE = re.compile(r"\\\{(\w+)\\\}")
_END = re.compile(r"(?<=\.) (?=[A-Z0-9])")


def said(sentence: str) -> str:
    """The sentence in the artist's language, as far as it is known; on the main thread only."""
    if not sentence:
        return ""
    form, names = read_form(sentence)
    if not form:
        return tr(sentence)
    told = {name: said(text) if name in NESTED else text for name, text in names.items()}
    return tr(form).format(**told)


def said_all(sentences: str) -> str:
    """The same with several sentences, one after the other."""
    return " ".join(said(each) for each in _END.split(sentences))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (form, re.compile(_PLACE.sub(r"(?P<\1>.+?)", re.escape(form)), re.DOTALL)) for form in FORMS
    )


@lru_cache(maxsize=500)
def read_form(sentence: str) -> tuple[str, dict[str, str]]:
    """The form of a sentence, and what is filled in; the form is empty if it has none of these."""
    for form, pattern in _patterns():
        match = pattern.fullmatch(sentence)
        if match is not None:
            return form, match.groupdict()
    return "", {}
