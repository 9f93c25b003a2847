"""The engine of a render farm, for pipeline scripts and for the programs built on it.

The names below are the public ones; everything else may change from version to version. They are
imported on first use, so that `import flamenco_core` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flamenco_core.client import (
        EventStream,
        FarmEvent,
        ManagerClient,
        ManagerRefused,
        ManagerUnreachable,
        ReadAgain,
        StatusChangeRequested,
    )
    from flamenco_core.config import Config, ConfigFile, load_config
    from flamenco_core.errors import (
        Conflict,
        FarmLocked,
        FlamencoError,
        InvalidInput,
        NotFound,
        Problem,
        StorageError,
        Unavailable,
        WrongEtag,
    )
    from flamenco_core.manager import (
        Actor,
        BackupReport,
        Finding,
        Manager,
        MustChangeStatus,
        NoTask,
        UpdateAnswer,
        verify_backup,
    )
    from flamenco_core.model import (
        AssignedTask,
        Audience,
        AvailableJobType,
        Command,
        Job,
        JobAction,
        JobActionRequest,
        JobsActionRequest,
        SubmittedJob,
        Task,
        TaskAction,
        TaskActionRequest,
        TasksActionRequest,
        TaskSummary,
        TaskUpdate,
        WorkerAction,
        WorkerActionRequest,
        WorkerRegistration,
        WorkersActionRequest,
        WorkerSignOn,
    )
    from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

_PUBLIC = {
    "flamenco_core.client": (
        *("EventStream", "FarmEvent", "ManagerClient", "ManagerRefused", "ManagerUnreachable"),
        *("ReadAgain", "StatusChangeRequested"),
    ),
    "flamenco_core.config": ("Config", "ConfigFile", "load_config"),
    "flamenco_core.errors": (
        *("Conflict", "FarmLocked", "FlamencoError", "InvalidInput", "NotFound", "Problem"),
        *("StorageError", "Unavailable", "WrongEtag"),
    ),
    "flamenco_core.manager": (
        *("Actor", "BackupReport", "Finding", "Manager", "MustChangeStatus", "NoTask"),
        *("UpdateAnswer", "verify_backup"),
    ),
    "flamenco_core.model": (
        *("AssignedTask", "Audience", "AvailableJobType", "Command", "Job", "SubmittedJob", "Task"),
        *("JobAction", "JobActionRequest", "JobsActionRequest", "TaskAction", "TaskActionRequest"),
        *("TasksActionRequest", "WorkerAction", "WorkerActionRequest", "WorkersActionRequest"),
        *("TaskSummary", "TaskUpdate", "WorkerRegistration", "WorkerSignOn"),
    ),
    "flamenco_core.statuses": ("JobStatus", "TaskStatus", "WorkerStatus"),
}
_HOMES = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = [
    "Actor",
    "AssignedTask",
    "Audience",
    "AvailableJobType",
    "BackupReport",
    "Command",
    "Config",
    "ConfigFile",
    "Conflict",
    "EventStream",
    "FarmEvent",
    "FarmLocked",
    "Finding",
    "FlamencoError",
    "InvalidInput",
    "Job",
    "JobAction",
    "JobActionRequest",
    "JobStatus",
    "JobsActionRequest",
    "Manager",
    "ManagerClient",
    "ManagerRefused",
    "ManagerUnreachable",
    "MustChangeStatus",
    "NoTask",
    "NotFound",
    "Problem",
    "ReadAgain",
    "StatusChangeRequested",
    "StorageError",
    "SubmittedJob",
    "Task",
    "TaskAction",
    "TaskActionRequest",
    "TaskStatus",
    "TaskSummary",
    "TaskUpdate",
    "TasksActionRequest",
    "Unavailable",
    "UpdateAnswer",
    "WorkerAction",
    "WorkerActionRequest",
    "WorkerRegistration",
    "WorkerSignOn",
    "WorkerStatus",
    "WorkersActionRequest",
    "WrongEtag",
    "load_config",
    "verify_backup",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
