"""Who changed the Manager's own set-up: in the audit log, like changes of the farm."""

from __future__ import annotations

from flamenco_core.manager import Manager
from manager_service.routing import Call


async def record(call: Call, action: str, subject: str, **details: object) -> None:
    """Notes what a request has done to files. `details` never hold secrets."""
    actor = call.actor

    def note(manager: Manager) -> None:
        manager.record(actor, action, subject, **details)

    await call.service.farm.run(note)
