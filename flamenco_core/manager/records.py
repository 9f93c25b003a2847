"""The part of `Manager` that keeps what people said of its pages, and forgets old records."""

from __future__ import annotations

from flamenco_core.manager import saved_queries
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.model.saved_queries import SavedQuery, SavedQueryChange
from flamenco_core.rules import timeouts
from flamenco_core.store import audit_list, farm
from flamenco_core.store.audit import MANAGER, Actor
from flamenco_core.store.saved_queries import EVERYBODY

AUDIT_ROWS_AT_ONCE = 1000
"""As many are dropped in one transaction, which keeps it well below 50 ms."""


class Records(OpenFarm):
    """Saved queries, whether the set-up assistant is wanted, and the age of the audit log."""

    def skip_set_up(self, *, actor: Actor) -> None:
        """From now on nobody is asked to set this farm up; the assistant can still be used."""
        with self._unit(actor) as unit:
            farm.skip_set_up(unit.db, now=unit.now)
            unit.audit("configuration.skip-set-up", "")

    def save_query(
        self, change: SavedQueryChange, *, is_shared: bool = False, actor: Actor
    ) -> SavedQuery:
        """Keeps a query for the actor, or for everybody.

        Raises:
            InvalidInput: with everything in it that its list does not take.
            Conflict: if there is one of this name.
        """
        with self._unit(actor) as unit:
            return saved_queries.save(unit, _owner(actor, is_shared), change)

    def replace_query(
        self, query_id: str, change: SavedQueryChange, *, is_shared: bool = False, actor: Actor
    ) -> SavedQuery:
        """Changes a query of the actor, or of everybody. Raises what `save_query` does."""
        with self._unit(actor) as unit:
            return saved_queries.replace(unit, query_id, _owner(actor, is_shared), change)

    def delete_query(self, query_id: str, *, is_shared: bool = False, actor: Actor) -> None:
        """Drops a query of the actor, or of everybody."""
        with self._unit(actor) as unit:
            saved_queries.delete(unit, query_id, _owner(actor, is_shared))

    def forget_old_audit(self) -> int:
        """Drops some of the audit log from before `audit_retention`; returns how many rows.

        Nothing in the first minutes of a run: a machine's clock may be years off until it is set.
        """
        age = self.config.audit_retention
        if not age or not timeouts.may_look(self._steady.running_for):
            return 0
        with self._unit(MANAGER) as unit:
            return audit_list.forget(unit.db, unit.now - age, limit=AUDIT_ROWS_AT_ONCE)


def _owner(actor: Actor, is_shared: bool) -> str:
    return EVERYBODY if is_shared else actor.name
