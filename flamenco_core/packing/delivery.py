"""From a .blend file on this computer to a path that the farm's workers can open."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.client import ManagerClient
from flamenco_core.errors import NotFound
from flamenco_core.model import Audience, JobStorageInfo
from flamenco_core.packing.dependencies import FileUse, Tracer, default_tracer
from flamenco_core.packing.digests import FileDigests, default_cache_folder
from flamenco_core.packing.errors import PackingCancelled
from flamenco_core.packing.folder_pack import pack_into_folder
from flamenco_core.packing.plan import PackPlan, make_plan
from flamenco_core.packing.progress import PackProgress, ProgressCallback, Stage, no_progress
from flamenco_core.packing.project import find_project_root, without_dots
from flamenco_core.packing.shaman_upload import ShamanUpload
from flamenco_core.paths import this_platform
from flamenco_core.shaman.checkout_paths import checkout_path_problems

_JOBS = "{jobs}"
"""The variable that every Manager has: the folder that packs and checkouts lie in."""

_LONGEST_FOLDER_NAME = 100


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the farm got."""

    blendfile: str
    """For the job's settings: where workers find the file, with the variable `{jobs}`."""
    storage: JobStorageInfo | None
    """For the job, so that its checkout goes when the job goes."""
    folder: Path | None
    """What was made in the shared storage for this pack; None if nothing was."""
    files_total: int
    files_sent: int
    bytes_sent: int
    absent_caches: tuple[FileUse, ...]


def folder_name(job_name: str) -> str:
    """A name for a job's folder that every platform and the Manager accept."""
    name = re.sub(r"[\x00-\x1f\x7f/\\<>:\"|?*;{}]", "_", job_name).strip(". ")
    name = name.encode("utf-8", "replace")[:_LONGEST_FOLDER_NAME].decode("utf-8", "ignore")
    name = name.strip(". ") or "job"
    return f"job {name}" if checkout_path_problems(name) else name


class Packer:
    """Traces, plans and delivers one .blend file; `prepare` sends nothing yet."""

    def __init__(
        self,
        blend: Path,
        *,
        stands_for: Path | None = None,
        project: Path | None = None,
        tracer: Tracer | None = None,
        progress: ProgressCallback = no_progress,
        cancel: threading.Event | None = None,
        on_folder: Callable[[Path], None] = lambda _folder: None,
    ) -> None:
        """`project`: the root folder whose files keep their place; found if not given.

        If `blend` is a copy of a file that has changes which are not saved, it `stands_for` that
        file: it takes its place in the pack, and its relative paths start from that file's folder.
        `on_folder` is told of the folder that a pack is copied into until it is complete.

        Raises `NotFound` if there is no such file, `MissingExtra` without a tracer.
        """
        if not blend.is_file():
            raise NotFound(f"there is no file {blend.absolute()}")
        self.blend = without_dots(stands_for or blend)
        self._content = without_dots(blend) if stands_for else None
        if project is not None and not project.is_dir():
            raise NotFound(f"there is no project folder {project.absolute()}")
        self.project = without_dots(project) if project else find_project_root(self.blend)
        self._tracer = tracer or default_tracer()
        self._progress = progress
        self._cancel = cancel or threading.Event()
        self._on_folder = on_folder

    def prepare(self) -> PackPlan:
        """Find all files and decide where they go. Raises `PackingError`, `PackingCancelled`."""
        opened = 0

        def on_blend(blend: Path) -> None:
            nonlocal opened
            opened += 1
            self._progress(PackProgress(Stage.TRACING, blend.name, opened, 0, 0, 0))

        trace = self._tracer.trace(
            self.blend, content=self._content, cancel=self._cancel, on_blend=on_blend
        )
        if self._cancel.is_set():
            raise PackingCancelled
        return make_plan(trace, self.project)

    def deliver(
        self,
        plan: PackPlan,
        client: ManagerClient,
        job_name: str,
        *,
        digests: FileDigests | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Delivery:
        """Send the pack to the Manager, or copy it into the shared storage if Shaman is off.

        A file that lies in the shared storage already, with all that it uses, is used where it
        is. Raises what `ShamanUpload.run` and `pack_into_folder` raise.
        """
        storage = client.get_shared_storage(Audience.USERS, this_platform())
        if storage.shamanEnabled:
            return self._upload(plan, client, job_name, digests)
        location = Path(storage.location)
        if self._content is None and all(_lies_in(file.source, location) for file in plan.files):
            return Delivery(
                blendfile=f"{_JOBS}/{_below(self.blend, location)}",
                storage=None,
                folder=None,
                files_total=len(plan.files),
                files_sent=0,
                bytes_sent=0,
                absent_caches=plan.absent_caches,
            )
        folder = pack_into_folder(
            plan,
            location,
            folder_name(job_name),
            now=now,
            progress=self._progress,
            cancel=self._cancel,
            on_folder=self._on_folder,
        )
        return Delivery(
            blendfile=f"{_JOBS}/{folder.name}/{plan.blend_in_pack}",
            storage=None,
            folder=folder,
            files_total=len(plan.files),
            files_sent=len(plan.files),
            bytes_sent=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            absent_caches=plan.absent_caches,
        )

    def _upload(
        self,
        plan: PackPlan,
        client: ManagerClient,
        job_name: str,
        digests: FileDigests | None,
    ) -> Delivery:
        if digests is None:
            with FileDigests(default_cache_folder() / "file-sums.sqlite") as own_digests:
                return self._upload(plan, client, job_name, own_digests)
        upload = ShamanUpload(client, digests, progress=self._progress, cancel=self._cancel)
        pack = upload.run(plan, folder_name(job_name))
        return Delivery(
            blendfile=f"{_JOBS}/{pack.checkout_path}/{plan.blend_in_pack}",
            storage=JobStorageInfo(shaman_checkout_id=pack.checkout_path),
            folder=None,
            files_total=pack.files_total,
            files_sent=pack.files_sent,
            bytes_sent=pack.bytes_sent,
            absent_caches=plan.absent_caches,
        )


def _lies_in(file: Path, storage: Path) -> bool:
    return storage.is_dir() and file.resolve().is_relative_to(storage.resolve())


def _below(blend: Path, storage: Path) -> str:
    return blend.resolve().relative_to(storage.resolve()).as_posix()
