"""The pages of workers and tags, as a wrangler uses them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.manager_service.blocked_worker import block
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import PHONE, Farm, OpenPage

NAME = "gpu-render-01.studio.lan"
OTHER = "gpu-render-04.studio.lan"


def test_the_list_tells_what_each_worker_is_and_does(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, "/workers")
    table = page.get_by_role("grid", name="Workers")
    expect(table.get_by_role("row").filter(has_text=NAME)).to_contain_text("OPTIX")
    expect(table.get_by_role("row").filter(has_text=NAME)).to_contain_text("render-room")
    expect(table.get_by_role("row").filter(has_text="render.studio")).to_have_count(0)
    page.get_by_role("textbox", name="Search by name").fill("desk-")
    expect(table.get_by_role("row").filter(has_text="desk-render")).to_have_count(20)
    expect(table.get_by_role("row").filter(has_text=NAME)).to_have_count(0)
    expect(page).to_have_url(re.compile("name=desk-"))
    page.get_by_role("combobox", name="Only with this tag").select_option(label="gpu")
    expect(page.get_by_text("No worker fits these filters")).to_be_visible()
    page.get_by_role("button", name="Show all workers").click()
    expect(table.get_by_role("row").filter(has_text=NAME)).to_be_visible()


def test_two_browsers_see_what_is_asked_of_a_worker(small_farm: Farm, open_page: OpenPage) -> None:
    worker = small_farm.studio.workers[NAME]
    asking = open_page(small_farm, f"/workers/{worker}")
    seeing = open_page(small_farm, "/workers")
    expect(seeing.get_by_role("row").filter(has_text=NAME)).to_be_visible()
    asking.get_by_role("button", name="Sleep after its task", exact=True).click()
    expect(asking.get_by_text("Asked to be Asleep after its task")).to_be_visible()
    expect(seeing.get_by_role("row").filter(has_text=NAME)).to_contain_text("asleep after its task")
    asking.get_by_role("button", name="Undo").click()
    expect(seeing.get_by_role("row").filter(has_text=NAME)).not_to_contain_text("asleep after")


def test_actions_that_would_be_refused_say_why(shared_farm: Farm, open_page: OpenPage) -> None:
    worker = shared_farm.studio.workers[NAME]
    page = open_page(shared_farm, f"/workers/{worker}")
    button = page.get_by_role("button", name="Wake", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("^Not now: "))


def test_a_selection_is_put_to_sleep_at_once(small_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(small_farm, "/workers?name=cpu-render")
    expect(page.get_by_role("row").filter(has_text="cpu-render")).to_have_count(20)
    page.get_by_role("checkbox", name=re.compile("all", re.IGNORECASE)).first.check()
    page.get_by_role("button", name=re.compile("^Sleep now")).click()
    expect(page.get_by_role("status").filter(has_text="Going to sleep: ")).to_be_visible()
    wanted = [worker.get("status_change") for worker in workers(small_farm, "cpu-render")]
    assert {"status": "asleep", "is_lazy": False} in wanted


def test_a_sleep_schedule_is_stored_and_shown_as_a_week(
    small_farm: Farm, open_page: OpenPage
) -> None:
    worker = small_farm.studio.workers[NAME]
    page = open_page(small_farm, f"/workers/{worker}/schedule")
    page.get_by_role("checkbox", name="Sleep by this schedule").check()
    page.get_by_role("button", name="Sat").click()
    page.get_by_role("button", name="Sun").click()
    page.get_by_label("Sleep from").fill("22:00")
    page.get_by_label("until").fill("06:30")
    # Five nights, each on two days.
    expect(page.locator(".asleep")).to_have_count(10)
    page.get_by_role("button", name="Store").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    stored = small_farm.get(f"/worker-mgt/workers/{worker}/sleep-schedule").json
    assert stored == {
        "is_active": True,
        "days_of_week": "mo tu we th fr",
        "start_time": "22:00",
        "end_time": "06:30",
    }


def test_times_of_day_have_24_hours_and_are_not_lost_by_a_click_beside(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    worker = shared_farm.studio.workers[NAME]
    page = open_page(shared_farm, f"/workers/{worker}/schedule")
    begin, end = page.get_by_label("Sleep from"), page.get_by_label("until")
    begin.fill("2030")
    end.fill("7")
    end.blur()
    expect(begin).to_have_value("20:30")
    expect(end).to_have_value("07:00")
    end.fill("25:00")
    expect(page.get_by_text("Hours and minutes, such as 08:30")).to_be_visible()
    store = page.get_by_role("button", name="Store")
    expect(store).to_have_attribute("title", "One of the times is none")
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stay here").click()
    expect(end).to_have_value("25:00")
    page.get_by_role("button", name="Discard").click()
    expect(begin).to_have_value("08:00")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page).to_have_url(re.compile("/history$"))


def test_what_was_done_to_a_worker_can_be_read_and_leads_to_its_tasks(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, f"/workers/{shared_farm.studio.workers[NAME]}/history")
    assigned = page.get_by_role("listitem").filter(has_text="task.assign").first
    expect(assigned).not_to_contain_text("worker:")
    assigned.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"/app/jobs/[0-9a-f-]{36}/tasks/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", name=re.compile("^render-"))).to_be_visible()


def test_a_link_to_a_task_that_is_gone_leads_to_the_jobs(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    missing = "9d8e4c3e-5a52-4ae6-a36f-66a4bc4bdb2f"
    page = open_page(shared_farm, f"/tasks/{missing}", is_trouble_expected=True)
    expect(page.get_by_role("heading", name="There is no such task")).to_be_visible()
    page.get_by_role("link", name="To the jobs").click()
    expect(page).to_have_url(re.compile(r"/app/jobs$"))


def test_the_list_leads_to_what_each_worker_renders(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, "/workers?sort=-task")
    busy = page.get_by_role("grid", name="Workers").get_by_role("row").nth(1)
    link = busy.get_by_role("link", name=re.compile("v0.* render-|final, 10,000 frames render-"))
    link.click()
    expect(page).to_have_url(re.compile(r"/app/jobs/[0-9a-f-]{36}/tasks/"))


def test_a_worker_without_samples_says_so(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, f"/workers/{shared_farm.studio.workers[NAME]}/graphs")
    expect(page.get_by_text("Nothing is known of that time")).to_be_visible()


def test_a_link_to_a_worker_that_is_gone_leads_back(shared_farm: Farm, open_page: OpenPage) -> None:
    missing = "9d8e4c3e-5a52-4ae6-a36f-66a4bc4bdb2f"
    page = open_page(shared_farm, f"/workers/{missing}", is_trouble_expected=True)
    expect(page.get_by_text("There is no such worker")).to_be_visible()
    page.get_by_role("button", name="Back to the list").click()
    expect(page).to_have_url(re.compile(r"/app/workers$"))


def test_an_empty_farm_says_how_to_start_a_worker(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    page = open_page(manager, "/workers")
    expect(page.get_by_text("No workers yet")).to_be_visible()
    expect(page.get_by_text(f"--manager http://127.0.0.1:{manager.port}/")).to_be_visible()


def test_a_tag_is_made_given_taken_renamed_and_deleted(
    small_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(small_farm, "/tags")
    page.get_by_role("button", name="New tag").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("night shift")
    page.get_by_role("button", name="Store").click()
    card = page.locator(".tags li").filter(has_text="night shift")
    expect(card).to_contain_text("0 workers")
    card.get_by_role("button", name="Assign").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("gpu-render")
    dialog.get_by_role("button", name="Give to all shown").click()
    expect(card).to_contain_text("20 workers")
    dialog.get_by_role("checkbox", name=OTHER).uncheck()
    expect(card).to_contain_text("19 workers")
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Rename or describe").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("day shift")
    page.get_by_role("button", name="Store").click()
    renamed = page.locator(".tags li").filter(has_text="day shift")
    expect(renamed).to_contain_text("19 workers")
    renamed.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(renamed).to_have_count(0)
    assert "day shift" not in [
        tag["name"] for tag in small_farm.get("/worker-mgt/tags").json["tags"]
    ]


def test_a_tag_that_is_there_already_keeps_what_was_typed(
    small_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(small_farm, "/tags", is_trouble_expected=True)
    page.get_by_role("button", name="New tag").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("gpu")
    page.get_by_role("button", name="Store").click()
    expect(page.get_by_text("The tag could not be stored")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("gpu")


@pytest.mark.parametrize("path", ["/workers", "/workers/{}", "/workers/{}/schedule", "/tags"])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everybody_can_use_these_pages(
    shared_farm: Farm,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
    path: str,
    theme: str,
) -> None:
    page = open_page(shared_farm, path.format(shared_farm.studio.workers[NAME]), theme=theme)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.get_by_text("Reading the workers")).to_have_count(0)
    assert serious_problems(page) == []


def test_a_phone_shows_the_list_and_then_the_worker(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, "/workers?name=gpu-render-01", viewport=PHONE)
    page.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name=NAME)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def workers(farm: Farm, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = farm.get(f"/worker-mgt/workers?name={name}").json["workers"]
    return found


def test_a_worker_that_jobs_block_is_let_try_again(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    job, castor = block(manager)
    page = open_page(manager, f"/workers/{castor.uuid}")
    blocked = page.locator("section.card", has_text="Blocked from")
    expect(blocked.get_by_role("listitem")).to_contain_text("blender")
    blocked.get_by_role("button", name="Let it try again").click()
    expect(blocked).to_contain_text("No job: ")
    assert manager.get(f"/jobs/{job}/blocklist").json == []
