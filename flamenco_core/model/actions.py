"""The names of what people can ask of jobs, tasks and workers, and admins of accounts.

Which action is possible when stands in `flamenco_core.rules.actions`, and of accounts in
`flamenco_core.rules.accounts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobAction(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    REQUEUE = "requeue"
    """Queue what is not done again, or all of a completed job; a paused one goes on."""
    COMPILE_AGAIN = "compile-again"
    """Queue it from the start with new tasks, as its job type makes them now."""
    REQUEUE_FAILED = "requeue-failed"
    """Queue only its failed tasks again."""
    ARCHIVE = "archive"
    DELETE = "delete"
    SET_PRIORITY = "set-priority"
    SET_TAG = "set-tag"
    SET_OVERRIDES = "set-rna-overrides"


class TaskAction(StrEnum):
    CANCEL = "cancel"
    REQUEUE = "requeue"


class WorkerAction(StrEnum):
    WAKE = "wake"
    SLEEP = "sleep"
    PAUSE = "pause"
    """Finish what it has, take nothing more: to sleep lazily."""
    SHUT_DOWN = "shut-down"
    RESTART = "restart"
    WITHDRAW = "withdraw"
    """Take back what was asked of it and has not happened yet."""
    DELETE = "delete"


class UserAction(StrEnum):
    """What admins do with an account."""

    SET_ROLE = "set-role"
    DISABLE = "disable"
    ENABLE = "enable"
    SET_PASSWORD = "set-password"  # noqa: S105 - the name of an action
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChoice:
    """An action, and whether it can be taken now."""

    action: str
    is_possible: bool
    reason: str | None = None
    """Why it is not possible; absent if it is."""
