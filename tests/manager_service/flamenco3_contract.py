"""What Flamenco 3's API promises for the operations that this Manager has, as a table.

A `*` after a field says that it is always there; `+` after a path, that only workers may call it.
"""

from __future__ import annotations

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
    "getConfigurationFile": (
        "GET /configuration/file", "",
        {200: "object"},
    ),
    "updateConfigurationFile": (
        "PUT /configuration/file", "object",
        {204: ""},
    ),
    "checkSharedStoragePath": (
        "POST /configuration/check/shared-storage", "PathCheckInput",
        {200: "PathCheckResult"},
    ),
    "findBlenderExePath": (
        "GET /configuration/check/blender", "",
        {200: "BlenderPathCheckResult[]"},
    ),
    "checkBlenderExePath": (
        "POST /configuration/check/blender", "PathCheckInput",
        {200: "BlenderPathCheckResult"},
    ),
    "saveSetupAssistantConfig": (
        "POST /configuration/setup-assistant", "SetupAssistantConfig",
        {204: ""},
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
        {200: "RegisteredWorker"},
    ),
    "signOn": (
        "POST /worker/sign-on+", "WorkerSignOn",
        {200: "WorkerStateChange"},
    ),
    "signOff": (
        "POST /worker/sign-off+", "",
        {204: ""},
    ),
    "workerState": (
        "GET /worker/state+", "",
        {204: "", 200: "WorkerStateChange"},
    ),
    "workerStateChanged": (
        "POST /worker/state-changed+", "WorkerStateChanged",
        {204: ""},
    ),
    "scheduleTask": (
        "POST /worker/task+", "",
        {204: "", 200: "AssignedTask", 403: "SecurityError", 409: "", 423: "WorkerStateChange"},
    ),
    "taskUpdate": (
        "POST /worker/task/{task_id}+", "TaskUpdate",
        {204: "", 409: ""},
    ),
    "mayWorkerRun": (
        "GET /worker/task/{task_id}/may-i-run+", "",
        {200: "MayKeepRunning"},
    ),
    "taskOutputProduced": (
        "POST /worker/task/{task_id}/output-produced+", "image",
        {202: "", 411: "Error", 413: "Error", 415: "Error", 429: "Error"},
    ),
    "fetchWorkers": (
        "GET /worker-mgt/workers", "",
        {200: "WorkerList"},
    ),
    "fetchWorker": (
        "GET /worker-mgt/workers/{worker_id}", "",
        {200: "Worker"},
    ),
    "requestWorkerStatusChange": (
        "POST /worker-mgt/workers/{worker_id}/setstatus", "WorkerStatusChangeRequest",
        {204: ""},
    ),
    "fetchWorkerSleepSchedule": (
        "GET /worker-mgt/workers/{worker_id}/sleep-schedule", "",
        {200: "WorkerSleepSchedule", 204: ""},
    ),
    "setWorkerSleepSchedule": (
        "POST /worker-mgt/workers/{worker_id}/sleep-schedule", "WorkerSleepSchedule",
        {204: ""},
    ),
    "setWorkerTags": (
        "POST /worker-mgt/workers/{worker_id}/settags", "WorkerTagChangeRequest",
        {204: ""},
    ),
    "deleteWorker": (
        "DELETE /worker-mgt/workers/{worker_id}", "",
        {204: ""},
    ),
    "createWorkerTag": (
        "POST /worker-mgt/tags", "WorkerTag",
        {200: "WorkerTag"},
    ),
    "fetchWorkerTag": (
        "GET /worker-mgt/tag/{tag_id}", "",
        {200: "WorkerTag"},
    ),
    "updateWorkerTag": (
        "PUT /worker-mgt/tag/{tag_id}", "WorkerTag",
        {204: ""},
    ),
    "deleteWorkerTag": (
        "DELETE /worker-mgt/tag/{tag_id}", "",
        {204: ""},
    ),
    "deleteJob": (
        "DELETE /jobs/{job_id}", "",
        {204: ""},
    ),
    "deleteJobWhatWouldItDo": (
        "GET /jobs/{job_id}/what-would-delete-do", "",
        {200: "JobDeletionInfo"},
    ),
    "deleteJobMass": (
        "DELETE /jobs/mass-delete", "JobMassDeletionSelection",
        {204: "", 416: "Error"},
    ),
    "setJobTag": (
        "POST /jobs/{job_id}/settag", "JobTagChange",
        {204: "", 422: ""},
    ),
    "fetchWorkerTags": (
        "GET /worker-mgt/tags", "",
        {200: "WorkerTagList"},
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
        {200: "JobsQueryResult"},
    ),
    "submitJob": (
        "POST /jobs", "SubmittedJob",
        {200: "Job", 412: "Error"},
    ),
    "submitJobCheck": (
        "POST /jobs/check", "SubmittedJob",
        {204: "", 412: "Error"},
    ),
    "fetchJob": (
        "GET /jobs/{job_id}", "",
        {200: "Job"},
    ),
    "setJobStatus": (
        "POST /jobs/{job_id}/setstatus", "JobStatusChange",
        {204: "", 422: ""},
    ),
    "setJobPriority": (
        "POST /jobs/{job_id}/setpriority", "JobPriorityChange",
        {204: "", 422: ""},
    ),
    "fetchJobLastRenderedInfo": (
        "GET /jobs/{job_id}/last-rendered", "",
        {200: "JobLastRenderedImageInfo", 204: ""},
    ),
    "fetchGlobalLastRenderedInfo": (
        "GET /jobs/last-rendered", "",
        {200: "JobLastRenderedImageInfo", 204: ""},
    ),
    "fetchJobTasks": (
        "GET /jobs/{job_id}/tasks", "",
        {200: "JobTasksSummary"},
    ),
    "fetchTask": (
        "GET /tasks/{task_id}", "",
        {200: "Task"},
    ),
    "fetchTaskLogTail": (
        "GET /tasks/{task_id}/logtail", "",
        {200: "text/plain", 204: ""},
    ),
    "fetchTaskLogInfo": (
        "GET /tasks/{task_id}/log", "",
        {200: "TaskLogInfo", 204: ""},
    ),
    "setTaskStatus": (
        "POST /tasks/{task_id}/setstatus", "TaskStatusChange",
        {204: "", 422: ""},
    ),
    "shamanCheckoutRequirements": (
        "POST /shaman/checkout/requirements", "ShamanRequirementsRequest",
        {200: "ShamanRequirementsResponse"},
    ),
    "shamanCheckout": (
        "POST /shaman/checkout/create", "ShamanCheckout",
        {200: "ShamanCheckoutResult", 424: "Error", 409: "Error"},
    ),
    "shamanFileStoreCheck": (
        "GET /shaman/files/{checksum}/{filesize}", "",
        {200: "ShamanSingleFileStatus"},
    ),
    "shamanFileStore": (
        "POST /shaman/files/{checksum}/{filesize}", "binary",
        {204: "", 208: "", 417: "", 425: ""},
    ),
}

