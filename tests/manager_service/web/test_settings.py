"""The pages of settings and of the system, as an admin uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_configuration_over_http import report, serving, text_of
from tests.manager_service.web.conftest import Farm, OpenPage


@pytest.fixture
def configured(tmp_path: Path, web_build: None) -> Iterator[RunningManager]:
    with serving(tmp_path / "farm") as manager:
        yield manager


def test_a_setting_is_changed_in_the_file_whose_comments_stay(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings")
    page.get_by_role("textbox", name="task_timeout").fill("45m")
    expect(page.get_by_text("1 change", exact=True)).to_be_visible()
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("Stored; it counts from now on")).to_be_visible()
    assert "task_timeout: 45m" in text_of(configured)
    assert "# on the third floor" in text_of(configured)


def test_a_setting_that_cannot_be_used_is_explained_beside_it(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings", is_trouble_expected=True)
    page.get_by_role("textbox", name="task_timeout").fill("soon")
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("Nothing was stored")).to_be_visible()
    expect(page.get_by_role("textbox", name="task_timeout")).to_have_value("soon")
    expect(page.get_by_role("textbox", name="task_timeout")).to_have_attribute(
        "aria-invalid", "true"
    )
    assert "task_timeout: 20m" in text_of(configured)


def test_who_was_slower_is_told_and_loses_nothing(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings", is_trouble_expected=True)
    page.get_by_role("textbox", name="task_timeout").fill("45m")
    changed = text_of(configured).replace("blocklist_threshold: 4", "blocklist_threshold: 5")
    (configured.config.home / "flamenco-manager.yaml").write_text(changed, encoding="utf-8")
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("Nothing was stored")).to_be_visible()
    expect(page.get_by_role("textbox", name="task_timeout")).to_have_value("45m")


def test_a_path_is_tried_with_variables_that_are_not_stored_yet(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings/variables")
    disk = page.locator(".card").filter(has=page.get_by_label("Delete the variable disk"))
    disk.get_by_role("button", name="Another value").click()
    page.get_by_role("textbox", name="A value of disk").last.fill("P:\\farm")
    page.get_by_label("Platform of a value of disk").last.select_option("windows")
    page.get_by_label("A path as somebody gives it").fill("/mnt/farm/shot.blend")
    expect(page.get_by_text("{disk}/shot.blend").first).to_be_visible()
    expect(page.get_by_text("P:\\farm\\shot.blend")).to_be_visible()
    page.get_by_role("button", name="Store the variables").click()
    expect(page.get_by_text("The variables are stored")).to_be_visible()
    values = report(configured)["variables"]["disk"]["values"]
    assert {(each["value"], *each["platforms"]) for each in values} == {
        ("/mnt/farm", "linux"),
        ("P:\\farm", "windows"),
    }


def test_the_file_is_checked_before_it_is_stored(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings/file", is_trouble_expected=True)
    field = page.get_by_label("flamenco-manager.yaml")
    good = text_of(configured).replace("20m", "30m").replace("tr33house", "(secret)")
    field.fill(good + "nonsense: [\n")
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("Nothing was stored")).to_be_visible()
    field.fill(good)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("The file has no mistakes")).to_be_visible()
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("The file is stored")).to_be_visible()
    assert "task_timeout: 30m" in text_of(configured)
    assert "tr33house" in text_of(configured)


def test_a_built_in_job_type_is_customised_checked_and_taken_back(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings/job-types/echo-sleep-test", is_trouble_expected=True)
    script = page.get_by_label("Script of echo-sleep-test")
    source = script.input_value()
    script.fill(source + "\nthis is no script\n")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("line ")).to_be_visible()
    script.fill(source + "\n# the studio's own\n")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("It works")).to_be_visible()
    page.get_by_role("button", name="Store", exact=True).click()
    expect(page.get_by_text("customised, ")).to_be_visible()
    page.get_by_role("button", name="Delete the farm’s own script echo-sleep-test").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the script").click()
    expect(page.get_by_text("customised, ")).to_have_count(0)


def test_a_new_farm_is_set_up_in_three_steps(
    configured: RunningManager, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(configured, "/settings/set-up")
    page.get_by_label("Shared storage").fill(str(tmp_path / "nowhere"))
    page.get_by_role("button", name="Check").first.click()
    folder = page.locator("form").first.get_by_role("status")
    expect(folder).to_have_class("wrong")
    expect(page.get_by_role("button", name="Store the set-up")).to_be_disabled()
    (tmp_path / "shared").mkdir()
    page.get_by_label("Shared storage").fill(str(tmp_path / "shared"))
    page.get_by_role("button", name="Check").first.click()
    expect(folder).to_have_class("good")
    page.get_by_label("Another Blender").fill("blender")
    page.get_by_role("button", name="Check").last.click()
    page.get_by_role("button", name="Store the set-up").click()
    expect(page.get_by_text("The farm is set up")).to_be_visible()
    assert str(tmp_path / "shared") in text_of(configured)


def test_background_work_is_done_when_it_is_asked_for(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/system/background")
    row = page.get_by_role("listitem").filter(has_text="Checking the farm")
    row.get_by_role("button").click()
    expect(page.get_by_text("Checking the farm: asked for")).to_be_visible()
    expect(row.get_by_text("Not yet")).to_have_count(0)


def test_the_system_tells_what_it_is_and_who_would_get_what(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, "/system")
    expect(page.get_by_text(f"http://127.0.0.1:{shared_farm.port}/").first).to_be_visible()
    expect(page.get_by_text("48 awake")).to_be_visible()
    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_role("row").filter(has_text="render-").first).to_be_visible()
    page.get_by_role("link", name="Audit log").click()
    page.get_by_label("Did what").fill("job.archive")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text="job.archive")).to_have_count(4)
    page.get_by_role("link", name="Downloads").click()
    expect(page.get_by_role("link", name="API explorer")).to_be_visible()
    expect(page.get_by_text("Install the Worker as this Manager was")).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        *("/settings", "/settings/variables", "/settings/job-types/echo-sleep-test"),
        *("/settings/file", "/settings/set-up", "/system", "/system/background", "/system/audit"),
    ],
)
def test_everybody_can_use_these_pages(
    configured: RunningManager,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
    path: str,
) -> None:
    page = open_page(configured, path, theme="light" if "system" in path else "dark")
    expect(page.locator(".card, textarea, .filters").first).to_be_visible()
    assert serious_problems(page) == []
