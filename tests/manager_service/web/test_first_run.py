"""A farm that nobody has set up leads its admin to the set-up assistant, until told not to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from flamenco_core.config import load_config
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_configuration_over_http import serving
from tests.manager_service.web.conftest import OpenPage

WELCOME = "Welcome to your new farm"


@pytest.fixture
def fresh(tmp_path: Path, web_build: None) -> Iterator[RunningManager]:
    with serving(tmp_path / "farm", None) as manager:
        yield manager


@pytest.fixture
def guarded(tmp_path: Path, web_build: None) -> Iterator[GuardedManager]:
    """As new, but people have to log in."""
    home = tmp_path / "farm"
    home.mkdir()
    add_people(home, ada="admin", wim="wrangler")
    file = home / "flamenco-manager.yaml"
    file.write_text("authentication: local\n", encoding="utf-8")
    with GuardedManager(home, config=load_config(file, home=home, environment={})) as manager:
        yield manager


def test_a_new_farm_opens_with_the_assistant_until_somebody_skips_it(
    fresh: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(fresh, "/")
    expect(page.get_by_role("heading", name=WELCOME)).to_be_visible()
    page.get_by_role("button", name="Skip this").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    another = open_page(fresh, "/")
    expect(another.get_by_text("No jobs yet")).to_be_visible()
    assert fresh.get("/configuration").json["isFirstRun"] is False
    another.goto(f"http://127.0.0.1:{fresh.port}/app/settings/set-up")
    expect(another.get_by_role("heading", name="1. Shared storage")).to_be_visible()
    expect(another.get_by_role("heading", name=WELCOME)).to_have_count(0)


def test_a_farm_that_was_set_up_opens_with_its_jobs(
    fresh: RunningManager, open_page: OpenPage, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    page = open_page(fresh, "/")
    page.get_by_label("Shared storage").fill(str(tmp_path / "shared"))
    page.get_by_role("button", name="Check").first.click()
    page.get_by_label("Another Blender").fill("blender")
    page.get_by_role("button", name="Check").last.click()
    page.get_by_role("button", name="Store the set-up").click()
    expect(page.get_by_role("heading", name="What to do next")).to_be_visible()
    expect(page.get_by_role("heading", name=WELCOME)).to_have_count(0)
    expect(open_page(fresh, "/").get_by_text("No jobs yet")).to_be_visible()


def test_a_link_leads_where_it_says_on_a_new_farm_too(
    fresh: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(fresh, "/workers")
    expect(page.get_by_text("No workers yet")).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()


def test_only_who_may_set_the_farm_up_is_led_there(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    wim = open_page(guarded, "/", cookie=guarded.session("wim")["Cookie"])
    expect(wim.get_by_text("No jobs yet")).to_be_visible()
    ada = open_page(guarded, "/", cookie=guarded.session("ada")["Cookie"])
    expect(ada.get_by_role("heading", name=WELCOME)).to_be_visible()
