"""Why a task failed, told from the end of its log, and what to do about it.

A class is data: patterns, a policy, and a sentence for the artist. A studio adds its own in a YAML
file, before the built-in ones; one with the name of a built-in class takes its place:

    texture-server:
      patterns: ["cannot reach the texture server"]
      policy: wait
      wait: 10m
      times: 6
      sentence: The texture server did not answer.

A pattern is a regular expression, looked for in one line at a time, whatever its capitals. The
first class that has one in the last lines of the log is the one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from flamenco_core.config.document import Entry, parse_document
from flamenco_core.durations import parse_duration
from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.rules.pattern_safety import repeats_a_repetition

T = TypeVar("T")

LINES = 100
"""How much of a log's end is looked at."""
LINE_LENGTH = 1000
"""Characters of a line that are looked at, so that no pattern takes long."""
MOST_TIMES = 1000


class FailurePolicy(StrEnum):
    """What follows from a failure of a class."""

    TRY_ELSEWHERE = "try-elsewhere"
    """Another worker may do better; the usual rules say how often."""
    FATAL = "fatal"
    """It would fail anywhere: no other worker is tried, and none is blamed."""
    WAIT = "wait"
    """It is nobody's fault and passes: the task is queued again after a while, some times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClass:
    name: str
    patterns: tuple[re.Pattern[str], ...]
    policy: FailurePolicy
    sentence: str
    """What an artist reads: what happened, and what to do."""
    wait: timedelta = timedelta(0)
    times: int = 0
    """How often a task waits; after that it fails like any other."""


def classify(tail: str, classes: Iterable[FailureClass]) -> FailureClass | None:
    """The first class that the end of a log shows; None if it shows none."""
    lines = [line[:LINE_LENGTH] for line in tail.splitlines()[-LINES:]]
    for failure_class in classes:
        for pattern in failure_class.patterns:
            if any(pattern.search(line) for line in lines):
                return failure_class
    return None


def policy_after(failure_class: FailureClass, waited: int) -> FailurePolicy:
    """The policy for a task that has waited so often because of this class."""
    if failure_class.policy is FailurePolicy.WAIT and waited >= failure_class.times:
        return FailurePolicy.TRY_ELSEWHERE
    return failure_class.policy


def parse_failure_classes(text: str, *, name: str) -> tuple[FailureClass, ...]:
    """A studio's classes from YAML, and the built-in ones that they leave in place.

    Raises:
        InvalidInput: with every problem in the text, each with its line; `name` is the file's.
    """
    document, problems = parse_document(text, name)
    reader = _Reader(problems)
    members = document.members
    if members is None:
        reader.complain(document, "must name failure classes, each with its settings")
        members = {}
    classes = [reader.failure_class(key, entry) for key, entry in members.items()]
    if reader.problems:
        raise InvalidInput(f"{name} has mistakes", problems=reader.problems)
    own = [found for found in classes if found is not None]
    replaced = {found.name for found in own}
    return (*own, *(built_in for built_in in BUILT_IN if built_in.name not in replaced))


_REQUIRED = ("patterns", "policy", "sentence")
_FOR_WAITING = ("wait", "times")


class _Reader:
    """Collects what is wrong while it reads."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = [*problems]

    def complain(self, entry: Entry, what: str, hint: str = "") -> None:
        self.problems.append(Problem(entry.place, what, hint))

    def failure_class(self, name: str, entry: Entry) -> FailureClass | None:
        """None if something is missing or wrong, which has been noted."""
        members = entry.members
        if members is None:
            self.complain(entry, f"{name} must have the settings {', '.join(_REQUIRED)}")
            return None
        before = len(self.problems)
        for key, member in members.items():
            if key not in (*_REQUIRED, *_FOR_WAITING):
                known = ", ".join((*_REQUIRED, *_FOR_WAITING))
                self.complain(member, f"{name}.{key} is not known", f"there are {known}")
        for key in _REQUIRED:
            if key not in members:
                self.complain(entry, f"{name} needs {key}")
        policy = self._read(name, members, "policy", _policy, FailurePolicy.TRY_ELSEWHERE)
        for key in _FOR_WAITING:
            if policy is FailurePolicy.WAIT and key not in members:
                self.complain(entry, f"{name} waits, and needs {key}")
            if policy is not FailurePolicy.WAIT and key in members:
                self.complain(members[key], f"{name}.{key} is only for the policy wait")
        found = FailureClass(
            name=name,
            policy=policy,
            patterns=self._read(name, members, "patterns", _patterns, ()),
            sentence=self._read(name, members, "sentence", _sentence, ""),
            wait=self._read(name, members, "wait", _wait, timedelta(0)),
            times=self._read(name, members, "times", _times, 0),
        )
        return found if len(self.problems) == before else None

    def _read(
        self,
        name: str,
        members: Mapping[str, Entry],
        key: str,
        read: Callable[[Entry], T],
        default: T,
    ) -> T:
        if key not in members:
            return default
        try:
            return read(members[key])
        except ValueError as error:
            self.complain(members[key], f"{name}.{key} {error}")
        except InvalidInput as error:
            self.complain(members[key], f"{name}.{key}: {error.message}")
        return default


def _policy(entry: Entry) -> FailurePolicy:
    try:
        return FailurePolicy(str(entry.value))
    except ValueError:
        raise ValueError(f"must be one of {', '.join(FailurePolicy)}") from None


