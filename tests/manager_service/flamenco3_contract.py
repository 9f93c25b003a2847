"""What Flamenco 3's API promises, as a table: all of its operations, and the forms of their JSON.

In a route a `+` at the end says that only workers may call it; in a body a `?`, that it may be
left out. In a form a `*` says that a field is always there. Types are `str`, `int`, `bool`, `time`
(as text), `any`, the names of other forms and enums, `[X]` for a list and `{X}` for an object whose
values are X.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT = 0
"""Stands for every status that is not listed."""

# fmt: off
OPERATIONS: dict[str, tuple[str, str, dict[int, str]]] = {
    # operationId: (method and path, body, {status: form of the answer})
    "getVersion": (
        "GET /version", "",
        {200: "FlamencoVersion"},
    ),
    "getConfiguration": (
        "GET /configuration", "",
        {200: "ManagerConfiguration"},
    ),
    "checkSharedStoragePath": (
        "POST /configuration/check/shared-storage", "PathCheckInput?",
        {200: "PathCheckResult", DEFAULT: "Error"},
    ),
    "findBlenderExePath": (
        "GET /configuration/check/blender", "",
        {200: "BlenderPathFindResult", DEFAULT: "Error"},
    ),
    "checkBlenderExePath": (
        "POST /configuration/check/blender", "PathCheckInput?",
        {200: "BlenderPathCheckResult", DEFAULT: "Error"},
    ),
    "saveSetupAssistantConfig": (
        "POST /configuration/setup-assistant", "SetupAssistantConfig?",
        {204: "", DEFAULT: "Error"},
    ),
    "getConfigurationFile": (
        "GET /configuration/file", "",
        {200: "{any}"},
    ),
    "updateConfigurationFile": (
        "PUT /configuration/file", "{any}",
        {204: "", DEFAULT: "Error"},
    ),
    "getVariables": (
        "GET /configuration/variables/{audience}/{platform}", "",
        {200: "ManagerVariables"},
    ),
    "getSharedStorage": (
        "GET /configuration/shared-storage/{audience}/{platform}", "",
        {200: "SharedStorageLocation"},
    ),
    "getFarmStatus": (
        "GET /status", "",
        {200: "FarmStatusReport"},
    ),
    "registerWorker": (
        "POST /worker/register-worker", "WorkerRegistration",
        {200: "RegisteredWorker", DEFAULT: "Error"},
    ),
    "signOn": (
        "POST /worker/sign-on+", "WorkerSignOn",
        {200: "WorkerStateChange", DEFAULT: "Error"},
    ),
    "signOff": (
        "POST /worker/sign-off+", "",
        {204: "", DEFAULT: "Error"},
    ),
    "workerState": (
        "GET /worker/state+", "",
        {204: "", 200: "WorkerStateChange", DEFAULT: "Error"},
    ),
    "workerStateChanged": (
        "POST /worker/state-changed+", "WorkerStateChanged",
        {204: "", DEFAULT: "Error"},
    ),
    "scheduleTask": (
        "POST /worker/task+", "",
        {204: "", 200: "AssignedTask", 403: "SecurityError", 409: "", 423: "WorkerStateChange"},
    ),
    "taskUpdate": (
        "POST /worker/task/{task_id}+", "TaskUpdate",
        {204: "", 409: "", DEFAULT: "Error"},
    ),
    "mayWorkerRun": (
        "GET /worker/task/{task_id}/may-i-run+", "",
        {200: "MayKeepRunning", DEFAULT: "Error"},
    ),
    "taskOutputProduced": (
        "POST /worker/task/{task_id}/output-produced+", "image",
        {202: "", 411: "Error", 413: "Error", 415: "Error", 429: "Error", DEFAULT: "Error"},
    ),
    "fetchWorkers": (
        "GET /worker-mgt/workers", "",
        {200: "WorkerList"},
    ),
    "fetchWorker": (
        "GET /worker-mgt/workers/{worker_id}", "",
        {200: "Worker"},
    ),
    "deleteWorker": (
        "DELETE /worker-mgt/workers/{worker_id}", "",
        {204: "", DEFAULT: "Error"},
    ),
    "requestWorkerStatusChange": (
        "POST /worker-mgt/workers/{worker_id}/setstatus", "WorkerStatusChangeRequest",
        {204: "", DEFAULT: "Error"},
    ),
    "setWorkerTags": (
        "POST /worker-mgt/workers/{worker_id}/settags", "WorkerTagChangeRequest",
        {204: "", DEFAULT: "Error"},
    ),
    "fetchWorkerSleepSchedule": (
        "GET /worker-mgt/workers/{worker_id}/sleep-schedule", "",
        {200: "WorkerSleepSchedule", 204: "", DEFAULT: "Error"},
    ),
    "setWorkerSleepSchedule": (
        "POST /worker-mgt/workers/{worker_id}/sleep-schedule", "WorkerSleepSchedule",
        {204: "", DEFAULT: "Error"},
    ),
    "fetchWorkerTags": (
        "GET /worker-mgt/tags", "",
        {200: "WorkerTagList"},
    ),
    "createWorkerTag": (
        "POST /worker-mgt/tags", "WorkerTag",
        {200: "WorkerTag", DEFAULT: "Error"},
    ),
    "fetchWorkerTag": (
        "GET /worker-mgt/tag/{tag_id}", "",
        {200: "WorkerTag"},
    ),
    "updateWorkerTag": (
        "PUT /worker-mgt/tag/{tag_id}", "WorkerTag",
        {204: "", DEFAULT: "Error"},
    ),
    "deleteWorkerTag": (
        "DELETE /worker-mgt/tag/{tag_id}", "",
        {204: "", DEFAULT: "Error"},
    ),
    "getJobTypes": (
        "GET /jobs/types", "",
        {200: "AvailableJobTypes"},
    ),
    "getJobType": (
        "GET /jobs/type/{typeName}", "",
        {200: "AvailableJobType"},
    ),
    "fetchJobs": (
        "GET /jobs", "",
        {200: "JobsQueryResult", DEFAULT: "Error"},
    ),
    "submitJob": (
        "POST /jobs", "SubmittedJob",
        {200: "Job", 412: "Error", DEFAULT: "Error"},
    ),
    "deleteJobMass": (
        "DELETE /jobs/mass-delete", "JobMassDeletionSelection",
        {204: "", 416: "Error", DEFAULT: "Error"},
    ),
    "submitJobCheck": (
        "POST /jobs/check", "SubmittedJob",
        {204: "", 412: "Error", DEFAULT: "Error"},
    ),
    "fetchJob": (
        "GET /jobs/{job_id}", "",
        {200: "Job"},
    ),
    "deleteJob": (
        "DELETE /jobs/{job_id}", "",
        {204: "", DEFAULT: "Error"},
    ),
    "deleteJobWhatWouldItDo": (
        "GET /jobs/{job_id}/what-would-delete-do", "",
        {200: "JobDeletionInfo"},
    ),
    "fetchJobLastRenderedInfo": (
        "GET /jobs/{job_id}/last-rendered", "",
        {200: "JobLastRenderedImageInfo", 204: ""},
    ),
    "fetchGlobalLastRenderedInfo": (
        "GET /jobs/last-rendered", "",
        {200: "JobLastRenderedImageInfo", 204: ""},
    ),
    "setJobStatus": (
        "POST /jobs/{job_id}/setstatus", "JobStatusChange",
        {204: "", 422: "", DEFAULT: "Error"},
    ),
    "setJobPriority": (
        "POST /jobs/{job_id}/setpriority", "JobPriorityChange",
        {204: "", 422: "", DEFAULT: "Error"},
    ),
    "setJobTag": (
        "POST /jobs/{job_id}/settag", "JobTagChange",
        {204: "", 422: "", DEFAULT: "Error"},
    ),
    "fetchJobTasks": (
        "GET /jobs/{job_id}/tasks", "",
        {200: "JobTasksSummary", DEFAULT: "Error"},
    ),
    "fetchJobBlocklist": (
        "GET /jobs/{job_id}/blocklist", "",
        {200: "JobBlocklist", DEFAULT: "Error"},
    ),
    "removeJobBlocklist": (
        "DELETE /jobs/{job_id}/blocklist", "JobBlocklist?",
        {204: "", DEFAULT: "Error"},
    ),
    "fetchTask": (
        "GET /tasks/{task_id}", "",
        {200: "Task", DEFAULT: "Error"},
    ),
    "fetchTaskLogTail": (
        "GET /tasks/{task_id}/logtail", "",
        {200: "text/plain", 204: "", DEFAULT: "Error"},
    ),
    "fetchTaskLogInfo": (
        "GET /tasks/{task_id}/log", "",
        {200: "TaskLogInfo", 204: "", DEFAULT: "Error"},
    ),
    "setTaskStatus": (
        "POST /tasks/{task_id}/setstatus", "TaskStatusChange",
        {204: "", 422: "", DEFAULT: "Error"},
    ),
    "shamanCheckoutRequirements": (
        "POST /shaman/checkout/requirements", "ShamanRequirementsRequest",
        {200: "ShamanRequirementsResponse", DEFAULT: "Error"},
    ),
    "shamanCheckout": (
        "POST /shaman/checkout/create", "ShamanCheckout",
        {200: "ShamanCheckoutResult", 424: "Error", 409: "Error", DEFAULT: "Error"},
    ),
    "shamanFileStoreCheck": (
        "GET /shaman/files/{checksum}/{filesize}", "",
        {200: "ShamanSingleFileStatus", DEFAULT: "Error"},
    ),
    "shamanFileStore": (
        "POST /shaman/files/{checksum}/{filesize}", "binary",
        {204: "", 208: "", 417: "", 425: "", DEFAULT: "Error"},
    ),
}

FORMS: dict[str, str] = {
    "AssignedTask": (
        "uuid*=str job*=str name*=str status*=TaskStatus priority*=int job_priority*=int "
        "job_type*=str task_type*=str commands*=[Command] steps_completed*=int steps_total*=int"
    ),
    "AvailableJobSetting": (
        "key*=str type*=AvailableJobSettingType subtype=AvailableJobSettingSubtype "
        "choices=[str] propargs={any} description=any label=any default=any eval=str "
        "evalInfo={any} visible=AvailableJobSettingVisibility required=bool editable=bool"
    ),
    "AvailableJobType": (
        "name*=str label*=str description=str settings*=[AvailableJobSetting] etag*=str"
    ),
    "AvailableJobTypes": "job_types*=[AvailableJobType]",
    "BlenderPathCheckResult": (
        "input*=str path*=str source*=BlenderPathSource is_usable*=bool cause*=str"
    ),
    "BlenderPathFindResult": "[BlenderPathCheckResult]",
    "Command": "name*=str parameters*={any} total_step_count*=int",
    "Error": "code*=int message*=str",
    "FarmStatusReport": "status*=FarmStatus",
    "FlamencoVersion": "version*=str shortversion*=str name*=str git*=str",
    "Job": (
        "name*=str type*=str type_etag=str priority*=int settings=JobSettings "
        "metadata=JobMetadata submitter_platform*=str storage=JobStorageInfo worker_tag=str "
        "initial_status=JobStatus id*=str created*=time updated*=time status*=JobStatus "
        "activity*=str steps_completed*=int steps_total*=int delete_requested_at=time"
    ),
    "JobBlocklist": "[JobBlocklistEntry]",
    "JobBlocklistEntry": "worker_id*=str task_type*=str worker_name=str",
    "JobDeletionInfo": "shaman_checkout*=bool",
    "JobLastRenderedImageInfo": "base*=str suffixes*=[str]",
    "JobMassDeletionSelection": "last_updated_max=time",
    "JobMetadata": "{str}",
    "JobPriorityChange": "priority*=int",
    "JobSettings": "{any}",
    "JobStatusChange": "status*=JobStatus reason*=str",
    "JobStorageInfo": "shaman_checkout_id=str",
    "JobTagChange": "id=str name=str",
    "JobTasksSummary": "tasks=[TaskSummary]",
    "JobsQueryResult": "jobs*=[Job]",
    "ManagerConfiguration": "storageLocation*=str shamanEnabled*=bool isFirstRun*=bool",
    "ManagerVariable": "value*=str is_twoway*=bool",
    "ManagerVariables": "{ManagerVariable}",
    "MayKeepRunning": "mayKeepRunning*=bool reason*=str statusChangeRequested*=bool",
    "PathCheckInput": "path*=str",
    "PathCheckResult": "path*=str is_usable*=bool cause*=str",
    "RegisteredWorker": (
        "uuid*=str name*=str address*=str status*=WorkerStatus platform*=str software*=str "
        "supported_task_types*=[str]"
    ),
    "SecurityError": "message*=str",
    "SetupAssistantConfig": "storageLocation*=str blenderExecutable*=BlenderPathCheckResult",
    "ShamanCheckout": "files*=[ShamanFileSpec] checkoutPath*=str",
    "ShamanCheckoutResult": "checkoutPath*=str",
    "ShamanFileSpec": "sha*=str size*=int path*=str",
    "ShamanFileSpecWithStatus": "sha*=str size*=int path*=str status*=ShamanFileStatus",
    "ShamanRequirementsRequest": "files*=[ShamanFileSpec]",
    "ShamanRequirementsResponse": "files*=[ShamanFileSpecWithStatus]",
    "ShamanSingleFileStatus": "status*=ShamanFileStatus",
    "SharedStorageLocation": (
        "location*=str audience*=ManagerVariableAudience platform*=str shamanEnabled*=bool"
    ),
    "SubmittedJob": (
        "name*=str type*=str type_etag=str priority*=int settings=JobSettings "
        "metadata=JobMetadata submitter_platform*=str storage=JobStorageInfo worker_tag=str "
        "initial_status=JobStatus"
    ),
    "Task": (
        "id*=str created*=time updated*=time job_id*=str index_in_job*=int name*=str "
        "status*=TaskStatus priority*=int task_type*=str activity*=str commands*=[Command] "
        "steps_completed*=int steps_total*=int worker=TaskWorker last_touched=time "
        "failed_by_workers=[TaskWorker]"
    ),
    "TaskLogInfo": "task_id*=str job_id*=str url*=str size*=int",
    "TaskStatusChange": "status*=TaskStatus reason*=str",
    "TaskSummary": (
        "id*=str name*=str status*=TaskStatus index_in_job*=int priority*=int task_type*=str "
        "updated*=time worker=TaskWorker steps_completed*=int steps_total*=int"
    ),
    "TaskUpdate": "taskStatus=TaskStatus activity=str log=str steps_completed=int",
    "TaskWorker": "id*=str name*=str address*=str",
    "Worker": (
        "id*=str name*=str status*=WorkerStatus status_change=WorkerStatusChangeRequest "
        "last_seen=time version*=str can_restart*=bool ip_address*=str platform*=str "
        "supported_task_types*=[str] task=WorkerTask tags=[WorkerTag]"
    ),
    "WorkerList": "workers*=[WorkerSummary]",
    "WorkerRegistration": "secret*=str platform*=str supported_task_types*=[str] name*=str",
    "WorkerSignOn": "name*=str supported_task_types*=[str] software_version*=str can_restart=bool",
    "WorkerSleepSchedule": "is_active*=bool days_of_week*=str start_time*=str end_time*=str",
    "WorkerStateChange": "status_requested*=WorkerStatus",
    "WorkerStateChanged": "status*=WorkerStatus",
    "WorkerStatusChangeRequest": "status*=WorkerStatus is_lazy*=bool",
    "WorkerSummary": (
        "id*=str name*=str status*=WorkerStatus status_change=WorkerStatusChangeRequest "
        "last_seen=time version*=str can_restart*=bool"
    ),
    "WorkerTag": "id=str name*=str description=str",
    "WorkerTagChangeRequest": "tag_ids*=[str]",
    "WorkerTagList": "tags=[WorkerTag]",
    "WorkerTask": (
        "id*=str name*=str status*=TaskStatus index_in_job*=int priority*=int task_type*=str "
        "updated*=time worker=TaskWorker steps_completed*=int steps_total*=int job_id*=str"
    ),
}

ENUMS: dict[str, str] = {
    "AvailableJobSettingSubtype": "dir_path file_name file_path hashed_file_path",
    "AvailableJobSettingType": "bool float int32 string",
    "AvailableJobSettingVisibility": "hidden submission visible web",
    "BlenderPathSource": "default file_association input_path path_envvar system_location",
    "FarmStatus": "active asleep idle inoperative starting unknown waiting",
    "JobStatus": (
        "active cancel-requested canceled completed failed pause-requested paused queued "
        "requeueing under-construction"
    ),
    "ManagerVariableAudience": "users workers",
    "ShamanFileStatus": "stored unknown uploading",
    "TaskStatus": "active canceled completed failed paused queued soft-failed",
    "WorkerStatus": "asleep awake error offline restart starting testing",
}
# fmt: on


@dataclass(frozen=True)
class Field:
    name: str
    is_required: bool
    type: str


def fields(form: str) -> list[Field]:
    """The fields of a form; none if it is no object with fields of its own."""
    found = []
    for entry in FORMS[form].split():
        name, equals, kind = entry.partition("=")
        if equals:
            found.append(Field(name.removesuffix("*"), name.endswith("*"), kind))
    return found


def plain(kind: str) -> str:
    """A type without the names of forms that are no objects with fields of their own."""
    return kind if kind not in FORMS or fields(kind) else FORMS[kind]


_SIMPLE: dict[str, dict[str, Any]] = {
    "any": {},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "str": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
}


def json_schema(kind: str) -> dict[str, Any]:
    """A type of the tables as JSON Schema that stands by itself; more fields are allowed."""
    return {**_schema(kind), "$defs": {name: _definition(name) for name in (*FORMS, *ENUMS)}}


def _definition(name: str) -> dict[str, Any]:
    if name in ENUMS:
        return {"type": "string", "enum": ENUMS[name].split()}
    found = fields(name)
    if not found:
        return _schema(FORMS[name])
    return {
        "type": "object",
        "properties": {field.name: _schema(field.type) for field in found},
        "required": [field.name for field in found if field.is_required],
    }


def _schema(kind: str) -> dict[str, Any]:
    if kind in _SIMPLE:
        return dict(_SIMPLE[kind])
    if kind.startswith("["):
        return {"type": "array", "items": _schema(kind[1:-1])}
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": _schema(kind[1:-1])}
    return {"$ref": f"#/$defs/{kind}"}
