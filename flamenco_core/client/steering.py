"""Steering jobs, tasks and workers by the names of actions, and asking why and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from flamenco_core import model, wire
from flamenco_core.client.requests import TIME_FOR_MANY, ManagerRequests
from flamenco_core.model.action_requests import (
    ActionReport,
    JobActionRequest,
    JobsActionRequest,
    TaskActionRequest,
    TasksActionRequest,
    WorkerActionRequest,
    WorkersActionRequest,
)
from flamenco_core.model.actions import JobAction, WorkerAction
from flamenco_core.model.block_lists import JobBlocklistEntry, WorkerBlock
from flamenco_core.model.finding import FoundId, FoundIds, IdKind
from flamenco_core.model.jobs import JobMassDeletionInfo, JobRnaOverrides


class Steering(ManagerRequests):
    """What people do with jobs, tasks and workers; `actions` of each say what is possible."""

    def act_on_job(self, job_id: str, request: JobActionRequest) -> None:
        """Does one of the job's actions; `ManagerRefused` with 409 if it is not possible now."""
        self._act(f"/jobs/{quote(job_id, safe='')}/action", request)

    def act_on_jobs(self, request: JobsActionRequest) -> ActionReport:
        """Does the same with several jobs, or with `preview` only says what would happen."""
        return self._report("/jobs/action", request)

    def act_on_task(self, task_id: str, request: TaskActionRequest) -> None:
        self._act(f"/tasks/{quote(task_id, safe='')}/action", request)

    def act_on_tasks(self, request: TasksActionRequest) -> ActionReport:
        """Does the same with several tasks, or with all of a job that have one status."""
        return self._report("/tasks/action", request)

    def act_on_worker(self, worker_id: str, request: WorkerActionRequest) -> None:
        self._act(f"/worker-mgt/workers/{quote(worker_id, safe='')}/action", request)

    def act_on_workers(self, request: WorkersActionRequest) -> ActionReport:
        return self._report("/worker-mgt/workers/action", request)

    def ask_worker(self, worker_id: str, action: WorkerAction, *, is_lazy: bool = False) -> None:
        """Wakes a worker, sends it to sleep, and so on: lazily (after its task) or now."""
        self.act_on_worker(worker_id, WorkerActionRequest(action=action, is_lazy=is_lazy))

    def archive_job(self, job_id: str) -> None:
        """Keeps what a job was and how it went, and drops what only running it needs."""
        self.act_on_job(job_id, JobActionRequest(action=JobAction.ARCHIVE))

    def requeue_failed_tasks(self, job_id: str) -> None:
        self.act_on_job(job_id, JobActionRequest(action=JobAction.REQUEUE_FAILED))

    def fetch_job_blocklist(self, job_id: str) -> list[JobBlocklistEntry]:
        """Which workers get no more tasks of a type from a job, by their names."""
        return self._get(f"/jobs/{quote(job_id, safe='')}/blocklist", list[JobBlocklistEntry])

    def fetch_worker_blocks(self, worker_id: str) -> list[WorkerBlock]:
        """Which jobs give a worker no more tasks of a type, the newest jobs first."""
        path = f"/worker-mgt/workers/{quote(worker_id, safe='')}/blocks"
        return self._get(path, list[WorkerBlock])

    def remove_job_blocklist(self, job_id: str, entries: Sequence[JobBlocklistEntry]) -> None:
        """Opens a job to workers again; at least one, and those that are not there are fine."""
        self._send("DELETE", f"/jobs/{quote(job_id, safe='')}/blocklist", [*entries])

    def rna_overrides(self, job_id: str) -> list[str]:
        """The lines of Python that are carried out before each render of a job."""
        path = f"/jobs/{quote(job_id, safe='')}/rna-overrides"
        return self._get(path, JobRnaOverrides).rna_overrides

    def set_rna_overrides(self, job_id: str, lines: Sequence[str]) -> list[str]:
        """Replaces them; `ManagerRefused` with 422, line and column if they are no valid Python."""
        path = f"/jobs/{quote(job_id, safe='')}/rna-overrides"
        answer = self._send("PUT", path, JobRnaOverrides(rna_overrides=[*lines]))
        return self._read(answer, JobRnaOverrides).rna_overrides

    def why_not(self, worker_id: str, job_id: str) -> model.WorkerWhyNot:
        """For each kind of task of a job, what keeps a worker from getting one."""
        path = f"/jobs/{quote(job_id, safe='')}/why-not/{quote(worker_id, safe='')}"
        return self._get(path, model.WorkerWhyNot)

    def job_why_not(self, job_id: str) -> Iterator[model.JobWhyNot]:
        """What keeps the farm's workers from a job, in pages of some hundred workers."""
        query = ""
        while True:
            page = self._get(f"/jobs/{quote(job_id, safe='')}/why-not{query}", model.JobWhyNot)
            yield page
            if page.next is None:
                return
            query = f"?{urlencode({'after': page.next})}"

    def job_plan(self, job_id: str) -> model.JobPlan:
        """Who could work on a job, who would begin now, and how long it may take."""
        return self._get(f"/jobs/{quote(job_id, safe='')}/plan", model.JobPlan)

    def plan(self) -> model.FarmPlan:
        """Which task each free worker would get now."""
        return self._get("/jobs/plan", model.FarmPlan)

    def delete_job_mass_what_would_it_do(self, last_updated_max: datetime) -> JobMassDeletionInfo:
        query = urlencode({"last_updated_max": wire.format_time(last_updated_max)})
        path = f"/jobs/what-would-mass-delete-do?{query}"
        return self._read(self._send("GET", path, extra_time=TIME_FOR_MANY), JobMassDeletionInfo)

    def find_ids(self, kind: IdKind, beginning: str) -> list[FoundId]:
        """Things of a kind whose id begins so, at most ten of them."""
        return self._get(f"/ids/{kind}/{quote(beginning, safe='')}", FoundIds).found

    def _act(self, path: str, request: object) -> None:
        self._send("POST", path, request, extra_time=TIME_FOR_MANY)

    def _report(self, path: str, request: object) -> ActionReport:
        answer = self._send("POST", path, request, extra_time=TIME_FOR_MANY)
        return self._read(answer, ActionReport)