def _patterns(entry: Entry) -> tuple[re.Pattern[str], ...]:
    items = entry.value
    if not isinstance(items, list) or not items:
        raise ValueError("must be a list of regular expressions")
    return tuple(_pattern(item) for item in items)


def _pattern(entry: Entry) -> re.Pattern[str]:
    if not isinstance(entry.value, str) or not entry.value:
        raise ValueError(f"must be a list of texts, and has {entry.value!r}")
    try:
        pattern = re.compile(entry.value, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"has {entry.value!r}, which is no regular expression: {error}") from None
    if repeats_a_repetition(pattern):
        raise ValueError(
            f"has {entry.value!r}, which could take for ever on some lines: it repeats something "
            "that holds a repetition or a choice; write it without one of the two"
        )
    return pattern


def _sentence(entry: Entry) -> str:
    if not isinstance(entry.value, str) or not entry.value.strip():
        raise ValueError("must be a text")
    return entry.value.strip()


def _wait(entry: Entry) -> timedelta:
    wait = parse_duration(entry.text)
    if wait <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return wait


def _times(entry: Entry) -> int:
    if type(entry.value) is not int or not 1 <= entry.value <= MOST_TIMES:
        raise ValueError(f"must be a whole number from 1 to {MOST_TIMES}")
    return entry.value


def _built_in(
    name: str,
    policy: FailurePolicy,
    sentence: str,
    patterns: Sequence[str],
    *,
    wait: timedelta = timedelta(0),
    times: int = 0,
) -> FailureClass:
    return FailureClass(
        name=name,
        policy=policy,
        sentence=sentence,
        patterns=tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns),
        wait=wait,
        times=times,
    )


BUILT_IN: tuple[FailureClass, ...] = (
    _built_in(
        "licence",
        FailurePolicy.WAIT,
        "No licence was free for a program or plug-in that this task needs; it waits for one.",
        [
            r"licen[cs]e server.*(down|not respond|unreachable|unavailable|could not be)",
            r"licen[cs]es?\b.*\b(in use|checked out|exceeded|not available|unavailable)",
            r"(failed|unable|could not|cannot) (to )?(check ?out|acquire|obtain|get) .*licen[cs]e",
            r"\bno ((free|floating|valid) )?licen[cs]es? (is |are )?(available|left|found)",
            r"licen[cs]e (check ?out|request) (failed|timed out|was denied)",
            r"licen[cs]e server (is )?(busy|overloaded)|\bno licen[cs]e server",
            r"licensed number of users already reached",
        ],
        wait=timedelta(minutes=5),
        times=24,
    ),
    _built_in(
        "disk-full",
        FailurePolicy.WAIT,
        "A disk is full, so that nothing can be written; the task waits until there is room.",
        [
            r"no space left on device",
            r"not enough space on the disk",
            r"\berrno 28\b",
            r"\[winerror 112\]",
            r"disk quota exceeded",
        ],
        wait=timedelta(minutes=10),
        times=12,
    ),
    _built_in(
        "out-of-memory",
        FailurePolicy.TRY_ELSEWHERE,
        "The worker ran out of memory; a machine with more may do it, or a lighter scene.",
        [
            r"out of (\w+ )?memory",
            r"CUDA_ERROR_OUT_OF_MEMORY|hipErrorOutOfMemory",
            r"\bstd::bad_alloc\b",
            r"^(Error: )?(Python: )?MemoryError\b",
            r"[mc]alloc returns null",
            r"cannot allocate memory",
        ],
    ),
    _built_in(
        "no-gpu",
        FailurePolicy.TRY_ELSEWHERE,
        "The worker has no graphics card that this render can use; another one may have.",
        [
            r"CUDA_ERROR_(NO_DEVICE|INVALID_DEVICE|UNKNOWN)|hipErrorNoDevice",
            r"no (CUDA|OptiX|HIP|oneAPI|Metal)[- ](capable )?devices?",
            r"no (compatible |supported )?(GPU|graphics|compute) ?(card|device)s? (w\w+ )?found",
            r"no (compatible|supported) GPUs? (w\w+ )?found",
            r"(failed|unable) to (create|initiali[sz]e) (a |the )?(CUDA|OptiX|HIP|GPU|EGL|OpenGL)",
            r"unable to open a display",
        ],
    ),
    _built_in(
        "missing-file",
        FailurePolicy.TRY_ELSEWHERE,
        "A file is missing on the worker: check that it was sent along, and that the worker "
        "has the shared storage.",
        [
            r"cannot (read|open|find) (file|the file)\b.*",
            r"no such file or directory",
            r"the system cannot find the (file|path) specified",
            r"\bFileNotFoundError\b",
            r"python file .* could not be opened",
            r"file .* (does not exist|not found)",
        ],
    ),
    _built_in(
        "missing-module",
        FailurePolicy.TRY_ELSEWHERE,
        "A Python module or add-on is missing on the worker; another one may have it.",
        [r"^(Error: )?(Python: )?(ModuleNotFoundError|ImportError)\b"],
    ),
    _built_in(
        "python-error",
        FailurePolicy.FATAL,
        "A script of the scene or of the job has a mistake, and would fail on every worker.",
        [
            r"^(Error: )?(Python: )?(Syntax|Indentation|Tab|Name|UnboundLocal|Attribute)Error\b",
            r"^(Error: )?(Python: )?(Type|Value|Key|Index|ZeroDivision|Assertion)Error\b",
            r"^Error: script failed, ",
        ],
    ),
)
"""In this order: what passes by itself first, the general last."""
