"""What was typed and not stored is not lost by a click beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_configuration_over_http import serving
from tests.manager_service.web.conftest import OpenPage

TYPED = "typed and not stored"


@pytest.fixture
def configured(tmp_path: Path, web_build: None) -> Iterator[RunningManager]:
    with serving(tmp_path / "farm") as manager:
        yield manager


FIELDS = {
    "/settings": "manager_name",
    "/settings/variables": "Name",
    "/settings/job-types/echo-sleep-test": "Script of echo-sleep-test",
    "/settings/file": "flamenco-manager.yaml",
}


def typed_in(page: Page, path: str) -> None:
    field = page.get_by_role("textbox", name=FIELDS[path]).first
    expect(field).to_be_visible()
    expect(field).not_to_have_value("")
    field.fill(TYPED)


@pytest.mark.parametrize("path", FIELDS)
def test_who_leaves_with_something_typed_is_asked(
    configured: RunningManager, open_page: OpenPage, path: str
) -> None:
    page = open_page(configured, path)
    typed_in(page, path)
    for name in ("Workers", "Set-up assistant"):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.get_by_role("dialog").get_by_role("button", name="Stay here").click()
        expect(page.get_by_role("textbox", name=FIELDS[path]).first).to_have_value(TYPED)
    page.get_by_role("link", name="Workers", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Leave and lose it").click()
    expect(page.get_by_text("No workers yet")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("textbox", name=FIELDS[path]).first).not_to_have_value(TYPED)
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()


def test_another_job_type_is_not_opened_over_what_was_typed(
    configured: RunningManager, open_page: OpenPage
) -> None:
    path = "/settings/job-types/echo-sleep-test"
    page = open_page(configured, path)
    typed_in(page, path)
    page.get_by_role("link", name="simple-blender-render").click()
    page.get_by_role("dialog").get_by_role("button", name="Stay here").click()
    expect(page.get_by_label("Script of echo-sleep-test")).to_have_value(TYPED)
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("link", name="simple-blender-render").click()
    expect(page.get_by_label("Script of simple-blender-render")).to_be_visible()


def test_the_browser_asks_before_it_closes_the_page(
    configured: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(configured, "/settings")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    field = page.get_by_role("textbox", name="manager_name")
    field.click()
    field.press_sequentially(TYPED)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    expect(page.get_by_text("1 change", exact=True)).to_be_visible()
