"""`flamenco-worker --test` with a real Blender and FFmpeg: what tasks would find here."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.errors import FlamencoError
from flamenco_worker.config import WorkerConfig
from flamenco_worker.self_test import try_machine
from tests.flamenco_worker.blenders import ROOT
from tests.flamenco_worker.protocol_manager import ProtocolManager

TIME_LIMIT = 300
"""Seconds, for two starts of Blender on a machine that has much else to do."""

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script"),
    pytest.mark.timeout(TIME_LIMIT),
]


def try_with(manager: ProtocolManager, blender: Path) -> subprocess.CompletedProcess[str]:
    """Runs the program where the farm has this Blender."""
    folder = blender.parent
    manager.settings = {"etag": "1", "programs": {"blender": str(blender)}, "limits": {}}
    config = folder / "flamenco-worker.yaml"
    config.write_text("minimum_free_space: 0\n")
    options = ["--home", str(folder / "home"), "--manager", manager.url, "-c", str(config)]
    return subprocess.run(
        [sys.executable, "-m", "flamenco_worker", "--test", "--name", "mill", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )


def test_what_works_is_told_and_no_task_is_taken(tmp_path: Path) -> None:
    blender = tmp_path / "blender"
    command = f"'{sys.executable}' -m flamenco_worker.blender.bpy_command_line"
    blender.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec {command} \"$@\"\n")
    blender.chmod(0o755)
    with ProtocolManager() as manager:
        done = try_with(manager, blender)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout.splitlines()
        assert said[0] == f"Manager: {manager.url.rstrip('/')} knows this machine as mill"
        assert said[1] == "Storage: is there, with room on the disks"
        assert said[2].startswith(f"Blender: {blender} rendered a frame in ")
        assert said[3].startswith("FFmpeg: ")
        assert said[3].endswith(" made a video")
        assert [each.body for each in manager.requests("/state-changed")] == [{"status": "testing"}]
        assert manager.received[-1].path == "/sign-off"
        assert not manager.requests("/task")


def test_what_does_not_work_is_told_and_the_rest_is_tried(tmp_path: Path) -> None:
    with ProtocolManager() as manager:
        done = try_with(manager, tmp_path / "blender-9")
        assert done.returncode == 1
        problem, ffmpeg = done.stdout.splitlines()[2:]
        assert problem.startswith("Blender: ")
        assert "blender-9" in problem
        assert ffmpeg.startswith("FFmpeg: ")
        assert ffmpeg.endswith(" made a video")
        assert manager.received[-1].path == "/sign-off"


def test_a_manager_that_is_away_is_not_waited_for(tmp_path: Path) -> None:
    with ProtocolManager() as manager:
        config = WorkerConfig(home=tmp_path, worker_name="mill", manager_url=manager.url)
    with pytest.raises(FlamencoError, match="does not answer"):
        try_machine(config, limit=timedelta(seconds=0.1))
