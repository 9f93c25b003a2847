"""An artist's way through the panel with a mouse, in a Blender with its window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.farm.farm import Farm
from tests.flamenco_addon.blender_window import MODULE, BlenderWindow, blender_window

TALL = (900, 1500)

BEGINNING = """
from pathlib import Path
from {module} import background, connection, job_settings, submission_drivers as drivers
from {module}.preflight import drawing
bpy.context.preferences.view.show_splash = False
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x = scene.render.resolution_y = 16
scene.frame_end = 2
"""

ONLY_THE_PANEL = """
area = max((each for each in bpy.context.window.screen.areas if each.type == "VIEW_3D"),
           key=lambda each: each.width * each.height)
with bpy.context.temp_override(area=area):
    bpy.ops.screen.screen_full_area()
bpy.context.window.screen.areas[0].type = "PROPERTIES"
# Only our own panel, so that all of it can be seen.
for name in dir(bpy.types):
    panel = getattr(bpy.types, name)
    is_here = getattr(panel, "bl_context", "") == "output"
    if is_here and panel.bl_space_type == "PROPERTIES" and not name.startswith("FLAMENCO_PT_"):
        bpy.utils.unregister_class(panel)
"""

STAGE = "str(drivers.current().stage.value) if drivers.current() else ''"


@pytest.fixture
def window(extension_zip: Path, tmp_path: Path) -> Iterator[BlenderWindow]:
    with blender_window(tmp_path / "artist", size=TALL) as window:
        window.install(extension_zip)
        window.run(BEGINNING.format(module=MODULE))
        yield window


def press(window: BlenderWindow, command: str, *, across: float = 0.3) -> None:
    """Clicks the button in the panel whose command begins so."""
    buttons = window.buttons("PROPERTIES", across=across)
    places = [
        place for found, place in buttons.items() if found.startswith(f"bpy.ops.flamenco.{command}")
    ]
    assert places, f"no button for {command}; there are {sorted(buttons)}"
    window.click(*places[0])


def connect(window: BlenderWindow, farm: Farm, file: Path) -> None:
    script = """
        bpy.context.preferences.addons[module].preferences.manager_url = url
        bpy.ops.wm.save_as_mainfile(filepath=file)
    """
    file.parent.mkdir()
    window.run(script, url=farm.url, file=str(file), module=MODULE)
    window.wait_until("connection.current().is_connected")


def wait_for_success(window: BlenderWindow) -> None:
    window.wait_until("drivers.current() and drivers.current().is_over")
    stage, message = window.ask(f"[{STAGE}, drivers.current().message]")
    assert stage == "done", f"{message}\n{window.output()[-2000:]}"


@pytest.mark.thorough
def test_from_the_address_to_the_job(window: BlenderWindow, farm: Farm, tmp_path: Path) -> None:
    file = tmp_path / "artist" / "project" / "shot.blend"
    connect(window, farm, file)
    window.run(ONLY_THE_PANEL)
    window.show_properties("OUTPUT")

    # Pre-flight sees that the camera is missing, and mends it.
    window.run("scene.camera = None; bpy.ops.ed.undo_push(message='no camera')")
    window.wait_until("any(each.check == 'camera' for each in drawing.findings_now(scene))")
    press(window, "fix(fix='use-camera'", across=0.93)
    assert window.ask("scene.camera.name") == "Camera"

    # A dry run says what would become of the job.
    press(window, "dry_run_job", across=0.8)
    wait_for_success(window)
    assert "worker" in window.ask("drivers.current().message")
    assert farm.get("/api/v3/jobs")["jobs"] == []

    # Frames beyond the scene's range are asked about.
    window.run("""
        scene.flamenco_job_settings.autoeval_frames = False
        scene.flamenco_job_settings.frames = "1-3"
        bpy.ops.ed.undo_push(message="frames")
    """)
    assert window.ask("bpy.data.is_dirty")
    press(window, "submit_job")
    window.wait_until(f"({STAGE}) == 'asking'")
    press(window, "cancel_submission", across=0.75)
    window.wait_until(f"({STAGE}) == 'cancelled'")
    press(window, "submit_job")
    window.wait_until(f"({STAGE}) == 'asking'")
    press(window, "decide_on_warnings")
    wait_for_success(window)

    (job,) = farm.get("/api/v3/jobs")["jobs"]
    assert (job["name"], job["settings"]["frames"]) == ("shot", "1-3")
    assert window.ask("bpy.data.is_dirty")
    assert [each.name for each in file.parent.iterdir()] == ["shot.blend"]
    assert "rror" not in window.output()


def test_the_render_menu_has_a_dialog_that_submits(
    window: BlenderWindow, farm: Farm, tmp_path: Path
) -> None:
    connect(window, farm, tmp_path / "artist" / "project" / "menu.blend")
    window.move(400, 600)
    window.run("""
        with in_area("VIEW_3D"):
            bpy.ops.flamenco.submit_dialog("INVOKE_DEFAULT")
    """)
    window.key("Return")
    wait_for_success(window)
    names = [job["name"] for job in farm.get("/api/v3/jobs")["jobs"]]
    assert "menu" in names
