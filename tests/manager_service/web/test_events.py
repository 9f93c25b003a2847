"""The page that tells what happens on the farm."""

from __future__ import annotations

import re
from itertools import count

from playwright.sync_api import expect

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import OpenPage


def test_what_happens_is_told_with_a_link_until_it_is_filtered_away(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    page = open_page(manager, "/system/events")
    expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()
    told = page.get_by_role("list", name="What happened, newest first").get_by_role("link")
    numbers = count(1)

    def is_told() -> bool:
        # What happens before the page is connected is not told.
        manager.submit(name=f"shot {next(numbers)}")
        try:
            expect(told.first).to_be_visible(timeout=3_000)
        except AssertionError:
            return False
        return True

    eventually(is_told)
    page.get_by_role("button", name="Workers").click()
    expect(told).to_have_count(0)
    page.get_by_role("button", name="Workers").click()
    told.first.click()
    expect(page).to_have_url(re.compile("/app/jobs/[0-9a-f-]{36}"))
