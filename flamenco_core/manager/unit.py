"""What one decision works with while it is carried out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from flamenco_core.config import Config
from flamenco_core.events import Event, TasksBecameReady
from flamenco_core.rules.failure_classes import FailureClass
from flamenco_core.store import audit
from flamenco_core.store.audit import Actor
from flamenco_core.store.queues import ReadyChange


@dataclass(frozen=True, slots=True)
class Unit:
    """One moment, one actor, one transaction."""

    db: sqlite3.Connection
    now: datetime
    steady: datetime
    """The same moment on a clock that never jumps, for ages; see `steady_time`."""
    zone: tzinfo
    """The Manager's time zone."""
    actor: Actor
    config: Config
    failure_classes: Sequence[FailureClass]
    new_id: Callable[[], str]
    events: list[Event]
    """Published after the commit; dropped with the transaction."""

    def audit(self, action: str, subject: str, **details: object) -> None:
        self.audit_by(self.actor, action, subject, **details)

    def audit_by(self, actor: Actor, action: str, subject: str, **details: object) -> None:
        """For what follows from a request without being asked for."""
        audit.record(self.db, actor, action, subject, now=self.now, details=details)

    def announce(self, event: Event) -> None:
        self.events.append(event)

    def announce_ready(self, changes: Iterable[ReadyChange]) -> None:
        for change in changes:
            self.announce(
                TasksBecameReady(
                    task_class_id=change.task_class_id, tag_id=change.tag_id, count=change.count
                )
            )
