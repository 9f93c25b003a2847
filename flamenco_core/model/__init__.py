"""What a farm is made of, as it travels between programs.

The fields carry the names of the wire (Flamenco 3's API where it has the field), `None` means
"absent". Fields that Flamenco 3 does not know are optional, so that its clients are not disturbed.


Each module is imported when a name of it is first asked for: most programs need a few of them only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flamenco_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from flamenco_core.model.accounts import (
        CallerKind,
        CreatedToken,
        Login,
        NewPassword,
        NewToken,
        NewUser,
        PasswordChange,
        Token,
        TokenList,
        User,
        UserChange,
        UserList,
        UserRole,
        WhoAmI,
    )
    from flamenco_core.model.action_requests import (
        ActionRefusals,
        ActionReport,
        ActionResult,
        JobActionRequest,
        JobsActionRequest,
        TaskActionRequest,
        TasksActionRequest,
        WorkerActionRequest,
        WorkersActionRequest,
    )
    from flamenco_core.model.actions import (
        ActionChoice,
        JobAction,
        TaskAction,
        UserAction,
        WorkerAction,
    )
    from flamenco_core.model.events import (
        EventAccountsUpdate,
        EventJobUpdate,
        EventLastRenderedUpdate,
        EventLifeCycle,
        EventTaskLogUpdate,
        EventTasksUpdate,
        EventTaskUpdate,
        EventWorkerTagUpdate,
        EventWorkerUpdate,
        LifeCycleEventType,
    )
    from flamenco_core.model.finding import FoundId, FoundIds, IdKind
    from flamenco_core.model.following import (
        FollowAlive,
        FollowedEvent,
        FollowEvents,
        FollowHello,
        FollowOperation,
        FollowRefusal,
        FollowRequest,
        FollowReread,
        FollowTopics,
    )
    from flamenco_core.model.forecast import (
        FarmPlan,
        JobPlan,
        JobWhyNot,
        PlannedHandOut,
        WhyNotCount,
        WhyNotReason,
        WhyNotTasks,
        WorkerWhyNot,
    )
    from flamenco_core.model.job_types import (
        AvailableJobSetting,
        AvailableJobType,
        AvailableJobTypes,
        SettingEvalInfo,
        SettingSubtype,
        SettingType,
        SettingVisibility,
    )
    from flamenco_core.model.jobs import (
        DEFAULT_PRIORITY,
        HIGHEST_PRIORITY,
        LOWEST_PRIORITY,
        Job,
        JobDeletionInfo,
        JobLastRenderedImageInfo,
        JobMassDeletionInfo,
        JobMassDeletionSelection,
        JobMetadataKeys,
        JobMetadataValues,
        JobPriorityChange,
        JobRnaOverrides,
        JobsQueryResult,
        JobStatusChange,
        JobStorageInfo,
        JobTagChange,
        SubmittedJob,
    )
    from flamenco_core.model.manager import (
        Audience,
        Error,
        ErrorProblem,
        FarmStatusReport,
        FlamencoVersion,
        ManagerConfiguration,
        ManagerVariable,
        Platform,
        SharedStorageLocation,
    )
    from flamenco_core.model.network import CertificateReport, NetworkReport
    from flamenco_core.model.shaman import (
        ShamanCheckout,
        ShamanCheckoutResult,
        ShamanFileSpec,
        ShamanFileSpecWithStatus,
        ShamanFileStatus,
        ShamanRequirementsRequest,
        ShamanRequirementsResponse,
        ShamanSingleFileStatus,
    )
    from flamenco_core.model.statistics import (
        AttemptList,
        FarmOverview,
        FrameStatistics,
        FrameStatisticsList,
        HostPoint,
        HostPoints,
        HostSamples,
        JobStatistics,
        KindStatistics,
        KindStatisticsList,
    )
    from flamenco_core.model.tasks import (
        Command,
        JobTasksSummary,
        Task,
        TaskFailure,
        TaskLogInfo,
        TaskStatusChange,
        TaskSummary,
        TaskWorker,
    )
    from flamenco_core.model.worker_protocol import (
        AssignedTask,
        HeldTask,
        HostSample,
        MayKeepRunning,
        NextTask,
        ProvisionedSettings,
        RegisteredWorker,
        ReportedUpdate,
        TaskReport,
        TaskReportAnswer,
        TaskRequest,
        TaskStatistics,
        TaskUpdate,
        UpdateOutcome,
        WorkerAbilities,
        WorkerRegistration,
        WorkerSignOn,
        WorkerSlot,
        WorkerStateChange,
        WorkerStateChanged,
    )
    from flamenco_core.model.workers import (
        LastTask,
        Worker,
        WorkerList,
        WorkerSleepSchedule,
        WorkerStatusChangeRequest,
        WorkerSummary,
        WorkerTag,
        WorkerTagChangeRequest,
        WorkerTagList,
        WorkerTask,
    )

__all__ = [
    "DEFAULT_PRIORITY",
    "HIGHEST_PRIORITY",
    "LOWEST_PRIORITY",
    "ActionChoice",
    "ActionRefusals",
    "ActionReport",
    "ActionResult",
    "AssignedTask",
    "AttemptList",
    "Audience",
    "AvailableJobSetting",
    "AvailableJobType",
    "AvailableJobTypes",
    "CallerKind",
    "CertificateReport",
    "Command",
    "CreatedToken",
    "Error",
    "ErrorProblem",
    "EventAccountsUpdate",
    "EventJobUpdate",
    "EventLastRenderedUpdate",
    "EventLifeCycle",
    "EventTaskLogUpdate",
    "EventTaskUpdate",
    "EventTasksUpdate",
    "EventWorkerTagUpdate",
    "EventWorkerUpdate",
    "FarmOverview",
    "FarmPlan",
    "FarmStatusReport",
    "FlamencoVersion",
    "FollowAlive",
    "FollowEvents",
    "FollowHello",
    "FollowOperation",
    "FollowRefusal",
    "FollowRequest",
    "FollowReread",
    "FollowTopics",
    "FollowedEvent",
    "FoundId",
    "FoundIds",
    "FrameStatistics",
    "FrameStatisticsList",
    "HeldTask",
    "HostPoint",
    "HostPoints",
    "HostSample",
    "HostSamples",
    "IdKind",
    "Job",
    "JobAction",
    "JobActionRequest",
    "JobDeletionInfo",
    "JobLastRenderedImageInfo",
    "JobMassDeletionInfo",
    "JobMassDeletionSelection",
    "JobMetadataKeys",
    "JobMetadataValues",
    "JobPlan",
    "JobPriorityChange",
    "JobRnaOverrides",
    "JobStatistics",
    "JobStatusChange",
    "JobStorageInfo",
    "JobTagChange",
    "JobTasksSummary",
    "JobWhyNot",
    "JobsActionRequest",
    "JobsQueryResult",
    "KindStatistics",
    "KindStatisticsList",
    "LastTask",
    "LifeCycleEventType",
    "Login",
    "ManagerConfiguration",
    "ManagerVariable",
    "MayKeepRunning",
    "NetworkReport",
    "NewPassword",
    "NewToken",
    "NewUser",
    "NextTask",
    "PasswordChange",
    "PlannedHandOut",
    "Platform",
    "ProvisionedSettings",
    "RegisteredWorker",
    "ReportedUpdate",
    "SettingEvalInfo",
    "SettingSubtype",
    "SettingType",
    "SettingVisibility",
    "ShamanCheckout",
    "ShamanCheckoutResult",
    "ShamanFileSpec",
    "ShamanFileSpecWithStatus",
    "ShamanFileStatus",
    "ShamanRequirementsRequest",
    "ShamanRequirementsResponse",
    "ShamanSingleFileStatus",
    "SharedStorageLocation",
    "SubmittedJob",
    "Task",
    "TaskAction",
    "TaskActionRequest",
    "TaskFailure",
    "TaskLogInfo",
    "TaskReport",
    "TaskReportAnswer",
    "TaskRequest",
    "TaskStatistics",
    "TaskStatusChange",
    "TaskSummary",
    "TaskUpdate",
    "TaskWorker",
    "TasksActionRequest",
    "Token",
    "TokenList",
    "UpdateOutcome",
    "User",
    "UserAction",
    "UserChange",
    "UserList",
    "UserRole",
    "WhoAmI",
    "WhyNotCount",
    "WhyNotReason",
    "WhyNotTasks",
    "Worker",
    "WorkerAbilities",
    "WorkerAction",
    "WorkerActionRequest",
    "WorkerList",
    "WorkerRegistration",
    "WorkerSignOn",
    "WorkerSleepSchedule",
    "WorkerSlot",
    "WorkerStateChange",
    "WorkerStateChanged",
    "WorkerStatusChangeRequest",
    "WorkerSummary",
    "WorkerTag",
    "WorkerTagChangeRequest",
    "WorkerTagList",
    "WorkerTask",
    "WorkerWhyNot",
    "WorkersActionRequest",
]

_MODULES = {
    "accounts": (
        "CallerKind CreatedToken Login NewPassword NewToken NewUser PasswordChange Token "
        "TokenList User UserChange UserList UserRole WhoAmI"
    ),
    "action_requests": (
        "ActionRefusals ActionReport ActionResult JobActionRequest JobsActionRequest "
        "TaskActionRequest TasksActionRequest WorkerActionRequest WorkersActionRequest"
    ),
    "actions": "ActionChoice JobAction TaskAction UserAction WorkerAction",
    "events": (
        "EventAccountsUpdate EventJobUpdate EventLastRenderedUpdate EventLifeCycle "
        "EventTaskLogUpdate EventTaskUpdate EventTasksUpdate EventWorkerTagUpdate "
        "EventWorkerUpdate LifeCycleEventType"
    ),
    "finding": "FoundId FoundIds IdKind",
    "following": (
        "FollowAlive FollowEvents FollowHello FollowOperation FollowRefusal FollowRequest "
        "FollowReread FollowTopics FollowedEvent"
    ),
    "forecast": (
        "FarmPlan JobPlan JobWhyNot PlannedHandOut WhyNotCount WhyNotReason WhyNotTasks "
        "WorkerWhyNot"
    ),
    "job_types": (
        "AvailableJobSetting AvailableJobType AvailableJobTypes SettingEvalInfo "
        "SettingSubtype SettingType SettingVisibility"
    ),
    "jobs": (
        "DEFAULT_PRIORITY HIGHEST_PRIORITY Job JobDeletionInfo JobLastRenderedImageInfo "
        "JobMassDeletionInfo JobMassDeletionSelection JobMetadataKeys JobMetadataValues "
        "JobPriorityChange JobRnaOverrides JobStatusChange JobStorageInfo JobTagChange "
        "JobsQueryResult LOWEST_PRIORITY SubmittedJob"
    ),
    "manager": (
        "Audience Error ErrorProblem FarmStatusReport FlamencoVersion ManagerConfiguration "
        "ManagerVariable Platform SharedStorageLocation"
    ),
    "network": "CertificateReport NetworkReport",
    "shaman": (
        "ShamanCheckout ShamanCheckoutResult ShamanFileSpec ShamanFileSpecWithStatus "
        "ShamanFileStatus ShamanRequirementsRequest ShamanRequirementsResponse "
        "ShamanSingleFileStatus"
    ),
    "statistics": (
        "AttemptList FarmOverview FrameStatistics FrameStatisticsList HostPoint HostPoints "
        "HostSamples JobStatistics KindStatistics KindStatisticsList"
    ),
    "tasks": (
        "Command JobTasksSummary Task TaskFailure TaskLogInfo TaskStatusChange TaskSummary "
        "TaskWorker"
    ),
    "worker_protocol": (
        "AssignedTask HeldTask HostSample MayKeepRunning NextTask ProvisionedSettings "
        "RegisteredWorker ReportedUpdate TaskReport TaskReportAnswer TaskRequest "
        "TaskStatistics TaskUpdate UpdateOutcome WorkerAbilities WorkerRegistration "
        "WorkerSignOn WorkerSlot WorkerStateChange WorkerStateChanged"
    ),
    "workers": (
        "LastTask Worker WorkerList WorkerSleepSchedule WorkerStatusChangeRequest "
        "WorkerSummary WorkerTag WorkerTagChangeRequest WorkerTagList WorkerTask"
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _MODULES)
