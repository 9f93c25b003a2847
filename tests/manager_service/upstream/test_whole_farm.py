"""A job of a Flamenco Server, rendered: server, Manager, worker, Blender and FFmpeg are real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flamenco_worker.blender.image_files import ImageSize, read_image
from flamenco_worker.programs import find_ffmpeg
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.farm_programs import Farm
from tests.manager_service.upstream import flamenco2_server
from tests.manager_service.upstream.conftest import UpstreamServer, document, eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


def link(farm: Farm, server: UpstreamServer, storage: Path) -> None:
    """Writes into the configuration what a person would."""
    file = farm.folder / "manager" / "flamenco-manager.yaml"
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {
        "flamenco": server.url,
        "manager_id": flamenco2_server.MANAGER,
        "manager_secret": flamenco2_server.SECRET,
        "download_task_recheck_throttle": "100ms",
        "task_update_push_max_interval": "100ms",
    }
    config["variables"]["render"] = {"values": [{"platform": "all", "value": str(storage)}]}
    file.write_text(json.dumps(config), encoding="utf-8")


def blender_render_job(blend: Path) -> list[dict[str, Any]]:
    """The tasks that Flamenco 2's server makes of four frames in chunks of two."""
    blender = " ".join(["{blender}", *BPY.command[1:]])
    frames = "{render}/frames__intermediate"
    lines = "import bpy\nbpy.context.scene.render.resolution_percentage = 100\n"
    overrides = {"filepath": f"{blend.with_suffix('')}-overrides.py", "contents": lines}
    renders = [
        {
            "blender_cmd": blender,
            "filepath": str(blend),
            "render_output": f"{frames}/######",
            "format": "PNG",
            "frames": chunk,
        }
        for chunk in ("1,2", "3,4")
    ]
    video = {"input_files": f"{frames}/*.png", "output_file": f"{frames}/shot.mkv", "fps": 24}
    move = {"src": frames, "dest": "{render}/frames"}
    commands = [
        ("file-management", "create_python_file", overrides, ()),
        ("blender-render", "blender_render", renders[0], (1,)),
        ("blender-render", "blender_render", renders[1], (1,)),
        ("video-encoding", "create_video", video, (2, 3)),
        ("file-management", "move_to_final", move, (4,)),
    ]
    return [
        document(
            number,
            *parents,
            name=name,
            job_type="blender-render",
            task_type=task_type,
            commands=[{"name": name, "settings": settings}],
        )
        for number, (task_type, name, settings, parents) in enumerate(commands, start=1)
    ]


def test_a_render_job_of_flamenco_2_becomes_frames_and_a_video(
    server: UpstreamServer, tmp_path: Path
) -> None:
    storage = tmp_path / "render"
    blend = BPY.make_blend(tmp_path / "scene" / "small.blend")
    server.put(*blender_render_job(blend))
    farm = Farm(tmp_path / "farm")
    link(farm, server, storage)
    with farm:
        farm.worker.start()

        def is_over() -> bool:
            found = {task["status"] for task in server.state["tasks"].values()}
            assert not found & {"failed", "canceled"}, server.state["updates"]
            return found == {"completed"}

        eventually(is_over, patience=120)
        (job,) = farm.ask("GET", "/jobs")["jobs"]
        assert job["status"] == "completed"
    frames = [f"{number:06}.png" for number in range(1, 5)]
    assert sorted(path.name for path in (storage / "frames").iterdir()) == [*frames, "shot.mkv"]
    # The overrides have made them twice as large.
    assert read_image(storage / "frames" / frames[0], "PNG") == ImageSize(64, 48)
    video = str(storage / "frames/shot.mkv")
    command = [find_ffmpeg("ffmpeg", ""), "-nostdin", "-v", "error", "-i", video]
    probe = subprocess.run([*command, "-f", "null", "-"], capture_output=True, check=False)
    assert (probe.returncode, probe.stderr) == (0, b"")
