"""The API explorer: Swagger UI with what this project puts in its place."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import OpenPage
from tests.manager_service.web.keyboard import walk

TIME_LIMIT_MS = 180_000
"""Swagger UI computes for seconds, each time that it resolves the document: for busy machines."""


def test_operations_are_found_and_tried_out_by_everybody(
    shared_manager: RunningManager,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
) -> None:
    """All in one, since Swagger UI takes seconds to read the document."""
    page = open_page(shared_manager, theme="dark")
    page.set_default_timeout(TIME_LIMIT_MS)
    page.evaluate("localStorage.setItem('flamenco.theme', 'light')")
    page.goto(f"http://127.0.0.1:{shared_manager.port}/api/v3/docs")
    expect(page.get_by_role("heading", name="Operations")).to_be_visible(timeout=TIME_LIMIT_MS)
    expect(page.locator("body")).to_have_css("background-color", "rgb(243, 244, 247)")
    assert not [*walk(page)]

    log_in = page.get_by_role("button", name="Authorize", exact=True)
    log_in.click()
    dialog = page.get_by_role("dialog", name="Log in to try operations out")
    expect(dialog).to_be_visible()
    assert not serious_problems(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(log_in).to_be_focused()

    page.get_by_role("searchbox", name="Search operations").fill("getversion MANAGER")
    expect(page.locator(".opblock")).to_have_count(1)
    page.get_by_role("button", name="/api/v3/version").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text(
        '"farm_id"', timeout=TIME_LIMIT_MS
    )
    assert not serious_problems(page)
