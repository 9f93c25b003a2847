"""Blenders, scenes, and contexts to run commands in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flamenco_worker.attempt_statistics import AttemptStatistics
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.commands import CommandContext
from tests.flamenco_worker.blenders import BPY, ROOT, BlenderProgram
from tests.flamenco_worker.warm_scenes import DEEPER_IMAGES, MOVING_CUBE, SCENES


@pytest.fixture(scope="session", autouse=True)
def _programs_find_our_packages(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Child processes import this checkout, and leave the user's own Blender settings alone."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(ROOT))
    patch.setenv("BLENDER_USER_RESOURCES", str(tmp_path_factory.mktemp("blender-resources")))


@pytest.fixture(scope="session", params=["bpy", "blender"])
def blender(request: pytest.FixtureRequest) -> BlenderProgram:
    """Each Blender of this machine: `bpy` behind our command line, and the executable on PATH."""
    if request.param == "bpy":
        return BPY
    found = shutil.which("blender")
    if found is None:
        pytest.skip("there is no blender on PATH: apt-get install blender")
    return BlenderProgram("blender", (found,))


@pytest.fixture(scope="session")
def small_scene(blender: BlenderProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .blend file saved by the Blender that renders it."""
    return blender.make_blend(tmp_path_factory.mktemp(f"scene-{blender.name}") / "small.blend")


@pytest.fixture(scope="module")
def warm_scenes(
    blender: BlenderProgram, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """What `SCENES` and `DEEPER_IMAGES` make, saved by the Blender that renders it."""
    scripts = {name: script for name, (script, _said) in SCENES.items()}
    scripts["deeper images"] = DEEPER_IMAGES
    return blender.make_blends(
        tmp_path_factory.mktemp("scenes"),
        {name: MOVING_CUBE + script for name, script in scripts.items()},
    )


@dataclass
class RecordedTask:
    """What a command has told its task."""

    lines: list[str] = field(default_factory=list)
    steps: int = 0
    activities: list[str] = field(default_factory=list)
    images: list[Path] = field(default_factory=list)
    cancellation: Cancellation = field(default_factory=Cancellation)
    statistics: AttemptStatistics = field(default_factory=AttemptStatistics)

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def count_step(self) -> None:
        self.steps += 1

    def context(self, attempt: int = 1, ffmpeg: str = "") -> CommandContext:
        return CommandContext(
            task_id="b4a3e0a6-7b4f-4a52-8b46-6f3ef6dd7d5c",
            attempt=attempt,
            cancellation=self.cancellation,
            log=self.lines.append,
            step=self.count_step,
            activity=self.activities.append,
            output_produced=self.images.append,
            ffmpeg=ffmpeg,
            statistics=self.statistics,
        )


@pytest.fixture
def task() -> RecordedTask:
    return RecordedTask()


@pytest.fixture
def new_task() -> Callable[[], RecordedTask]:
    return RecordedTask
