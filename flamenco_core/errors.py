"""Every error this project raises on purpose.

Each one says what is wrong, where, and what to do; several problems travel together in
`problems`. What a person or another program sees (HTTP status, exit code) is decided by the
program that catches the error, not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what somebody gave us."""

    where: str
    """The place: a JSON path such as `settings.frames`, a file and line, or a task's name."""
    what: str
    """What is wrong there, as a sentence."""
    hint: str = ""
    """What to do about it; empty if that is plain from `what`."""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text


class FlamencoError(Exception):
    """Base of all errors of this project."""

    def __init__(self, message: str, *, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """The message and all problems; what the message says already is not said again."""
        message = self.message
        texts = [str(problem) for problem in self.problems]
        if not texts:
            return message
        if len(texts) > 1:
            message = message.removesuffix(f": {texts[0]} (and {len(texts) - 1} more)")
        elif message.endswith(texts[0]):
            return message
        elif (what := self.problems[0].what) and message.endswith(what):
            return message.removesuffix(what) + texts[0]
        return "\n  ".join([f"{message}:", *texts])


class InvalidInput(FlamencoError):
    """What was given (a request, a file, a setting) cannot be used; `problems` names each fault."""


class NotFound(FlamencoError):
    """The job, task, worker, file or job type that was named does not exist."""


class Conflict(FlamencoError):
    """The request is well-formed, but the present state of the thing does not allow it."""


class WrongEtag(FlamencoError):
    """What somebody looked at before has changed since: a job type, the configuration, a script."""


class CompileError(InvalidInput):
    """A job type could not turn the submitted settings into tasks."""


class NotAllowed(FlamencoError):
    """Who asks may not do this: wrong credentials, or a role that is too low."""


class Unavailable(FlamencoError):
    """This cannot be done at the moment; the same request may succeed later."""


class FarmLocked(FlamencoError):
    """Another program has the farm file open for writing."""


class StorageError(FlamencoError):
    """A file, folder or database could not be read or written."""


def one_problem(where: str, what: str, hint: str = "") -> InvalidInput:
    """An `InvalidInput` for the common case of a single fault."""
    problem = Problem(where, what, hint)
    return InvalidInput(str(problem), problems=[problem])