FORMS: dict[str, str] = {
    "AssignedTask": (
        "uuid* job* name* status* priority* job_priority* job_type* task_type* commands* "
        "steps_completed* steps_total*"
    ),
    "AvailableJobSetting": (
        "key* type* subtype choices propargs description label default eval evalInfo "
        "visible required editable"
    ),
    "AvailableJobType": "name* label* description settings* etag*",
    "AvailableJobTypes": "job_types*",
    "BlenderPathCheckResult": "input* path* source* is_usable* cause*",
    "Command": "name* parameters* total_step_count*",
    "Error": "code* message*",
    "FarmStatusReport": "status*",
    "FlamencoVersion": "version* shortversion* name* git*",
    "Job": (
        "name* type* type_etag priority* settings metadata submitter_platform* storage "
        "worker_tag initial_status id* created* updated* status* activity* "
        "steps_completed* steps_total* delete_requested_at"
    ),
    "JobDeletionInfo": "shaman_checkout*",
    "JobLastRenderedImageInfo": "base* suffixes*",
    "JobMassDeletionSelection": "last_updated_max",
    "JobPriorityChange": "priority*",
    "JobStatusChange": "status* reason*",
    "JobStorageInfo": "shaman_checkout_id",
    "JobTagChange": "id name",
    "JobTasksSummary": "tasks",
    "JobsQueryResult": "jobs*",
    "ManagerConfiguration": "storageLocation* shamanEnabled* isFirstRun*",
    "MayKeepRunning": "mayKeepRunning* reason* statusChangeRequested*",
    "PathCheckInput": "path*",
    "PathCheckResult": "path* is_usable* cause*",
    "RegisteredWorker": "uuid* name* address* status* platform* software* supported_task_types*",
    "SetupAssistantConfig": "storageLocation* blenderExecutable*",
    "ShamanCheckout": "files* checkoutPath*",
    "ShamanCheckoutResult": "checkoutPath*",
    "ShamanFileSpec": "sha* size* path*",
    "ShamanFileSpecWithStatus": "sha* size* path* status*",
    "ShamanRequirementsRequest": "files*",
    "ShamanRequirementsResponse": "files*",
    "ShamanSingleFileStatus": "status*",
    "SharedStorageLocation": "location* audience* platform* shamanEnabled*",
    "SubmittedJob": (
        "name* type* type_etag priority* settings metadata submitter_platform* storage "
        "worker_tag initial_status"
    ),
    "Task": (
        "id* created* updated* job_id* index_in_job* name* status* priority* task_type* "
        "activity* commands* steps_completed* steps_total* worker last_touched "
        "failed_by_workers"
    ),
    "TaskLogInfo": "task_id* job_id* url* size*",
    "TaskStatusChange": "status* reason*",
    "TaskSummary": (
        "id* name* status* index_in_job* priority* task_type* updated* worker "
        "steps_completed* steps_total*"
    ),
    "TaskUpdate": "taskStatus activity log steps_completed",
    "TaskWorker": "id* name* address*",
    "Worker": (
        "id* name* status* status_change last_seen version* can_restart* ip_address* "
        "platform* supported_task_types* task tags"
    ),
    "WorkerList": "workers*",
    "WorkerRegistration": "secret* platform* supported_task_types* name*",
    "WorkerSignOn": "name* supported_task_types* software_version* can_restart",
    "WorkerSleepSchedule": "is_active* days_of_week* start_time* end_time*",
    "WorkerStateChange": "status_requested*",
    "WorkerStateChanged": "status*",
    "WorkerStatusChangeRequest": "status* is_lazy*",
    "WorkerSummary": "id* name* status* status_change last_seen version* can_restart*",
    "WorkerTag": "id name* description",
    "WorkerTagChangeRequest": "tag_ids*",
    "WorkerTagList": "tags",
    "WorkerTask": (
        "id* name* status* index_in_job* priority* task_type* updated* worker "
        "steps_completed* steps_total* job_id*"
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
