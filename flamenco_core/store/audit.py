"""Who did what: one row for each change, in the transaction of the change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flamenco_core.store.database import Statement, to_microseconds


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change."""

    name: str

    @classmethod
    def person(cls, name: str) -> Actor:
        return cls(f"person:{name}")

    @classmethod
    def service(cls, name: str) -> Actor:
        """A program, by the name of its token."""
        return cls(f"service:{name}")

    @classmethod
    def worker(cls, worker_id: str) -> Actor:
        return cls(f"worker:{worker_id}")


MANAGER = Actor("manager")
"""The Manager itself, as when a time-out strikes."""

_INSERT = Statement(
    "Records a change.",
    """INSERT INTO audit (at, actor, action, subject, details)
       VALUES (:at, :actor, :action, :subject, :details)""",
)


def record(
    db: sqlite3.Connection,
    actor: Actor,
    action: str,
    subject: str,
    *,
    now: datetime,
    details: Mapping[str, object] | None = None,
) -> None:
    """`action` is a verb such as `job.submit`, `subject` the UUID of what was changed."""
    _INSERT.run(
        db,
        at=to_microseconds(now),
        actor=actor.name,
        action=action,
        subject=subject,
        details=json.dumps(details or {}),
    )
