"""The engine of a farm behind one façade, `Manager`."""

from flamenco_core.manager.backups import BackupReport, verify_backup
from flamenco_core.manager.facade import Manager
from flamenco_core.manager.forecast import PlannedTask, WhyNot
from flamenco_core.manager.hand_out import NoTask
from flamenco_core.manager.task_updates import UpdateAnswer
from flamenco_core.manager.upkeep import Finding
from flamenco_core.rules.scheduling import MustChangeStatus
from flamenco_core.store.audit import MANAGER, Actor

__all__ = [
    "MANAGER",
    "Actor",
    "BackupReport",
    "Finding",
    "Manager",
    "MustChangeStatus",
    "NoTask",
    "PlannedTask",
    "UpdateAnswer",
    "WhyNot",
    "verify_backup",
]
