"""The variables as one worker gets them: a program that the farm has for it counts more than the
one-way variable of that name.
"""

from __future__ import annotations

from flamenco_core.manager.unit import Unit
from flamenco_core.model import Audience
from flamenco_core.provisioning import WorkerTraits, settings_for
from flamenco_core.store import tags
from flamenco_core.store.workers import StoredWorker
from flamenco_core.variables import VariableTable


def variables_of(unit: Unit, worker: StoredWorker) -> VariableTable:
    """What the placeholders in a worker's tasks stand for."""
    table = unit.config.variables_for(Audience.WORKERS, worker.platform)
    rules = unit.config.worker_rules
    if not rules:
        return table
    traits = WorkerTraits(
        uuid=worker.uuid,
        name=worker.name,
        platform=worker.platform,
        tags=tags.names_of_worker(unit.db, worker.id),
    )
    return table.with_oneway(settings_for(rules, traits, expand=table.expand).programs)
