"""Sentences of a Manager in the artist's language: it speaks English, with names filled in.

What it may say is known beforehand, with a place for each name; from such a form comes the
translation. A sentence that has none of these forms stays as it is.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ..language import tr

FORMS = (
    "worker {worker} is asked to become {status}",
    "worker {worker} has the status {status}",
    "worker {worker} takes no tasks of type {type}",
    "worker {worker} lacks {things}",
    "worker {worker} has no slot that takes {type} tasks and has {things}",
    "worker {worker} has no slot that takes {type} tasks",
    "worker {worker} failed too often at {type} tasks of this job",
    "worker {worker} has failed at every {type} task that is ready",
    "worker {worker} is {status}",
    "the job is {status}",
    "the job wants the tag {tag}, which {worker} has not",
    "no {type} task is waiting",
    "all {type} tasks wait for others of the job, are reserved or held back",
    "ask it to stay {status}",
    "wait until all of it is stored",
    "queue it again",
    "add {type} to the worker's task types",
    "use a worker that has it",
    "give one of its slots what is asked for",
    "give the worker the tag {tag}, or take it off the job",
    "take it off the job's block list",
    "nothing needs to be done",
    "wait until those are completed",
    "let another worker try, or queue the tasks again",
    "start its program",
    "wait until it has started",
    "wait until it wakes up, as it was asked to",
    "wake it up",
    "The job is being deleted.",
    "The job is archived, and cannot run again; submit it anew.",
    "The job is still becoming {status}; look again in a moment.",
)
"""Of two that a sentence may have, the first counts."""

_PLACE = re.compile(r"\\\{(\w+)\\\}")


def said(sentence: str) -> str:
    """The sentence in the artist's language, as far as it is known; on the main thread only."""
    form, names = read_form(sentence)
    return tr(form).format(**names) if form else tr(sentence)


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
