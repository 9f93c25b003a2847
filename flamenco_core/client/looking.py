"""Looking at lists page by page, at statistics, at who did what, and at shared files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from flamenco_core import model
from flamenco_core.client.requests import API, ManagerRequests
from flamenco_core.model.audit import AuditEntry, AuditLog
from flamenco_core.model.files import FileEntry, FolderListing, SequenceFrame, SequenceListing
from flamenco_core.model.saved_queries import SavedQuery, SavedQueryChange, SavedQueryList

T = TypeVar("T")

Query = Mapping[str, str]
"""Parameters of a list's operation, such as `status`, `sort`, `limit` and `cursor`."""


class Looking(ManagerRequests):
    """What people look at. A `query` has the parameters of the operation; see docs/lists.md."""

    def fetch_jobs_page(self, query: Query) -> model.JobsQueryResult:
        """Some jobs; give `next` of the answer as `cursor` for those that follow."""
        return self._look("/jobs", query, model.JobsQueryResult)

    def fetch_job_tasks_page(self, job_id: str, query: Query) -> model.JobTasksSummary:
        return self._look(f"/jobs/{quote(job_id, safe='')}/tasks", query, model.JobTasksSummary)

    def fetch_workers_page(self, query: Query) -> model.WorkerList:
        return self._look("/worker-mgt/workers", query, model.WorkerList)

    def fetch_job_statistics(self, job_id: str) -> model.JobStatistics:
        """What a job took so far; also of one that was deleted."""
        return self._get(f"/jobs/{quote(job_id, safe='')}/statistics", model.JobStatistics)

    def fetch_job_attempts(self, job_id: str, query: Query | None = None) -> model.AttemptList:
        """What each attempt at a job's tasks took and made."""
        return self._look(
            f"/jobs/{quote(job_id, safe='')}/attempts", query or {}, model.AttemptList
        )

    def fetch_job_frame_statistics(self, job_id: str) -> list[model.FrameStatistics]:
        """What each frame of a job took."""
        path = f"/jobs/{quote(job_id, safe='')}/statistics/frames"
        return self._get(path, model.FrameStatisticsList).frames

    def fetch_statistics(self) -> list[model.KindStatistics]:
        """What all attempts took, by job type and task type."""
        return self._get("/statistics", model.KindStatisticsList).sums

    def fetch_worker_statistics(self, worker_id: str) -> list[model.KindStatistics]:
        """What the attempts of a worker took, by job type and task type."""
        path = f"/worker-mgt/workers/{quote(worker_id, safe='')}/statistics"
        return self._get(path, model.KindStatisticsList).sums

    def fetch_farm_overview(self) -> model.FarmOverview:
        """How many jobs, tasks and workers there are, by status."""
        return self._get("/status/overview", model.FarmOverview)

    def store_host_statistics(self, samples: Sequence[model.HostSample]) -> None:
        """Tells what this worker's machine has been doing; at most 1,000 samples at once."""
        self._send("POST", "/worker/host-statistics", model.HostSamples(samples=[*samples]))

    def fetch_host_statistics(
        self,
        worker_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by_minute: bool = False,
    ) -> list[model.HostPoint]:
        """What a worker's machine was doing, by default in the last hour.

        Every second of the last hour, or `by_minute` the means of thirty days.
        """
        query = {"resolution": "minute"} if by_minute else {}
        query |= {} if since is None else {"since": since.isoformat()}
        query |= {} if until is None else {"until": until.isoformat()}
        path = f"/worker-mgt/workers/{quote(worker_id, safe='')}/host-statistics"
        return self._look(path, query, model.HostPoints).points

    def fetch_audit_log(self, query: Query | None = None) -> Iterator[AuditEntry]:
        """Who did what, the newest first; asks for more as it goes on."""
        wanted = dict(query or {})
        while True:
            page = self._look("/audit", wanted, AuditLog)
            yield from page.audit
            if page.next is None:
                return
            wanted["cursor"] = page.next

    def fetch_saved_queries(self) -> list[SavedQuery]:
        """The queries that were saved by whoever asks, and those for everybody."""
        return self._get("/saved-queries", SavedQueryList).queries

    def save_query(self, query: SavedQueryChange, *, is_shared: bool = False) -> SavedQuery:
        """Saves a query for oneself, or for everybody."""
        return self._read(self._send("POST", _queries(is_shared), query), SavedQuery)

    def replace_query(
        self, query_id: str, query: SavedQueryChange, *, is_shared: bool = False
    ) -> SavedQuery:
        path = f"{_queries(is_shared)}/{quote(query_id, safe='')}"
        return self._read(self._send("PUT", path, query), SavedQuery)

    def delete_query(self, query_id: str, *, is_shared: bool = False) -> None:
        self._send("DELETE", f"{_queries(is_shared)}/{quote(query_id, safe='')}")

    def list_folder(self, path: str = "") -> list[FileEntry]:
        """All that is in a shared folder; without a path, the top folders."""
        query = {"path": path, "limit": "1000"}
        entries: list[FileEntry] = []
        while True:
            page = self._look("/files", query, FolderListing)
            entries += page.entries
            if page.next is None:
                return entries
            query["cursor"] = page.next

    def list_image_sequence(self, path: str) -> SequenceListing:
        """All images of a sequence, by its path with a `#` for each digit."""
        query = {"path": path, "limit": "1000"}
        frames: list[SequenceFrame] = []
        while True:
            page = self._look("/files/sequence", query, SequenceListing)
            frames += page.frames
            if page.next is None:
                return replace(page, frames=frames)
            query["cursor"] = page.next

    def fetch_file(self, path: str, *, first: int = 0, last: int | None = None) -> bytes:
        """A shared file, or the bytes of it from `first` to `last`, which comes along."""
        end = "" if last is None else last
        headers = {"Range": f"bytes={first}-{end}"} if first or last is not None else {}
        url = f"{API}/files/content?{urlencode({'path': path})}"
        return self._checked(self._connection.request("GET", url, headers=headers)).body

    def _look(self, path: str, query: Mapping[str, Any], cls: type[T]) -> T:
        return self._get(f"{path}?{urlencode(query)}" if query else path, cls)


def _queries(is_shared: bool) -> str:
    return "/saved-queries/shared" if is_shared else "/saved-queries"
