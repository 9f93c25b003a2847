"""Makes the pictures of docs/blender.md: a real Blender with its window, a Manager and a Worker.

    python3 scripts/blender_pictures.py [NAME]…

Renders the quick start's scene, once well and once with a worker that fails. Needs what
scripts/test.py installs for tests with a window, and `bpy` in this Python.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from build_extension import build_one
from extension_editions import EDITIONS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.farm.farm import Farm, bpy_program  # noqa: E402
from tests.flamenco_addon.blender_window import MODULE, BlenderWindow, blender_window  # noqa: E402
from tests.flamenco_addon.monitor.tab import SIDEBAR, open_job, open_tab  # noqa: E402

PICTURES = ROOT / "docs" / "pictures" / "blender"
SIZE = (1400, 1240)
COLOURS = 256
SUBMISSION_HEIGHT = 545
"""Pixels of the panel at the lower end of the Output properties."""

Region = tuple[str, str] | None
"""What is shown of the screen: a region of an area, or all of it."""


class Photographer:
    """Takes the pictures that are wanted, cut to what they are about."""

    def __init__(self, window: BlenderWindow, wanted: set[str]) -> None:
        self._window = window
        self._wanted = wanted

    def take(self, name: str, region: Region, *, height: int | None = None) -> None:
        """`height` cuts off what is below so many pixels; what is above them if it is negative."""
        if self._wanted and name not in self._wanted:
            return
        self._window.move(600, 700)  # no tooltip, nothing highlighted
        time.sleep(1)
        whole = self._window.screenshot(self._window.home / f"{name}.png")
        with Image.open(whole) as screen:
            picture = screen.convert("RGB")
        if region is not None:
            left, top, right, bottom = self._window.area(*region)
            if height:
                top, bottom = (top, top + height) if height > 0 else (bottom + height, bottom)
            picture = picture.crop((left, top, right, bottom))
        PICTURES.mkdir(parents=True, exist_ok=True)
        file = PICTURES / f"{name}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        print(file.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the pictures of docs/blender.md.")
    parser.add_argument("name", nargs="*", help="only these, such as submitting")
    wanted = set(parser.parse_args().name)
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        take_all(Path(folder), wanted)


def take_all(folder: Path, wanted: set[str]) -> None:
    (folder / "extension").mkdir()
    extension = build_one(EDITIONS[0], None, folder / "extension")
    farm = Farm(folder / "farm", bpy_program(folder / "bin"))
    farm.start_manager()
    try:
        with blender_window(folder / "user", size=SIZE) as window:
            window.install(extension)
            story(farm, window, Photographer(window, wanted), folder)
    finally:
        farm.stop()


def story(farm: Farm, window: BlenderWindow, photographer: Photographer, folder: Path) -> None:
    """From an empty farm to rendered frames, and to a job that failed."""
    make_scene(window, folder / "project")
    open_tab(window, farm.url, module=MODULE)
    photographer.take("no-jobs", SIDEBAR, height=190)
    show_submission(window)
    photographer.take("submitting", ("PROPERTIES", "WINDOW"), height=-SUBMISSION_HEIGHT)
    job_id = submit(window, "opening shot")
    show_tab(window)
    open_job(window, job_id)
    window.wait_until("live.shown.details.why_not is not None")
    photographer.take("waiting", SIDEBAR, height=640)
    farm.start_worker()
    window.wait_until("live.shown.rows[job_id].steps_completed >= 4", job_id=job_id)
    window.wait_until("live.shown.details.image is not None")
    photographer.take("rendering", SIDEBAR, height=980)
    wait_for_end(window, job_id)
    photographer.take("done", None)
    failed = fail(farm, window)
    open_job(window, failed)
    window.wait_until("live.shown.task is not None and live.shown.task.failure is not None")
    photographer.take("failed", SIDEBAR)
    show_log(window)
    photographer.take("log", ("TEXT_EDITOR", "WINDOW"), height=420)
    load_into_sequencer(window, job_id)
    photographer.take("sequencer", None)


def make_scene(window: BlenderWindow, folder: Path) -> None:
    """The quick start's scene, with all that it links to."""
    window.run(
        """
        import sys
        sys.path.insert(0, scripts)
        import demo_scene
        demo_scene.make_scene(Path(folder))
        """,
        scripts=str(ROOT / "scripts"),
        folder=str(folder),
    )


def show_submission(window: BlenderWindow) -> None:
    window.run(
        """
        area = max(bpy.context.window.screen.areas, key=lambda each: each.width * each.height)
        area.type = "PROPERTIES"
        """
    )
    window.run("area.spaces.active.context = 'OUTPUT'")
    window.run(
        """
        scene = bpy.context.scene
        scene.flamenco_job_name = "opening shot"
        scene.flamenco_job_type_name = "simple-blender-render"
        for panel in dir(bpy.types):
            if panel.startswith("RENDER_PT_"):
                getattr(bpy.types, panel).bl_options = {"DEFAULT_CLOSED"}
        """
    )
    window.wait_until("connection.current().is_connected")
    left, top, right, bottom = window.area("PROPERTIES")
    window.scroll((left + right) / 2, (top + bottom) / 2, 60)


def show_tab(window: BlenderWindow) -> None:
    window.run("area.type = 'VIEW_3D'; area.spaces.active.show_region_ui = True")
    window.wait_until("choose_tab()")


def submit(window: BlenderWindow, name: str) -> str:
    window.run("bpy.ops.flamenco.submit_job(job_name=name, ignore_warnings=True)", name=name)
    return str(window.ask("bpy.context.window_manager.flamenco_submitted_jobs.split(',')[0]"))


def wait_for_end(window: BlenderWindow, job_id: str) -> None:
    window.wait_until("live.shown.rows[job_id].is_over", job_id=job_id)
    window.wait_until("notices.shown() is not None")


def fail(farm: Farm, window: BlenderWindow) -> str:
    """A job whose worker has too little memory."""
    works = farm.blender.read_text(encoding="utf-8")
    farm.blender.write_text("#!/bin/sh\necho 'Error: CUDA error: Out of memory' >&2\nexit 1\n")
    try:
        job_id = submit(window, "crowd shot")
        window.wait_until("live.shown.rows[job_id].status == 'failed'", job_id=job_id)
    finally:
        farm.blender.write_text(works)
    return job_id


def show_log(window: BlenderWindow) -> None:
    window.run("area.type = 'TEXT_EDITOR'")
    window.run("bpy.ops.flamenco.show_task_log()")
    window.wait_until("any(text.lines[1:] for text in bpy.data.texts)")


def load_into_sequencer(window: BlenderWindow, job_id: str) -> None:
    window.run("area.type = 'SEQUENCE_EDITOR'; area.spaces.active.view_type = 'SEQUENCER_PREVIEW'")
    window.run(
        """
        with in_area("SEQUENCE_EDITOR"):
            bpy.ops.flamenco.load_frames(job_id=job_id, target="SEQUENCER")
        """,
        job_id=job_id,
    )
    window.wait_until("bpy.context.scene.sequence_editor is not None")
    window.run("with in_area('SEQUENCE_EDITOR'): bpy.ops.sequencer.view_all()")
    window.run("with in_area('SEQUENCE_EDITOR', 'PREVIEW'): bpy.ops.sequencer.view_all_preview()")


if __name__ == "__main__":
    main()
