"""The list of jobs in the browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import DESKTOP, PHONE, Farm, OpenPage
from tests.manager_service.web.studio import LARGE_JOB


def names(page: Page) -> list[str]:
    """Of the jobs in their order."""
    return [name.strip() for name in page.locator(".body .row .row-name").all_text_contents()]


def expect_names(page: Page, wanted: list[str] | set[str]) -> None:
    """Waits for these jobs, in their order if it is a list."""

    def are_there() -> bool:
        found = names(page)
        return (found if isinstance(wanted, list) else {*found}) == wanted

    eventually(are_there, f"for the jobs {wanted}")


def test_every_job_that_is_not_archived_is_listed(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm)
    archived = {*shared_farm.studio.statuses["archived"]}
    rest = {*shared_farm.studio.jobs} - archived
    expect(page.get_by_role("link", name=LARGE_JOB)).to_be_visible()
    expect(page.locator(".body .row")).to_have_count(len(rest))
    expect_names(page, rest)
    page.get_by_role("button", name="Archived jobs").click()
    expect(page.get_by_role("heading", name="Archived jobs")).to_be_visible()
    expect(page.locator(".body .row")).to_have_count(len(archived))
    expect_names(page, archived)


def test_filters_are_links(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, "/jobs?status=failed&sort=name")
    failed = shared_farm.studio.statuses["failed"]
    expect(page.locator(".body .row")).to_have_count(len(failed))
    expect_names(page, sorted(failed))
    page.get_by_role("button", name="Failed").click()
    page.get_by_label("Search by name").fill("COMP")
    page.wait_for_url("**/jobs?sort=name&name=COMP")
    wanted = {name for name in shared_farm.studio.jobs if "comp" in name}
    wanted -= {*shared_farm.studio.statuses["archived"]}
    expect(page.locator(".body .row")).to_have_count(len(wanted))
    expect_names(page, wanted)
    page.get_by_role("link", name=min(wanted), exact=True).click()
    expect(page.get_by_role("heading", name=min(wanted))).to_be_visible()
    expect(page.locator(".list-page .body .row")).to_have_count(len(wanted))
    assert page.url.endswith("?sort=name&name=COMP")


def test_jobs_of_a_worker_tag_are_shown_until_its_chip_is_clicked(
    small_farm: Farm, open_page: OpenPage
) -> None:
    name = min(small_farm.studio.statuses["queued"])
    tagged = {"action": "set-tag", "tag": "gpu"}
    assert small_farm.post(f"/jobs/{small_farm.studio.jobs[name]}/action", tagged).status == 204
    page = open_page(small_farm, "/jobs")
    page.get_by_role("button", name="More filters").click()
    page.get_by_label("Worker tag").select_option(label="gpu")
    page.get_by_role("button", name="Show these").click()
    rows = page.locator(".body .row")
    expect(rows).to_have_count(1)
    expect_names(page, [name])
    page.get_by_role("button", name="Worker tag: gpu").click()
    expect(page.get_by_role("link", name=LARGE_JOB)).to_be_visible()


def test_a_link_to_a_job_leads_to_its_row(shared_farm: Farm, open_page: OpenPage) -> None:
    oldest = shared_farm.studio.statuses["completed"][0]
    page = open_page(shared_farm, f"/jobs/{shared_farm.studio.jobs[oldest]}")
    expect(page.get_by_role("heading", name=oldest)).to_be_visible()
    expect(page.get_by_role("link", name=oldest, exact=True)).to_be_in_viewport()


def test_the_other_theme_reaches_every_text(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, "/jobs")
    expect(page.get_by_role("link", name=LARGE_JOB)).to_be_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("menuitem", name="Light theme").click()
    label = page.get_by_role("columnheader").get_by_text("Progress")
    colour = page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--text-soft')"
    )
    red, green, blue = bytes.fromhex(colour.strip().removeprefix("#"))
    expect(label).to_have_css("color", f"rgb({red}, {green}, {blue})")


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


def test_archived_jobs_tell_what_they_were_submitted_with(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, "/jobs?archived=true")
    [name, *_] = shared_farm.studio.statuses["archived"]
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("frames 1-12")
    expect(row.get_by_title("chunk size 1")).to_contain_text("fps 24")


def test_the_pointer_on_the_progress_tells_of_frames_and_samples(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm)
    row = page.locator(f'.body [data-id="{shared_farm.studio.large_job}"]')
    row.get_by_role("progressbar").hover()
    tooltip = page.get_by_role("tooltip")
    expect(tooltip.get_by_text("3700 of 10000 frames or steps")).to_be_visible()
    expect(tooltip.get_by_text("96 of 256 samples").first).to_be_visible()
    expect(tooltip.get_by_text("and 12 more")).to_be_visible()


def test_rows_that_are_kept_in_place_say_what_waits(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    manager.submit(name="first")
    page = open_page(manager)
    expect(page.get_by_role("link", name="first")).to_be_visible()
    page.get_by_role("button", name="Keep rows where they are").click()
    manager.submit(name="second")
    more = page.get_by_role("button", name="1 more since rows are kept in place: show")
    expect(more).to_be_visible()
    expect_names(page, ["first"])
    more.click()
    expect(page.get_by_role("link", name="second")).to_be_visible()


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
