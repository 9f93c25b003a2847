"""Frames that a real Manager shows to a computer without the farm's storage."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco_addon.monitor.frame_download import KEPT_FOR, FrameDownload, remove_old_frames
from flamenco_addon.monitor.job_frames import FramesNotFound
from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.model import Job
from tests.flamenco_addon.monitor.test_operators import render_job, rendered
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm", shared_storage_path=tmp_path / "storage") as running:
        yield running


@pytest.fixture
def client(manager: RunningManager) -> Iterator[AccountsClient]:
    with AccountsClient(f"http://127.0.0.1:{manager.port}/") as client:
        yield client


def job_in(manager: RunningManager, client: AccountsClient, path: str) -> Job:
    return client.fetch_job(render_job(manager, path, name="shot")["id"])


def states(folder: Path) -> dict[str, Any]:
    return {each.name: (each.stat().st_ino, each.read_bytes()) for each in folder.iterdir()}


def test_frames_are_fetched_and_later_only_those_that_changed(
    manager: RunningManager, client: AccountsClient, tmp_path: Path
) -> None:
    farm, cache = tmp_path / "storage/shot", tmp_path / "cache"
    rendered(farm, 1, 2, 3, 7)
    (farm / "notes.txt").write_text("not a frame")
    job = job_in(manager, client, str(farm / "######"))
    told: list[int] = []
    first = FrameDownload(cache)
    found = first.fetch(client, job, told=lambda: told.append(first.progress.done))
    assert dict(found.names) == {frame: f"{frame:06}.png" for frame in (1, 2, 3, 7)}
    assert told == [0, 1, 2, 3]
    before = states(found.folder)
    assert {name: content for name, (_, content) in before.items()} == {
        f"{frame:06}.png": (farm / f"{frame:06}.png").read_bytes() for frame in (1, 2, 3, 7)
    }
    (farm / "000002.png").write_bytes(b"rendered again")
    again = FrameDownload(cache).fetch(client, job)
    after = states(again.folder)
    assert after["000002.png"][1] == b"rendered again"
    assert [name for name in before if before[name] == after[name]] == [
        name for name in before if name != "000002.png"
    ]


def test_a_frame_alone_in_its_folder_is_fetched(
    manager: RunningManager, client: AccountsClient, tmp_path: Path
) -> None:
    rendered(tmp_path / "storage/still", 12)
    job = job_in(manager, client, str(tmp_path / "storage/still/######"))
    assert dict(FrameDownload(tmp_path / "cache").fetch(client, job).names) == {12: "000012.png"}


def test_a_download_that_is_cancelled_keeps_what_it_has_and_leaves_nothing_half(
    manager: RunningManager, client: AccountsClient, tmp_path: Path
) -> None:
    rendered(tmp_path / "storage/shot", *range(1, 7))
    job = job_in(manager, client, str(tmp_path / "storage/shot/######"))
    download = FrameDownload(tmp_path / "cache")

    def told() -> None:
        if download.progress.done == 2:
            download.cancel()

    with pytest.raises(FramesNotFound, match="Cancelled"):
        download.fetch(client, job, told=told)
    kept = sorted(each.name for each in (tmp_path / "cache" / job.id).iterdir())
    assert kept == ["000001.png", "000002.png"]


def test_a_disk_that_takes_no_frames_is_told_of_in_words(
    manager: RunningManager, client: AccountsClient, tmp_path: Path
) -> None:
    rendered(tmp_path / "storage/shot", 1)
    job = job_in(manager, client, str(tmp_path / "storage/shot/######"))
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(FramesNotFound, match="cannot be kept in"):
        FrameDownload(tmp_path / "cache").fetch(client, job)


def test_folders_that_the_manager_does_not_show_are_refused(
    manager: RunningManager, client: AccountsClient, tmp_path: Path
) -> None:
    rendered(tmp_path / "elsewhere", 1)
    job = job_in(manager, client, str(tmp_path / "elsewhere/######"))
    with pytest.raises(ManagerRefused):
        FrameDownload(tmp_path / "cache").fetch(client, job)


def test_frames_that_nobody_loads_any_more_make_room(tmp_path: Path) -> None:
    for name, days in (("old", KEPT_FOR.days + 1), ("new", 1)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "000001.png").write_bytes(b"x")
        then = time.time() - days * 86400
        os.utime(folder, (then, then))
    remove_old_frames(tmp_path, now=time.time())
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
