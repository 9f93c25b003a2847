"""The operations of a Manager, as methods named after the API's operation ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import IO, Any
from urllib.parse import quote, urlencode

from flamenco_core import model, wire
from flamenco_core.client.connection import (
    Answer,
    basic_authorization,
    decoded,
)
from flamenco_core.client.events import EventStream, follow_log
from flamenco_core.client.looking import Looking
from flamenco_core.client.requests import API, TIME_FOR_MANY
from flamenco_core.client.steering import Steering
from flamenco_core.client.submitting import Submitting
from flamenco_core.errors import FlamencoError
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

_LONGEST_REASON = 1000
"""Characters."""

_TIME_FOR_FILE = timedelta(milliseconds=20)
"""For a link, or a look at a file, on a network drive that is busy."""


class StatusChangeRequested(FlamencoError):
    """The Manager hands out no task, since this worker is to change its status first."""

    def __init__(self, status: WorkerStatus) -> None:
        super().__init__(f"The Manager asks this worker to become {status}")
        self.status = status


class ManagerClient(Submitting, Steering, Looking):
    """Talks to one Manager; safe to use from several threads.

    Every method may raise `ManagerUnreachable` (no answer) or `ManagerRefused` (an answer other
    than success; its `status` is the HTTP status).
    """

    def get_version(self) -> model.FlamencoVersion:
        return self._get("/version", model.FlamencoVersion)

    def get_configuration(self) -> model.ManagerConfiguration:
        return self._get("/configuration", model.ManagerConfiguration)

    def get_shared_storage(
        self, audience: model.Audience, platform: str
    ) -> model.SharedStorageLocation:
        path = f"/configuration/shared-storage/{audience}/{quote(platform, safe='')}"
        return self._get(path, model.SharedStorageLocation)

    def get_variables(
        self, audience: model.Audience, platform: str
    ) -> dict[str, model.ManagerVariable]:
        path = f"/configuration/variables/{audience}/{quote(platform, safe='')}"
        return self._get(path, dict[str, model.ManagerVariable])

    def get_job_types(self) -> list[model.AvailableJobType]:
        return self._get("/jobs/types", model.AvailableJobTypes).job_types

    def get_job_type(self, name: str) -> model.AvailableJobType:
        return self._get(f"/jobs/type/{quote(name, safe='')}", model.AvailableJobType)

    def fetch_jobs(self, query: Mapping[str, str] | None = None) -> list[model.Job]:
        """Jobs, newest first; `query` has the parameters of the operation, such as `status`."""
        suffix = f"?{urlencode(query)}" if query else ""
        return self._get(f"/jobs{suffix}", model.JobsQueryResult).jobs

    def fetch_job_metadata_keys(self) -> list[str]:
        """What jobs can be searched by."""
        keys: list[str] = []
        query = ""
        while True:
            page = self._get(f"/jobs/metadata{query}", model.JobMetadataKeys)
            keys += page.keys
            if page.next is None:
                return keys
            query = f"?{urlencode({'after': page.next})}"

    def fetch_job_metadata_values(self, key: str) -> list[str]:
        """The different values that jobs have for a key of their metadata."""
        values: list[str] = []
        query = ""
        while True:
            path = f"/jobs/metadata/{quote(key, safe='')}{query}"
            page = self._get(path, model.JobMetadataValues)
            values += page.values
            if page.next is None:
                return values
            query = f"?{urlencode({'after': page.next})}"

    def fetch_job(self, job_id: str, *, platform: str = "") -> model.Job:
        """A job; with a `platform`, paths in settings and metadata are those of users there."""
        query = f"?{urlencode({'platform': platform})}" if platform else ""
        return self._get(f"/jobs/{quote(job_id, safe='')}{query}", model.Job)

    def fetch_job_tasks(self, job_id: str) -> list[model.TaskSummary]:
        return self._get(f"/jobs/{quote(job_id, safe='')}/tasks", model.JobTasksSummary).tasks

    def fetch_job_last_rendered_info(self, job_id: str) -> model.JobLastRenderedImageInfo | None:
        """Where the thumbnails of a job are; None if it has not rendered anything yet."""
        return self._last_rendered(f"/jobs/{quote(job_id, safe='')}/last-rendered")

    def fetch_global_last_rendered_info(self) -> model.JobLastRenderedImageInfo | None:
        """Where the thumbnails are of what the whole farm rendered last."""
        return self._last_rendered("/jobs/last-rendered")

    def fetch_thumbnail(self, info: model.JobLastRenderedImageInfo, suffix: str) -> bytes:
        """A JPEG that `info` names."""
        return self._managers_own(self._connection.request("GET", f"{info.base}/{suffix}")).body

    def _last_rendered(self, path: str) -> model.JobLastRenderedImageInfo | None:
        answer = self._send("GET", path)
        return None if answer.status == 204 else self._read(answer, model.JobLastRenderedImageInfo)

    def set_job_status(
        self, job_id: str, status: JobStatus, reason: str, *, compile_again: bool = False
    ) -> None:
        """Cancels, pauses or requeues a job, the latter with new tasks if they are wanted."""
        body = model.JobStatusChange(status=status, reason=reason, compile_again=compile_again)
        path = f"/jobs/{quote(job_id, safe='')}/setstatus"
        self._send("POST", path, body, extra_time=TIME_FOR_MANY)

    def set_job_priority(self, job_id: str, priority: int) -> None:
        body = model.JobPriorityChange(priority=priority)
        self._send("POST", f"/jobs/{quote(job_id, safe='')}/setpriority", body)

    def set_job_tag(self, job_id: str, tag: model.JobTagChange) -> None:
        """Lets the job run on workers with a tag only; without id and name, on any worker."""
        self._send("POST", f"/jobs/{quote(job_id, safe='')}/settag", tag)

    def delete_job(self, job_id: str, *, leave_files: bool = False) -> None:
        """Has a job removed, with its logs and its checkout unless `leave_files`."""
        query = "?leave_files=true" if leave_files else ""
        self._send("DELETE", f"/jobs/{quote(job_id, safe='')}{query}")

    def delete_job_what_would_it_do(self, job_id: str) -> model.JobDeletionInfo:
        path = f"/jobs/{quote(job_id, safe='')}/what-would-delete-do"
        return self._get(path, model.JobDeletionInfo)

    def delete_job_mass(self, last_updated_max: datetime) -> None:
        """Has finished jobs removed that have not changed since; there must be one (else 416)."""
        body = model.JobMassDeletionSelection(last_updated_max=last_updated_max)
        self._send("DELETE", "/jobs/mass-delete", body, extra_time=TIME_FOR_MANY)

    def fetch_task(self, task_id: str) -> model.Task:
        return self._get(f"/tasks/{quote(task_id, safe='')}", model.Task)

    def set_task_status(self, task_id: str, status: TaskStatus, reason: str) -> None:
        body = model.TaskStatusChange(status=status, reason=reason)
        self._send("POST", f"/tasks/{quote(task_id, safe='')}/setstatus", body)

    def fetch_task_log_info(self, task_id: str) -> model.TaskLogInfo | None:
        answer = self._send("GET", f"/tasks/{quote(task_id, safe='')}/log")
        return None if answer.status == 204 else self._read(answer, model.TaskLogInfo)

    def fetch_task_log(self, task_id: str) -> str:
        """The whole log of a task, all attempts; empty if there is none."""
        info = self.fetch_task_log_info(task_id)
        if info is None:
            return ""
        answer = self._managers_own(self._connection.request("GET", info.url))
        return answer.body.decode("utf-8", "replace")

    def fetch_attempt_log(self, task_id: str, attempt: int, *, start: int = 0) -> bytes:
        """The log of one attempt at a task from byte `start` on; empty if there is nothing."""
        path = f"{API}/tasks/{quote(task_id, safe='')}/log.txt?attempt={attempt}"
        headers = {"Range": f"bytes={start}-"} if start else {}
        answer = self._connection.request("GET", path, headers=headers)
        if start and answer.status == 416:
            return b""
        content = self._managers_own(answer).body
        return content if answer.status == 206 else content[start:]

    def follow(self, *topics: str) -> EventStream:
        """What happens from now on about topics such as `jobs`, `workers` or `jobs/ID/tasks`.

        Use it in a `with` statement, and read the state of things inside, not before.
        """
        return EventStream(self._connection, topics)

    def follow_task_log(self, task_id: str) -> Iterator[str]:
        """A task's log from its beginning on, and then whatever is added, for as long as wanted."""
        with self.follow(f"tasks/{task_id}/log") as stream:
            yield from follow_log(self, stream, task_id)

    def fetch_workers(self) -> list[model.WorkerSummary]:
        return self._get("/worker-mgt/workers", model.WorkerList).workers

    def find_workers(self, name: str) -> list[str]:
        """The ids of the workers of this name, also of those that Flamenco 3 gives no status."""
        listed = decoded(self._send("GET", "/worker-mgt/workers"))
        workers = listed.get("workers") if isinstance(listed, dict) else None
        return [each["id"] for each in workers or () if each.get("name") == name]

    def fetch_worker(self, worker_id: str) -> model.Worker:
        return self._get(f"/worker-mgt/workers/{quote(worker_id, safe='')}", model.Worker)

    def delete_worker(self, worker_id: str) -> None:
        self._send("DELETE", f"/worker-mgt/workers/{quote(worker_id, safe='')}")

    def fetch_worker_sleep_schedule(self, worker_id: str) -> model.WorkerSleepSchedule | None:
        """When a worker is to sleep; None if it has no schedule."""
        path = f"/worker-mgt/workers/{quote(worker_id, safe='')}/sleep-schedule"
        answer = self._send("GET", path)
        return None if answer.status == 204 else self._read(answer, model.WorkerSleepSchedule)

    def set_worker_sleep_schedule(
        self, worker_id: str, schedule: model.WorkerSleepSchedule
    ) -> None:
        path = f"/worker-mgt/workers/{quote(worker_id, safe='')}/sleep-schedule"
        self._send("POST", path, schedule)

    def set_worker_tags(self, worker_id: str, tag_ids: Sequence[str]) -> None:
        """Gives a worker these tags and no others."""
        body = model.WorkerTagChangeRequest(tag_ids=[*tag_ids])
        self._send("POST", f"/worker-mgt/workers/{quote(worker_id, safe='')}/settags", body)

    def fetch_worker_tags(self) -> list[model.WorkerTag]:
        return self._get("/worker-mgt/tags", model.WorkerTagList).tags

    def fetch_worker_tag(self, tag_id: str) -> model.WorkerTag:
        return self._get(f"/worker-mgt/tag/{quote(tag_id, safe='')}", model.WorkerTag)

    def create_worker_tag(self, tag: model.WorkerTag) -> model.WorkerTag:
        return self._read(self._send("POST", "/worker-mgt/tags", tag), model.WorkerTag)

    def update_worker_tag(self, tag_id: str, tag: model.WorkerTag) -> None:
        self._send("PUT", f"/worker-mgt/tag/{quote(tag_id, safe='')}", tag)

    def delete_worker_tag(self, tag_id: str) -> None:
        self._send("DELETE", f"/worker-mgt/tag/{quote(tag_id, safe='')}")

    def request_worker_status_change(
        self, worker_id: str, status: WorkerStatus, *, is_lazy: bool
    ) -> None:
        body = model.WorkerStatusChangeRequest(status=status, is_lazy=is_lazy)
        self._send("POST", f"/worker-mgt/workers/{quote(worker_id, safe='')}/setstatus", body)

    def register_worker(
        self, registration: model.WorkerRegistration, *, enrolment_secret: str = ""
    ) -> model.RegisteredWorker:
        """Registers a worker, with the secret that the Manager asks of new ones if it does."""
        headers = {}
        if enrolment_secret:
            # Unlike a Bearer token, it may have any characters.
            headers["Authorization"] = basic_authorization("enrolment", enrolment_secret)
        answer = self._send("POST", "/worker/register-worker", registration, headers=headers)
        # Flamenco 3 answers an empty status, which is none of the enum's.
        data = {**decoded(answer)}
        data["status"] = data.get("status") or WorkerStatus.OFFLINE.value
        return wire.from_json(data, model.RegisteredWorker)

    def sign_on(self, sign_on: model.WorkerSignOn) -> model.WorkerStateChange:
        return self._read(self._send("POST", "/worker/sign-on", sign_on), model.WorkerStateChange)

    def worker_settings(self) -> model.ProvisionedSettings:
        """What the farm tells this worker about its set-up, as it is now."""
        return self._read(self._send("GET", "/worker/settings"), model.ProvisionedSettings)

    def sign_off(self) -> None:
        self._send("POST", "/worker/sign-off")

    def worker_state(self, *, wait: timedelta = timedelta(0)) -> WorkerStatus | None:
        """The status that this worker is asked to take, or None if it may stay as it is.

        With `wait`, the Manager holds the request back until something is asked.
        """
        query = f"?wait={int(wait.total_seconds())}" if wait else ""
        answer = self._checked(self._raw("GET", f"/worker/state{query}", extra_time=wait))
        if answer.status == 204:
            return None
        return self._read(answer, model.WorkerStateChange).status_requested

    def worker_state_changed(self, status: WorkerStatus, *, reason: str = "") -> None:
        """Tells that this worker has a status now; with a `reason`, by itself."""
        change = model.WorkerStateChanged(status=status, reason=reason[:_LONGEST_REASON] or None)
        self._send("POST", "/worker/state-changed", change)

    def change_worker_abilities(self, abilities: model.WorkerAbilities) -> None:
        """Tells what this worker can do now, in place of what it said at sign-on."""
        self._send("PUT", "/worker/abilities", abilities)

    def schedule_task(
        self, request: model.TaskRequest | None = None, *, wait: timedelta = timedelta(0)
    ) -> model.AssignedTask | None:
        """Asks for a task; with `wait`, lets the Manager hold the request until there is one.

        Raises:
            StatusChangeRequested: if the worker is to change its status instead.
        """
        query = f"?wait={int(wait.total_seconds())}" if wait else ""
        answer = self._raw("POST", f"/worker/task{query}", request, extra_time=wait)
        if answer.status == 423:
            raise StatusChangeRequested(
                self._read(answer, model.WorkerStateChange).status_requested
            )
        self._managers_own(answer)
        return None if answer.status == 204 else self._read(answer, model.AssignedTask)

    def task_update(self, task_id: str, update: model.TaskUpdate | dict[str, Any]) -> None:
        """`update` may also be JSON that was kept, perhaps by another version of this program."""
        self._send("POST", f"/worker/task/{quote(task_id, safe='')}", update)

    def report_tasks(self, report: model.TaskReport | dict[str, Any]) -> model.TaskReportAnswer:
        """Sends several updates, also as JSON that was kept, and asks for the next task."""
        return self._read(self._send("POST", "/worker/task-report", report), model.TaskReportAnswer)

    def may_worker_run(self, task_id: str) -> model.MayKeepRunning:
        return self._get(f"/worker/task/{quote(task_id, safe='')}/may-i-run", model.MayKeepRunning)

    def task_output_produced(self, task_id: str, image: bytes, content_type: str) -> None:
        path = f"{API}/worker/task/{quote(task_id, safe='')}/output-produced"
        headers = {"Content-Type": content_type}
        self._managers_own(self._connection.request("POST", path, body=image, headers=headers))

    def shaman_checkout_requirements(
        self, request: model.ShamanRequirementsRequest
    ) -> list[model.ShamanFileSpecWithStatus]:
        answer = self._send_files("/shaman/checkout/requirements", request)
        return self._read(answer, model.ShamanRequirementsResponse).files

    def shaman_file_store_check(self, sha: str, size: int) -> model.ShamanFileStatus:
        return self._get(f"/shaman/files/{sha}/{size}", model.ShamanSingleFileStatus).status

    def shaman_file_store(
        self,
        sha: str,
        size: int,
        content: IO[bytes],
        *,
        can_defer: bool = False,
        original_filename: str = "",
    ) -> None:
        """Uploads one file; `content` is read from where it stands, `size` bytes."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "X-Shaman-Can-Defer-Upload": str(can_defer).lower(),
        }
        if original_filename:
            headers["X-Shaman-Original-Filename"] = _encoded_word(original_filename)
        path = f"{API}/shaman/files/{sha}/{size}"
        self._managers_own(self._connection.request("POST", path, body=content, headers=headers))

    def shaman_checkout(self, checkout: model.ShamanCheckout) -> str:
        """Makes a checkout and returns its path, which may differ from the one asked for."""
        answer = self._send_files("/shaman/checkout/create", checkout)
        return self._read(answer, model.ShamanCheckoutResult).checkoutPath

    def _send_files(
        self, path: str, body: model.ShamanRequirementsRequest | model.ShamanCheckout
    ) -> Answer:
        """Asks for something that the Manager does with each of many files on its storage."""
        extra_time = len(body.files) * _TIME_FOR_FILE
        return self._send("POST", path, body, extra_time=extra_time)

    def shaman_erase_checkout(self, checkout_path: str) -> None:
        """Removes a checkout that no job uses."""
        wanted = model.ShamanCheckoutResult(checkoutPath=checkout_path)
        self._send("POST", "/shaman/checkout/erase", wanted)


def _encoded_word(text: str) -> str:
    """A file name as an HTTP header can carry it (RFC 2047, on one line)."""
    from email.header import Header

    return Header(text, "utf-8", maxlinelen=10_000).encode()
