"""Selecting many, and doing something with them at once."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.manager_service.web.conftest import Farm, OpenPage


def statuses(farm: Farm, names: list[str]) -> set[str]:
    return {farm.get(f"/jobs/{farm.studio.jobs[name]}").json["status"] for name in names}


def test_a_range_of_jobs_is_paused_in_one_request_and_taken_back(
    small_farm: Farm, open_page: OpenPage
) -> None:
    queued = sorted(small_farm.studio.statuses["queued"])
    page = open_page(small_farm, "/jobs?status=queued&sort=name")
    rows = page.locator(".body .row")
    expect(rows).to_have_count(len(queued))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    rows.nth(0).get_by_role("checkbox").click()
    rows.nth(3).click(modifiers=["Shift"])
    toolbar = page.get_by_role("toolbar", name="With what is selected")
    expect(toolbar.get_by_text("4 jobs")).to_be_visible()
    requeue = toolbar.get_by_role("button", name="Requeue")
    expect(requeue).to_have_attribute("aria-disabled", "true")
    expect(requeue).to_have_attribute("title", "4: it is queued")
    toolbar.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Pausing 4 jobs")).to_be_visible()
    done = [body for body in sent if '"pause"' in body and '"preview":false' in body]
    assert len(done) == 1
    # The filter asks for queued ones, but nothing moves away while it is selected.
    expect(rows).to_have_count(len(queued))
    expect(rows.locator('[data-status="paused"]')).to_have_count(4)
    assert statuses(small_farm, queued[:4]) == {"paused"}
    page.get_by_role("button", name="Undo").click()
    expect(rows.locator('[data-status="queued"]')).to_have_count(len(queued))
    assert statuses(small_farm, queued[:4]) == {"queued"}


def test_buttons_say_to_how_many_they_apply(small_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(small_farm, "/jobs?status=queued,completed&sort=name")
    queued, completed = (small_farm.studio.statuses[each] for each in ("queued", "completed"))
    expect(page.locator(".body .row")).to_have_count(len(queued) + len(completed))
    page.get_by_label("Select all").check()
    toolbar = page.get_by_role("toolbar", name="With what is selected")
    expect(toolbar.get_by_role("button", name=f"Pause {len(queued)}")).to_be_visible()
    expect(toolbar.get_by_role("button", name=f"Requeue {len(completed)}")).to_be_visible()
    toolbar.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name=f"Archive {len(completed)}").click()
    question = page.get_by_role("dialog", name=f"Archive: {len(completed)} jobs?")
    expect(question.get_by_text(f"Not {len(queued)} jobs: it is queued")).to_be_visible()
    question.get_by_role("button", name="Leave it").click()
    assert statuses(small_farm, completed) == {"completed"}
    toolbar.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Archive").click()
    page.get_by_role("button", name="Archive", exact=True).click()
    told = f"Archived {len(completed)} jobs, not {len(queued)} jobs"
    expect(page.get_by_text(told)).to_be_visible()


def test_the_keyboard_is_enough(small_farm: Farm, open_page: OpenPage) -> None:
    queued = sorted(small_farm.studio.statuses["queued"])
    page = open_page(small_farm, "/jobs?status=queued&sort=name")
    rows = page.locator(".body .row")
    expect(rows).to_have_count(len(queued))
    rows.nth(0).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("3 jobs", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=queued[2])).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog").locator("input")).to_be_focused()
    page.keyboard.type(queued[1][:12])
    expect(page.get_by_role("option", name=queued[1])).to_be_visible()
    page.get_by_role("option", name=queued[1]).click()
    expect(page.get_by_role("heading", name=queued[1])).to_be_visible()
    # In the field of the palette it would be a letter like any other.
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_all_tasks_of_a_status_are_queued_again_at_once(
    small_farm: Farm, open_page: OpenPage
) -> None:
    name = small_farm.studio.statuses["failed"][0]
    job = small_farm.studio.jobs[name]
    failed = small_farm.get(f"/jobs/{job}").json["task_counts"]["failed"]
    page = open_page(small_farm, f"/jobs/{job}")
    page.get_by_role("button", name="All of one status").click()
    page.get_by_role("menuitem", name=f"Requeue all {failed} that are failed").click()
    expect(page.get_by_text(f"Requeued {failed} task")).to_be_visible()
    assert "failed" not in small_farm.get(f"/jobs/{job}").json["task_counts"]


def test_a_job_is_deleted_after_saying_what_goes(small_farm: Farm, open_page: OpenPage) -> None:
    name = small_farm.studio.statuses["canceled"][0]
    job = small_farm.studio.jobs[name]
    # The browser complains of what is gone when it is asked for.
    page = open_page(small_farm, f"/jobs/{job}", is_trouble_expected=True)
    opened = page.get_by_label("The open job")
    opened.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    question = page.get_by_role("dialog", name=f"Delete “{name}”?")
    expect(question.get_by_text("12 tasks with their logs")).to_be_visible()
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="This job was deleted")).to_be_visible()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_filters_are_saved_under_a_name_for_oneself_or_for_all(
    small_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(small_farm, "/jobs?status=failed&sort=name")
    expect(page.locator(".body .row")).to_have_count(3)
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_role("menuitem", name="Save these filters …").click()
    page.get_by_role("textbox", name="Name").fill("To look after")
    page.get_by_label("For everybody").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved “To look after”")).to_be_visible()
    other = open_page(small_farm, "/jobs")
    other.get_by_role("button", name="Saved filters").click()
    other.get_by_role("menuitem", name="To look after").click()
    expect(other.locator(".body .row")).to_have_count(3)
    expect(other).to_have_url(re.compile("status=failed"))
    [saved] = small_farm.get("/saved-queries").json["queries"]
    assert (saved["name"], saved["is_shared"]) == ("To look after", True)
    assert saved["query"] == {"status": "failed", "sort": "name"}
