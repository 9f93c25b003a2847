"""The whole farm out of one zip: installed in Blender's window, started with a click, rendering."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import demo_scene
from build_extension import build_one
from extension_editions import EDITIONS, this_platform
from tests.eventually import eventually
from tests.flamenco_addon.blender_window import MODULE, BlenderWindow, blender_window

SCENE = Path(demo_scene.__file__)
PYTHON_OF_DEBIANS_BLENDER = (3, 13)
STATUS = "operators.status().state"

WIDE_PROPERTIES = """
area = max(bpy.context.window.screen.areas, key=lambda each: each.width * each.height)
area.type = "PROPERTIES"
"""

SUBMIT = """
bpy.context.scene.flamenco_job_type = "simple-blender-render"
group_of(bpy.context.scene).render_output_root = output
answer([*bpy.ops.flamenco.submit_job("EXEC_DEFAULT")])
"""
IS_DONE = """
(lambda client: [str(job.status) for job in client.fetch_jobs()])(connection.current().client())
== ["completed"]
""".replace("\n", " ")

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def whole_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole")
    return build_one(EDITIONS[0], this_platform(), output, PYTHON_OF_DEBIANS_BLENDER)


def press(window: BlenderWindow, operator: str) -> None:
    """Clicks a button at the end of the Output Properties."""
    left, top, right, bottom = window.area("PROPERTIES")
    window.scroll((left + right) / 2, (top + bottom) / 2, 60)
    window.click(*window.find_operator(operator, "PROPERTIES", across=0.25))


def patiently(window: BlenderWindow, expression: str) -> None:
    eventually(lambda: window.ask(expression), expression, seconds=240)


def test_a_click_makes_this_computer_a_farm_that_renders(whole_zip: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    demo_script = tmp_path / "demo_scene.py"
    demo_script.write_text(SCENE.read_text(encoding="utf-8"), encoding="utf-8")
    home = {"HOME": str(tmp_path)}
    with blender_window(tmp_path / "home", size=(1400, 1600), environment=home) as window:
        window.install(whole_zip)
        names = f"from {MODULE} import background, connection\n"
        names += f"from {MODULE}.job_settings import group_of\n"
        window.run(names + f"from {MODULE}.local_farm import operators")
        make = "import runpy; runpy.run_path(demo)['make_scene'](Path(folder))"
        window.run(make, demo=str(demo_script), folder=str(tmp_path / "scene"))
        window.run(WIDE_PROPERTIES)
        window.show_properties("OUTPUT")
        window.wait_until("connection.current().condition.state == 'away'")
        window.screenshot(pictures / "before.png")
        press(window, "flamenco.local_farm_start")
        window.wait_until(f"{STATUS} != 'off'")
        window.screenshot(pictures / "starting.png")
        patiently(window, f"{STATUS} in ('running', 'failed')")
        status = window.ask("operators.status().message")
        assert window.ask(f"str({STATUS})") == "running", status
        window.wait_until("connection.current().is_connected")
        window.screenshot(pictures / "running.png")
        assert window.run(SUBMIT, output=str(tmp_path / "frames")) == ["FINISHED"]
        patiently(window, IS_DONE)
        window.screenshot(pictures / "done.png")
        processes = window.ask("[operators.status().supervisor, operators.status().manager]")
        press(window, "flamenco.local_farm_stop")
        window.screenshot(pictures / "stopping.png")
        window.wait_until(f"{STATUS} == 'stopped'")
        window.wait_until(f"connection.current().url == {json.dumps('http://localhost:8080')}")
    assert not any(Path(f"/proc/{process}").exists() for process in processes)
    frames = sorted((tmp_path / "frames").rglob("*.png"))
    assert len(frames) == 12
    with Image.open(frames[0]) as frame:
        assert frame.getpixel(demo_scene.TEXTURE_AT) == demo_scene.TEXTURE_COLOUR
        assert frame.getpixel(demo_scene.LINKED_AT) == demo_scene.LINKED_COLOUR
