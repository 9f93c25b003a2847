"""What a studio's farm leaves behind while it renders, for pages that show it.

Everything comes from workers and over HTTP, as on a real farm: images of frames, long logs, what
machines are doing. Frames lie in the shared storage.
"""

from __future__ import annotations

import colorsys
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from flamenco_core.config import load_config
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.web.studio import LARGE_JOB, SECRET, Studio

CONFIGURATION = """\
# The farm of the studio.
manager_name: Sprite Studio Renderfarm
# Nobody signs on while pictures are taken.
worker_timeout: 10h
task_timeout: 10h
variables:
  blender:
    values:
      - {platform: linux, value: /opt/blender-4.5/blender}
      - {platform: windows, value: 'C:\\Blender\\blender.exe'}
      - {platform: darwin, value: /Applications/Blender.app/Contents/MacOS/Blender}
  projects:
    is_twoway: true
    values:
      - {platform: linux, value: /mnt/projects}
      - {platform: windows, value: 'P:\\'}
      - {platform: darwin, value: /Volumes/projects}
  render:
    is_twoway: true
    values: [{platform: linux, value: STORAGE/render}, {platform: windows, value: 'P:\\render'}]
"""
FRAMES = 36
"""Of the large job, to play as a film; one in between is missing."""
MISSING_FRAME = 17
SAMPLES_AT_ONCE = 900


class DressedFarm(RunningManager):
    """A Manager on a filled farm that has a configuration file."""

    def __init__(self, home: Path, studio: Studio) -> None:
        storage = home / "flamenco"
        file = home / "flamenco-manager.yaml"
        text = CONFIGURATION.replace("STORAGE", str(storage))
        file.write_text(f"{text}shared_storage_path: {storage}\n", encoding="utf-8")
        super().__init__(home, config=load_config(file, home=home, environment={}))
        self.studio = studio

    def dress(self) -> None:
        """Adds what a farm that renders has."""
        for number, job in enumerate(self.studio.jobs.values()):
            for task in self._running(job)[:1]:
                self._send_image(task, frame(number * 5, hue=number * 0.13))
        [task, *_] = self._running(self.studio.large_job)
        self._post(task, f"/worker/task/{task['id']}", {"taskStatus": "active", "log": _log()})
        self._write_frames()
        self._send_samples("gpu-render-01.studio.lan")
        for path, body in (
            ("/saved-queries/shared", _saved("Failed or cancelled", "failed,canceled")),
            ("/saved-queries", _saved("Lighting that waits", "queued", name="lighting")),
        ):
            assert self.post(path, body).status < 300

    def login(self, worker: str) -> WorkerLogin:
        return WorkerLogin(worker, SECRET)

    def _running(self, job: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/jobs/{job}/tasks?status=active&limit=3").json[
            "tasks"
        ]
        return found

    def _send_image(self, task: Mapping[str, Any], image: Image.Image) -> None:
        encoded = io.BytesIO()
        image.save(encoded, "JPEG")
        reply = self.request(
            "POST",
            f"/worker/task/{task['id']}/output-produced",
            body=encoded.getvalue(),
            headers={"Content-Type": "image/jpeg"},
            worker=self.login(task["worker"]["id"]),
        )
        assert reply.status == 202, reply

    def _post(self, task: Mapping[str, Any], path: str, body: object) -> None:
        reply = self.post(path, body, worker=self.login(task["worker"]["id"]))
        assert reply.status < 300, reply

    def _write_frames(self) -> None:
        job = self.get(f"/jobs/{self.studio.large_job}").json
        project = job["metadata"]["project"]
        folder = self.config.shared_storage / "render" / project / LARGE_JOB
        folder.mkdir(parents=True)
        for number in range(1, FRAMES + 1):
            if number != MISSING_FRAME:
                frame(number, size=(480, 270)).save(folder / f"{number:06d}.png")
        (folder / "notes from the lighting review.txt").write_text("warmer", encoding="utf-8")
        frame(12).save(folder / "contact sheet.jpg")
        (folder / "previews").mkdir()

    def _send_samples(self, name: str) -> None:
        worker = self.login(self.studio.workers[name])
        samples = [*_samples()]
        for first in range(0, len(samples), SAMPLES_AT_ONCE):
            body = {"samples": samples[first : first + SAMPLES_AT_ONCE]}
            assert self.post("/worker/host-statistics", body, worker=worker).status == 204


def frame(number: int, *, hue: float = 0.58, size: tuple[int, int] = (960, 540)) -> Image.Image:
    """A landscape in which the sun rises with the number of the frame."""
    width, height = size
    sky = Image.new("RGB", (1, height))
    for row in range(height):
        red, green, blue = colorsys.hsv_to_rgb(
            hue % 1, 0.7 - 0.5 * row / height, 0.3 + 0.6 * row / height
        )
        sky.putpixel((0, row), (int(red * 255), int(green * 255), int(blue * 255)))
    image = sky.resize(size)
    draw = ImageDraw.Draw(image)
    x, y = width * (0.2 + number % 48 / 80), height * (0.6 - number % 48 / 100)
    radius = height / 12
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 240, 200))
    for layer in range(3):
        shade = tuple(
            int(part * 255)
            for part in colorsys.hsv_to_rgb((hue + 0.45) % 1, 0.5, 0.4 - layer * 0.12)
        )
        ridge = [
            (
                x,
                height
                * (0.62 + layer * 0.12 + 0.07 * math.sin(x * (3 - layer) * 6 / width + layer)),
            )
            for x in range(0, width + 8, 8)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=shade)
    return image


def _samples() -> Iterator[dict[str, float]]:
    """An hour, every four seconds, oldest first."""
    for age in range(3590, -1, -4):
        wave = math.sin(age / 90)
        is_rendering = age % 700 > 90
        yield {
            "age_seconds": age,
            "cpu_percent": 88 + 9 * wave if is_rendering else 6 + 3 * wave,
            "gpu_percent": 97 + 2 * wave if is_rendering else 0,
            "memory_used": int((22 + 9 * wave) * 1e9),
            "gpu_memory_used": int((14 + 2 * wave) * 1e9) if is_rendering else int(6e8),
            "network_received": int(4e7 * (1 + wave)) if age % 700 < 140 else 30_000,
            "network_sent": int(9e6 * (1 + wave)),
            "disk_read": int(2e6 * (1 + wave)),
            "disk_written": int(5e6 * (1 - wave)),
            "disk_free": int(7.3e11 - (3590 - age) * 4e6),
        }


def _log() -> str:
    """Some thousand lines, a very long one among them."""
    lines = [
        f"Fra:{1 + sample // 256} Mem:2134.21M (Peak 2388.02M) | Time:00:{sample % 60:02d}.87 | "
        f"Remaining:00:41.20 | Mem:1822.14M | Scene, ViewLayer | Sample {sample % 256}/256"
        for sample in range(2_000)
    ]
    lines[40] = "Warning: image not found: " + "/mnt/flamenco/textures/very-long-name/" * 12
    return "\n".join(lines) + "\n"


def _saved(title: str, status: str, **more: str) -> dict[str, object]:
    return {"name": title, "list": "jobs", "query": {"status": status, **more}}
