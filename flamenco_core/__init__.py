"""The engine of a render farm, for pipeline scripts and for the programs built on it.

The names below are the public ones; everything else may change from version to version. They are
imported on first use, so that `import flamenco_core` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flamenco_core.lazy_names import lazy_names

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
    from flamenco_core.config import (
        Config,
        ConfigFile,
        load_config,
    )
    from flamenco_core.errors import (
        CompileError,
        Conflict,
        FarmLocked,
        FlamencoError,
        InvalidInput,
        NotAllowed,
        NotFound,
        Problem,
        StorageError,
        Unavailable,
        WrongEtag,
    )
    from flamenco_core.events import (
        AccessChanged,
        AccountsChanged,
        Event,
        JobArchived,
        JobChanged,
        JobDeleted,
        JobDeletionRequested,
        JobUnsettled,
        LastRenderedChanged,
        TagChanged,
        TaskChanged,
        TaskLogAppended,
        TaskProgressed,
        TasksBecameReady,
        TasksChanged,
        WorkerChanged,
        WorkerDeleted,
        WorkerRegistered,
        WorkerScheduleChanged,
        WorkerStatusRequested,
        WorkerTagsChanged,
    )
    from flamenco_core.frames import (
        FrameRange,
        frame_chunks,
        frame_count,
        parse_frames,
    )
    from flamenco_core.job_types.authoring import (
        AuthoredJob,
        AuthoredTask,
        EvalInfo,
        JobType,
        Setting,
    )
    from flamenco_core.manager import (
        MANAGER,
        Actor,
        BackupReport,
        Finding,
        Manager,
        MustChangeStatus,
        NoTask,
        PlannedTask,
        UpdateAnswer,
        WhyNot,
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
        JobPriorityChange,
        JobsActionRequest,
        JobStatusChange,
        JobStorageInfo,
        JobTagChange,
        Platform,
        SubmittedJob,
        Task,
        TaskAction,
        TaskActionRequest,
        TasksActionRequest,
        TaskStatusChange,
        TaskSummary,
        TaskUpdate,
        Worker,
        WorkerAction,
        WorkerActionRequest,
        WorkerRegistration,
        WorkersActionRequest,
        WorkerSignOn,
        WorkerSleepSchedule,
        WorkerStatusChangeRequest,
        WorkerSummary,
        WorkerTag,
        WorkerTagChangeRequest,
    )
    from flamenco_core.model.block_lists import JobBlocklistEntry, WorkerBlock
    from flamenco_core.statuses import (
        JobStatus,
        TaskStatus,
        WorkerStatus,
    )
    from flamenco_core.variables import (
        Variable,
        Variables,
        VariableTable,
        VariableValue,
    )

__all__ = [
    "MANAGER",
    "AccessChanged",
    "AccountsChanged",
    "Actor",
    "AssignedTask",
    "Audience",
    "AuthoredJob",
    "AuthoredTask",
    "AvailableJobType",
    "BackupReport",
    "Command",
    "CompileError",
    "Config",
    "ConfigFile",
    "Conflict",
    "EvalInfo",
    "Event",
    "EventStream",
    "FarmEvent",
    "FarmLocked",
    "Finding",
    "FlamencoError",
    "FrameRange",
    "InvalidInput",
    "Job",
    "JobAction",
    "JobActionRequest",
    "JobArchived",
    "JobBlocklistEntry",
    "JobChanged",
    "JobDeleted",
    "JobDeletionRequested",
    "JobPriorityChange",
    "JobStatus",
    "JobStatusChange",
    "JobStorageInfo",
    "JobTagChange",
    "JobType",
    "JobUnsettled",
    "JobsActionRequest",
    "LastRenderedChanged",
    "Manager",
    "ManagerClient",
    "ManagerRefused",
    "ManagerUnreachable",
    "MustChangeStatus",
    "NoTask",
    "NotAllowed",
    "NotFound",
    "PlannedTask",
    "Platform",
    "Problem",
    "ReadAgain",
    "Setting",
    "StatusChangeRequested",
    "StorageError",
    "SubmittedJob",
    "TagChanged",
    "Task",
    "TaskAction",
    "TaskActionRequest",
    "TaskChanged",
    "TaskLogAppended",
    "TaskProgressed",
    "TaskStatus",
    "TaskStatusChange",
    "TaskSummary",
    "TaskUpdate",
    "TasksActionRequest",
    "TasksBecameReady",
    "TasksChanged",
    "Unavailable",
    "UpdateAnswer",
    "Variable",
    "VariableTable",
    "VariableValue",
    "Variables",
    "WhyNot",
    "Worker",
    "WorkerAction",
    "WorkerActionRequest",
    "WorkerBlock",
    "WorkerChanged",
    "WorkerDeleted",
    "WorkerRegistered",
    "WorkerRegistration",
    "WorkerScheduleChanged",
    "WorkerSignOn",
    "WorkerSleepSchedule",
    "WorkerStatus",
    "WorkerStatusChangeRequest",
    "WorkerStatusRequested",
    "WorkerSummary",
    "WorkerTag",
    "WorkerTagChangeRequest",
    "WorkerTagsChanged",
    "WorkersActionRequest",
    "WrongEtag",
    "frame_chunks",
    "frame_count",
    "load_config",
    "parse_frames",
    "verify_backup",
]

_MODULES = {
    "client": (
        "EventStream FarmEvent ManagerClient ManagerRefused ManagerUnreachable ReadAgain "
        "StatusChangeRequested"
    ),
    "config": "Config ConfigFile load_config",
    "errors": (
        "CompileError Conflict FarmLocked FlamencoError InvalidInput NotAllowed NotFound "
        "Problem StorageError Unavailable WrongEtag"
    ),
    "events": (
        "AccessChanged AccountsChanged Event JobArchived JobChanged JobDeleted "
        "JobDeletionRequested JobUnsettled LastRenderedChanged TagChanged TaskChanged "
        "TaskLogAppended TaskProgressed TasksBecameReady TasksChanged WorkerChanged "
        "WorkerDeleted WorkerRegistered WorkerScheduleChanged WorkerStatusRequested "
        "WorkerTagsChanged"
    ),
    "frames": "FrameRange frame_chunks frame_count parse_frames",
    "job_types.authoring": "AuthoredJob AuthoredTask EvalInfo JobType Setting",
    "manager": (
        "MANAGER Actor BackupReport Finding Manager MustChangeStatus NoTask PlannedTask "
        "UpdateAnswer WhyNot verify_backup"
    ),
    "model": (
        "AssignedTask Audience AvailableJobType Command Job JobAction JobActionRequest "
        "JobPriorityChange JobStatusChange JobStorageInfo JobTagChange JobsActionRequest "
        "Platform SubmittedJob Task TaskAction TaskActionRequest TaskStatusChange TaskSummary "
        "TaskUpdate TasksActionRequest Worker WorkerAction WorkerActionRequest "
        "WorkerRegistration WorkerSignOn WorkerSleepSchedule WorkerStatusChangeRequest "
        "WorkerSummary WorkerTag WorkerTagChangeRequest WorkersActionRequest"
    ),
    "model.block_lists": "JobBlocklistEntry WorkerBlock",
    "statuses": "JobStatus TaskStatus WorkerStatus",
    "variables": "Variable VariableTable VariableValue Variables",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _MODULES)
