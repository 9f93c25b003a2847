"""The page in front of real programs: a Manager that is killed, and a Worker that renders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

import demo_scene
from tests.checkouts import ROOT
from tests.farm.farm import Farm, bpy_program, echo_job, render_job, request, run_blender
from tests.manager_service.web.conftest import OpenPage
from tests.manager_service.web.film import play_until

ACKNOWLEDGED = [f"acknowledged-{number:02d}" for number in range(20)]


@pytest.fixture
def farm(tmp_path: Path, web_build: None) -> Iterator[Farm]:
    """A running Manager; the test starts the Worker."""
    farm = Farm(tmp_path / "farm", bpy_program(tmp_path / "bin"))
    (tmp_path / "farm" / "shared").mkdir()
    farm.start_manager()
    yield farm
    farm.stop()


def test_after_a_hard_kill_the_page_shows_all_that_was_acknowledged(
    farm: Farm, open_page: OpenPage
) -> None:
    job = farm.submit_job(echo_job("open in the page", sleeps=1))
    page = open_page(None, f"/jobs/{job}", origin=farm.url, is_trouble_expected=True)
    expect(page.get_by_role("heading", name="open in the page")).to_be_visible()
    expect(page.locator('.title [data-status="queued"]')).to_be_visible()
    for name in ACKNOWLEDGED:
        farm.submit_job(echo_job(name, sleeps=1))
    assert request(f"{farm.url}/api/v3/jobs/{job}/setpriority", {"priority": 77})[0] == 204
    farm.kill_manager()
    expect(page.get_by_text("Not connected")).to_be_visible()
    expect(page.get_by_role("heading", name="open in the page")).to_be_visible()
    farm.start_manager()
    expect(page.get_by_text("Not connected")).to_have_count(0)
    for name in ACKNOWLEDGED:
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("button", name="Priority 77")).to_be_visible()
    # Another start of the Manager numbers its events anew; the page hears them all the same.
    assert request(f"{farm.url}/api/v3/jobs/{job}/action", {"action": "pause"})[0] == 204
    expect(page.locator('.title [data-status="paused"]')).to_be_visible()


def test_a_render_is_watched_from_the_first_frame_to_the_film(
    farm: Farm, open_page: OpenPage, tmp_path: Path
) -> None:
    scene = tmp_path / "scene"
    run_blender(farm.blender, "--python", ROOT / "scripts" / "demo_scene.py", "--", scene)
    output = tmp_path / "farm" / "shared" / "render"
    blend = scene / demo_scene.BLENDFILE
    job = farm.submit_job(render_job(blend, output, frames="1-3", chunk_size=3))
    page = open_page(None, f"/jobs/{job}", origin=farm.url)
    expect(page.locator('.title [data-status="queued"]')).to_be_visible()
    farm.start_worker()
    other = open_page(None, "/workers", origin=farm.url)
    expect(other.locator('.body [data-status="awake"]')).to_be_visible()
    expect(page.locator('.title [data-status="completed"]')).to_be_visible(timeout=120_000)
    # The newest frame, as the Manager has it from the Worker.
    picture = page.get_by_label("The open job").locator('img[src*="last-rendered"]').first
    expect(picture).to_be_visible()
    # Newer images may still take its place.
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    page.get_by_role("row").filter(has_text="render-1-3").click()
    expect(page.get_by_role("log").get_by_text(re.compile("Saved: .*000003")).first).to_be_visible()
    page.get_by_label("The open job").get_by_role("link", name="Details").click()
    page.get_by_role("link", name="Browse Render Output Path").click()
    page.get_by_role("button", name="######.png").click()
    player = page.get_by_role("dialog")
    expect(player.get_by_text("(1 of 3)")).to_be_visible()
    expect(player.get_by_role("img")).to_have_attribute("width", "320")
    play_until(player, "(3 of 3)")
