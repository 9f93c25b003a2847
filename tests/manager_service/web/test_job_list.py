"""The list of jobs in the browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import DESKTOP, PHONE, Farm, OpenPage
from tests.manager_service.web.studio import LARGE_JOB


def names(page: Page) -> list[str]:
    """Of the jobs in their order."""
    return page.locator(".body .row .name").all_inner_texts()


def test_every_job_that_is_not_archived_is_listed(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm)
    expect(page.get_by_role("link", name=LARGE_JOB)).to_be_visible()
    archived = {*shared_farm.studio.statuses["archived"]}
    assert {*names(page)} == {*shared_farm.studio.jobs} - archived
    page.get_by_role("button", name="Archived jobs").click()
    expect(page.get_by_role("heading", name="Archived jobs")).to_be_visible()
    expect(page.locator(".body .row")).to_have_count(len(archived))
    assert {*names(page)} == archived


def test_filters_are_links(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, "/jobs?status=failed&sort=name")
    failed = shared_farm.studio.statuses["failed"]
    expect(page.locator(".body .row")).to_have_count(len(failed))
    assert names(page) == sorted(failed)
    page.get_by_role("button", name="Failed").click()
    page.get_by_label("Search by name").fill("COMP")
    page.wait_for_url("**/jobs?sort=name&name=COMP")
    wanted = {name for name in shared_farm.studio.jobs if "comp" in name}
    wanted -= {*shared_farm.studio.statuses["archived"]}
    expect(page.locator(".body .row")).to_have_count(len(wanted))
    assert {*names(page)} == wanted


def test_names_are_text_and_nothing_else(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    manager.submit(name="<img src=x onerror=alert(1)>")
    page = open_page(manager)
    expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()


def test_an_empty_farm_says_what_to_do(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    page = open_page(manager)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    expect(page.get_by_role("link", name="Get the add-on")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everybody_can_use_the_list(
    shared_farm: Farm,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
    viewport: dict[str, int],
    theme: str,
) -> None:
    page = open_page(shared_farm, viewport=viewport, theme=theme)
    expect(page.get_by_role("link", name=LARGE_JOB)).to_be_visible()
    assert serious_problems(page) == []
