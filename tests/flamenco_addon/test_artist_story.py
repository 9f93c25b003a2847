"""An artist's day, with real parts only: the zip in a Blender with its window, clicks, a Manager, a
Worker, and the frames.

Each state is photographed (`pictures` in the test's folder), so that people can judge it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import demo_scene
from tests.checkouts import ROOT
from tests.farm.farm import Farm, bpy_program
from tests.farm.frames import frames_in, pixel_faults
from tests.flamenco_addon.blender_window import MODULE, BlenderWindow, blender_window
from window_blenders import installed_window_blender

SUBMISSION = "submission_drivers.current()"
STAGE = f"({SUBMISSION}.stage if {SUBMISSION} else 'none')"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(
    params=[
        pytest.param("trixie", id="4.3"),
        pytest.param("sid", id="5.2", marks=pytest.mark.thorough),
    ]
)
def suite(request: pytest.FixtureRequest) -> str:
    """Of Debian, whose Blender the artist has."""
    return str(request.param)


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm", bpy_program(tmp_path / "bin"))
    farm.start_manager()
    yield farm
    farm.stop()


@pytest.fixture
def scene(tmp_path: Path, suite: str) -> Path:
    """The quick start's scene, saved by the Blender that will open it."""
    blender = installed_window_blender(suite)
    if blender is None:
        pytest.skip(f"Blender of Debian {suite} is not installed; scripts/test.py installs it")
    folder = tmp_path / "project"
    folder.mkdir()
    script = ROOT / "scripts" / "demo_scene.py"
    arguments = ("-b", "--factory-startup", "--python-exit-code", "3", "--python", script, "--")
    command = blender.command(*arguments, folder, folders=(tmp_path, ROOT))
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / demo_scene.BLENDFILE


@pytest.fixture
def window(
    farm: Farm, scene: Path, suite: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[BlenderWindow]:
    edition = "extension_zip" if suite == "trixie" else "extension_zip_5_1"
    extension: Path = request.getfixturevalue(edition)
    home = tmp_path / "user"
    with blender_window(home, file=scene, size=(1400, 1400), suite=suite) as opened:
        opened.install(extension)
        opened.run(
            f"""
            from {MODULE} import background, connection, submission_drivers
            from {MODULE}.monitor import live
            preferences = bpy.context.preferences.addons["{MODULE}"].preferences
            preferences.manager_url = url
            """,
            url=farm.url,
        )
        opened.wait_until("connection.current().is_connected")
        yield opened
        assert "Traceback" not in opened.output()


def show_submission_panel(window: BlenderWindow) -> None:
    """In place of the 3D Viewport, where there is room for all of it."""
    window.run(
        """
        area = max(bpy.context.window.screen.areas, key=lambda each: each.width * each.height)
        area.type = "PROPERTIES"
        """
    )
    window.run("area.spaces.active.context = 'OUTPUT'")
    left, top, right, bottom = window.area("PROPERTIES")
    window.scroll((left + right) / 2, (top + bottom) / 2, 60)


def show_tab(window: BlenderWindow) -> None:
    """The Flamenco tab in the sidebar of the 3D Viewport."""
    window.run(
        """
        area.type = "VIEW_3D"
        area.spaces.active.show_region_ui = True
        def choose_tab():
            with in_area("VIEW_3D", "UI"):
                try:
                    bpy.context.region.active_panel_category = "Flamenco"
                except TypeError:
                    bpy.context.region.tag_redraw()
                    return False
                return True
        """
    )
    window.wait_until("choose_tab()")


def submit(window: BlenderWindow, farm: Farm) -> str:
    """Clicks on Submit, and on Submit Anyway if there are warnings; returns the job's id."""
    before = {job["id"] for job in farm.get("/api/v3/jobs")["jobs"]}
    window.click(*window.find_operator("flamenco.submit_job", "PROPERTIES", across=0.3))
    window.wait_until(f"{STAGE} in ('asking', 'done', 'failed')")
    if window.ask(STAGE) == "asking":
        window.screenshot(window.home.parent / "pictures" / "warned.png")
        window.click(*window.find_operator("flamenco.decide_on_warnings", "PROPERTIES", across=0.3))
        window.wait_until(f"{STAGE} in ('done', 'failed')")
    assert window.ask(STAGE) == "done", window.ask(f"{SUBMISSION}.message")
    new = {job["id"] for job in farm.get("/api/v3/jobs")["jobs"]} - before
    (job_id,) = new
    return str(job_id)


def test_a_scene_is_submitted_watched_and_rendered_and_a_failure_explained(
    farm: Farm, window: BlenderWindow, scene: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    before = scene.read_bytes()
    show_submission_panel(window)
    window.screenshot(pictures / "1-before.png")
    job_id = submit(window, farm)
    window.screenshot(pictures / "2-submitted.png")
    job = farm.job(job_id)
    assert job["name"] == "demo"
    assert scene.read_bytes() == before, "the artist's file was changed"

    show_tab(window)
    window.wait_until("job_id in live.shown.rows", job_id=job_id)
    window.screenshot(pictures / "3-waiting.png")
    farm.start_worker()
    window.wait_until("live.shown.rows[job_id].status == 'active'", job_id=job_id)
    window.screenshot(pictures / "4-rendering.png")
    assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
    window.wait_until("live.shown.rows[job_id].status == 'completed'", job_id=job_id)
    window.screenshot(pictures / "5-done.png")

    folder = Path(farm.job(job_id)["settings"]["render_output_path"]).parent
    frames = [f"{frame:06d}.png" for frame in range(*demo_scene.FRAMES)]
    assert {*frames} <= {*frames_in(folder)}
    assert [fault for name in frames for fault in pixel_faults(folder / name)] == []
    fail_another(farm, window, pictures)


def fail_another(farm: Farm, window: BlenderWindow, pictures: Path) -> None:
    """The same scene once more, on a Worker whose Blender is broken meanwhile."""
    farm.blender.write_text("#!/bin/sh\necho 'CUDA error: out of memory' >&2\nexit 1\n")
    show_submission_panel(window)
    job_id = submit(window, farm)
    assert farm.wait_for_end(job_id)["status"] == "failed", farm.logs()
    show_tab(window)
    window.wait_until("job_id in live.shown.rows", job_id=job_id)
    window.wait_until("live.shown.rows[job_id].status == 'failed'", job_id=job_id)
    select(window, job_id)
    details = "live.shown.details"
    window.wait_until(f"{details} is not None and {details}.job.id == job_id", job_id=job_id)
    window.wait_until("bool(live.shown.task and live.shown.task.failure)")
    assert window.ask("live.shown.task.failure.failure_class") == "out-of-memory"
    window.screenshot(pictures / "6-failed.png")


def select(window: BlenderWindow, job_id: str) -> None:
    """As a click on the row of a job does."""
    script: Any = """
        monitor = bpy.context.window_manager.flamenco_monitor
        monitor.active_job = [item.job_id for item in monitor.jobs].index(job_id)
    """
    window.run(script, job_id=job_id)
