"""The page of what was rendered last, with images that workers send."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.flamenco_core.images import BLUE, RED, plain
from tests.manager_service.realtime.following import take_task
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.web.conftest import OpenPage


def render(manager: RunningManager, worker: WorkerLogin, task: str, image: bytes) -> None:
    reply = manager.request(
        "POST",
        f"/worker/task/{task}/output-produced",
        body=image,
        headers={"Content-Type": "image/png"},
        worker=worker,
    )
    assert reply.status == 202, reply


def test_images_show_as_they_come_and_one_after_the_other(
    manager: RunningManager,
    web_build: None,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
) -> None:
    page = open_page(manager, "/last-rendered")
    expect(page.get_by_text("No images yet")).to_be_visible()
    for name, colour in (("shot 1", RED), ("shot 2", BLUE)):
        worker = manager.add_worker(f"renders {name}")
        manager.submit(name=name)
        task = take_task(manager, worker)
        render(manager, worker, task["uuid"], plain(colour))
        picture = page.get_by_role("img", name=f"What {name} rendered last")
        expect(picture).to_be_visible()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    assert serious_problems(page) == []

    page.get_by_role("button", name="Show shot 2 large").click()
    large = page.get_by_role("dialog")
    expect(large).to_contain_text("1 of 2")
    page.keyboard.press("ArrowRight")
    expect(large).to_contain_text("shot 1")
    expect(page).to_have_url(re.compile("/last-rendered/[0-9a-f-]{36}$"))
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(page.get_by_role("button", name="Show shot 2 large")).to_be_focused()


def test_a_newer_image_takes_the_place_of_the_one_before(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    worker = manager.add_worker("render-01")
    manager.submit(name="shot 1")
    task = take_task(manager, worker)
    render(manager, worker, task["uuid"], plain(RED))
    page = open_page(manager, "/last-rendered")
    picture = page.get_by_role("img", name="What shot 1 rendered last")
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    render(manager, worker, task["uuid"], plain(BLUE))
    expect(picture).not_to_have_attribute("src", str(before))
