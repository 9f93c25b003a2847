"""A job's frames through the Manager, for a computer that does not see the farm's storage.

They are kept in a folder of this user, so that loading them again fetches only what has changed.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.model import Job
from flamenco_core.model.files import FileEntry, FileKind

from .job_frames import (
    OUTPUT_SETTING,
    FrameFiles,
    FramesNotFound,
    OutputPath,
    chosen_frames,
)

KEPT_FOR = timedelta(days=30)
"""Frames of a job that were not loaded for so long make room for others."""

_LAST_PART = re.compile(r"(?P<folder>.*)[/\\](?P<name>[^/\\]*)")
"""The Manager's platform may be another one than this."""
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """An image that the Manager can show."""

    name: str
    path: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    done: int = 0
    total: int = 0
    bytes_total: int = 0


class FrameDownload:
    """One download; `progress` may be read from any thread, everything else is for another one."""

    def __init__(self, cache: Path, job_name: str = "") -> None:
        """`cache` gets a folder for each job."""
        self.job_name = job_name
        self.progress = DownloadProgress()
        self._cache = cache
        self._cancelled = threading.Event()
        self._client: AccountsClient | None = None

    def cancel(self) -> None:
        """Returns at once; frames that are here already stay for the next time."""
        self._cancelled.set()
        if self._client is not None:
            self._client.abort()

    def fetch(
        self, client: AccountsClient, job: Job, *, told: Callable[[], object] = lambda: None
    ) -> FrameFiles:
        """Fetches the frames that are rendered so far. Blocks; `told` is called with each frame.

        Raises:
            FramesNotFound: if the Manager shows none, they do not fit on the disk, or it was
                cancelled.
            ManagerUnreachable: if the Manager went away meanwhile.
        """
        self._client = client
        self.job_name = job.name
        try:
            return self._fetch(client, job, told)
        except OSError as error:
            reason = error.strerror or str(error)
            raise FramesNotFound(f"The frames cannot be kept in {self._cache}: {reason}") from None
        except Exception:
            self._check_cancelled()  # what failed since nobody wants it any more is no failure
            raise
        finally:
            self._client = None

    def _fetch(self, client: AccountsClient, job: Job, told: Callable[[], object]) -> FrameFiles:
        # With variables, as it is stored: the Manager knows what they are on its own platform.
        stored = client.fetch_job(job.id).settings
        files = _remote_frames(client, stored)
        folder = self._cache / job.id
        folder.mkdir(parents=True, exist_ok=True)
        remove_old_frames(self._cache, now=time.time())
        os.utime(folder)
        total, size = len(files), sum(file.size for file in files.values())
        for done, file in enumerate(files.values()):
            self.progress = DownloadProgress(done, total, size)
            told()
            self._check_cancelled()
            _keep(client, file, folder / file.name)
        return FrameFiles(folder, {frame: file.name for frame, file in files.items()})

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise FramesNotFound("Cancelled; frames that were fetched are kept for the next time")


def frames_on_farm(client: AccountsClient, job_id: str) -> frozenset[int]:
    """The frames of a job that are on the farm. Blocks.

    Raises:
        FramesNotFound: if the job does not say where its frames go.
        ManagerRefused: if the Manager does not show files, or not these.
    """
    settings = client.fetch_job(job_id).settings
    folder, output = _output(settings)
    client.list_folder("")  # what shows no files at all does not say that there are none
    try:
        names = [file.name for file in _images(client, folder, output)]
    except ManagerRefused as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return frozenset()
        raise
    return frozenset(chosen_frames(settings, output, names))


def _remote_frames(client: AccountsClient, settings: Mapping[str, Any]) -> dict[int, RemoteFile]:
    folder, output = _output(settings)
    found = {file.name: file for file in _images(client, folder, output)}
    frames = chosen_frames(settings, output, found)
    if not frames:
        raise FramesNotFound(f"There are no frames in {folder} on the farm yet")
    return {frame: found[name] for frame, name in frames.items()}


def _output(settings: Mapping[str, Any]) -> tuple[str, OutputPath]:
    """The folder on the Manager's platform, and what the names of frames in it look like."""
    path = settings.get(OUTPUT_SETTING)
    parts = _LAST_PART.fullmatch(path) if isinstance(path, str) else None
    if parts is None:
        raise FramesNotFound("This job does not say where its frames go")
    return parts["folder"], OutputPath.parse(parts["name"])


def _images(client: AccountsClient, folder: str, output: OutputPath) -> Iterator[RemoteFile]:
    for entry in client.list_folder(folder):
        if output.frame_of(entry.name.replace("#", "0")) is None:
            continue
        if entry.kind is FileKind.SEQUENCE:
            for image in client.list_image_sequence(entry.path).frames:
                name = re.split(r"[/\\]", image.path)[-1]
                yield RemoteFile(name, image.path, image.size, image.modified)
        elif entry.kind is FileKind.FILE:
            yield from _single(entry)


def _single(entry: FileEntry) -> Iterator[RemoteFile]:
    if entry.size is not None and entry.modified is not None:
        yield RemoteFile(entry.name, entry.path, entry.size, entry.modified)


def _keep(client: AccountsClient, file: RemoteFile, place: Path) -> None:
    """Fetches an image unless it is here as the farm has it."""
    modified = file.modified.timestamp()
    with suppress(FileNotFoundError):
        here = place.stat()
        # File systems keep times more or less exactly, two seconds being the least exact.
        if here.st_size == file.size and abs(here.st_mtime - modified) < 2:
            return
    try:
        content = client.fetch_file(file.path)
    except ManagerRefused as error:
        raise FramesNotFound(f"The Manager does not show {file.path}: {error}") from None
    partial = place.with_name(place.name + _PARTIAL)
    try:
        partial.write_bytes(content)
        os.utime(partial, (modified, modified))
        partial.replace(place)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def remove_old_frames(cache: Path, *, now: float) -> None:
    """Removes frames of jobs that were not loaded for long; `now` in seconds since 1970."""
    for folder in cache.iterdir():
        with suppress(OSError):
            if folder.is_dir() and now - folder.stat().st_mtime > KEPT_FOR.total_seconds():
                shutil.rmtree(folder, ignore_errors=True)
