"""An open job in the browser: tasks, logs, settings, times, output."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.web.conftest import DESKTOP, PHONE, Farm, OpenPage
from tests.manager_service.web.film import play_until
from tests.manager_service.web.studio import LARGE_JOB, MANY_TASKS


def first_task(manager: RunningManager, job: str, status: str) -> tuple[str, str]:
    """Id and name of a task with a status."""
    [task] = manager.get(f"/jobs/{job}/tasks?status={status}&limit=1").json["tasks"]
    return task["id"], task["name"]


def test_a_job_opens_beside_the_list_and_has_an_address(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm)
    page.get_by_role("link", name=LARGE_JOB).click()
    expect(page).to_have_url(re.compile(f"/app/jobs/{shared_farm.studio.large_job}$"))
    expect(page.get_by_role("heading", name=LARGE_JOB)).to_be_visible()
    expect(page.get_by_text(f"3700 of {MANY_TASKS}", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name=LARGE_JOB)).to_be_visible()
    page.get_by_role("button", name="Close the job").click()
    expect(page).to_have_url(re.compile("/app/jobs$"))


def test_a_table_of_ten_thousand_tasks_has_a_search_of_its_own(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, f"/jobs/{shared_farm.studio.large_job}")
    table = page.get_by_role("grid", name="Tasks of the job")
    expect(table).to_have_attribute("aria-rowcount", str(MANY_TASKS + 1))
    assert table.get_by_role("row").count() < 200, "only rows in view are real"
    page.keyboard.press("Control+f")
    page.get_by_label("Find in all rows").fill("render-8765")
    expect(page.get_by_role("search").get_by_text("1 of 1")).to_be_visible()
    expect(table.get_by_text("render-8765", exact=True)).to_be_in_viewport(ratio=1)
    page.get_by_role("search").get_by_role("button", name="Close").click()
    expect(table.locator(":focus")).to_contain_text("render-8765")
    field = page.get_by_label("Search by name or worker")
    field.focus()
    page.keyboard.press("Control+f")
    expect(page.get_by_label("Find in all rows")).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_be_focused()


def test_filtering_tasks_leaves_those_that_fit(shared_farm: Farm, open_page: OpenPage) -> None:
    page = open_page(shared_farm, f"/jobs/{shared_farm.studio.large_job}")
    table = page.get_by_role("grid", name="Tasks of the job")
    expect(table).to_have_attribute("aria-rowcount", str(MANY_TASKS + 1))
    tools = page.get_by_label("The open job").get_by_role("group", name="Show only these statuses")
    tools.get_by_role("button", name="Active").click()
    expect(table).to_have_attribute("aria-rowcount", "19")
    page.get_by_label("Search by name or worker").fill("render-371")
    # 3710 to 3718 run.
    expect(table).to_have_attribute("aria-rowcount", "10")


def test_a_link_to_a_task_leads_to_its_row(shared_farm: Farm, open_page: OpenPage) -> None:
    job = shared_farm.studio.large_job
    task, name = first_task(shared_farm, job, "active")
    page = open_page(shared_farm, f"/jobs/{job}/tasks/{task}")
    table = page.get_by_role("grid", name="Tasks of the job")
    expect(table.get_by_role("link", name=name, exact=True)).to_be_in_viewport(ratio=1)
    # Nor does the task leave no room for what it wrote.
    log = page.get_by_role("log")
    expect(log).to_contain_text("starting blender-render")
    box = log.bounding_box()
    assert box
    assert box["height"] > 150


def test_a_task_shows_its_log_with_a_search(shared_farm: Farm, open_page: OpenPage) -> None:
    job = shared_farm.studio.large_job
    task, name = first_task(shared_farm, job, "active")
    page = open_page(shared_farm, f"/jobs/{job}/tasks/{task}")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    log = page.get_by_role("log")
    expect(log.get_by_text(f"Task {name}: starting blender-render")).to_be_visible()
    page.get_by_label("Search in the log").fill("sprite_body")
    expect(log.locator(".hit")).to_have_count(1)
    page.get_by_role("button", name="Commands").click()
    expect(page.get_by_text('"--render-frame"')).to_be_visible()
    page.get_by_role("button", name="Attempts").click()
    expect(page.get_by_text("No attempt has ended yet.")).to_be_visible()
    task, _ = first_task(shared_farm, job, "completed")
    page.goto(f"{page.url.rpartition('/')[0]}/{task}")
    page.get_by_role("button", name="Attempts").click()
    expect(page.get_by_role("cell", name="completed")).to_be_visible()


def test_a_log_goes_on_while_it_is_shown_and_waits_while_it_is_paused(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    manager.submit()
    worker = manager.add_worker()
    task = manager.post("/worker/task", worker=worker).json
    write(manager, worker, task, "the first line\n")
    page = open_page(manager, f"/jobs/{task['job']}/tasks/{task['uuid']}")
    log = page.get_by_role("log")
    expect(log.get_by_text("the first line")).to_be_visible()
    write(manager, worker, task, "the second line\n")
    expect(log.get_by_text("the second line")).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).last.click()
    write(manager, worker, task, "the third line\n")
    page.get_by_role("button", name="Go on (there is more)").click()
    expect(log.get_by_text("the third line")).to_be_visible()
    assert log.inner_text().count("the second line") == 1


def write(manager: RunningManager, worker: WorkerLogin, task: dict[str, str], log: str) -> None:
    update = {"taskStatus": "active", "log": log}
    reply = manager.post(f"/worker/task/{task['uuid']}", update, worker=worker)
    assert reply.status == 204, reply


def test_settings_metadata_and_times_are_there(shared_farm: Farm, open_page: OpenPage) -> None:
    job = shared_farm.studio.large_job
    page = open_page(shared_farm, f"/jobs/{job}/details")
    expect(page.get_by_text("1-10000", exact=True)).to_be_visible()
    expect(page.get_by_text("ben.lindqvist").last).to_be_visible()
    page.get_by_role("link", name="Times").click()
    expect(page.get_by_role("figure", name="Seconds of each of 3700 frames")).to_be_visible()
    page.get_by_role("link", name="Why not?").click()
    expect(page.get_by_role("heading", name="Why workers get nothing of it")).to_be_visible()


def test_overrides_that_are_no_python_are_refused_and_stay_in_the_field(
    small_farm: Farm, open_page: OpenPage
) -> None:
    job = small_farm.studio.large_job
    page = open_page(small_farm, f"/jobs/{job}/details", is_trouble_expected=True)
    field = page.get_by_label("RNA overrides")
    field.fill("bpy.context.scene.cycles.samples = = 64")
    page.get_by_role("button", name="Save overrides").click()
    expect(
        page.get_by_text("rna_overrides[0]").or_(page.get_by_text("line 1")).first
    ).to_be_visible()
    expect(field).to_have_value("bpy.context.scene.cycles.samples = = 64")
    field.fill("bpy.context.scene.cycles.samples = 64")
    page.get_by_role("button", name="Save overrides").click()
    expect(page.get_by_text("Overrides saved")).to_be_visible()
    saved = small_farm.get(f"/jobs/{job}/rna-overrides").json["rna_overrides"]
    assert saved == ["bpy.context.scene.cycles.samples = 64"]


def test_rendered_frames_play_as_a_film(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    folder = manager.config.shared_storage / "render" / "shot"
    folder.mkdir(parents=True)
    for frame in (1, 2, 4):
        Image.new("RGB", (64, 36), (frame * 60, 40, 90)).save(folder / f"{frame:06d}.png")
    job = manager.submit()
    page = open_page(manager, f"/jobs/{job['id']}/files?folder={folder}")
    page.get_by_role("button", name="######.png").click()
    player = page.get_by_role("dialog")
    expect(player.get_by_text("(1 of 3)")).to_be_visible()
    expect(player.get_by_text("Missing in between: 3")).to_be_visible()
    canvas = player.get_by_role("img")
    expect(canvas).to_have_attribute("width", "64")
    player.get_by_role("button", name="Forward").click()
    expect(player.get_by_text("(2 of 3)")).to_be_visible()
    play_until(player, "(3 of 3)")


def test_a_task_has_a_phone_to_itself_and_leads_back(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    job = shared_farm.studio.large_job
    task, name = first_task(shared_farm, job, "active")
    page = open_page(shared_farm, f"/jobs/{job}/tasks/{task}", viewport=PHONE)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_in_viewport()
    head = page.get_by_label("The open job").get_by_role("button", name="Priority 90")
    expect(head).to_be_hidden()
    page.get_by_role("link", name=LARGE_JOB).click()
    expect(head).to_be_in_viewport()
    table = page.get_by_role("grid", name="Tasks of the job")
    expect(table).to_have_attribute("aria-rowcount", str(MANY_TASKS + 1))
    expect(table.get_by_role("row").nth(9)).to_be_visible()
    assert table.get_by_role("row").count() < 200, "only rows in view are real"


def test_what_takes_long_to_read_says_so_meanwhile(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    job = manager.submit(name="slow shot")
    page = open_page(manager)
    link = page.get_by_role("link", name="slow shot")
    expect(link).to_be_visible()
    page.route(f"**/api/v3/jobs/{job['id']}", lambda _: None)
    link.click()
    expect(page.get_by_text("Reading the job …")).to_be_visible()
    page.unroute_all()
    page.reload()
    expect(page.get_by_role("heading", name="slow shot")).to_be_visible()
    expect(page.get_by_text("Reading the job …")).to_have_count(0)


def test_a_job_that_is_not_there_says_so(shared_farm: Farm, open_page: OpenPage) -> None:
    path = "/jobs/00000000-0000-4000-8000-000000000000"
    page = open_page(shared_farm, path, is_trouble_expected=True)
    expect(page.get_by_role("heading", name="There is no such job")).to_be_visible()


@pytest.mark.parametrize("tab", ["tasks", "details", "times", "files", "why"])
@pytest.mark.parametrize(
    ("viewport", "theme"), [(DESKTOP, "dark"), (PHONE, "light")], ids=["desktop", "phone"]
)
def test_everybody_can_use_an_open_job(
    shared_farm: Farm,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
    tab: str,
    viewport: dict[str, int],
    theme: str,
) -> None:
    job = shared_farm.studio.large_job
    path = f"/jobs/{job}/{tab}"
    if tab == "tasks":
        path += f"/{first_task(shared_farm, job, 'active')[0]}"
    is_missing = tab == "files"  # Nothing was rendered on this machine.
    page = open_page(
        shared_farm, path, viewport=viewport, theme=theme, is_trouble_expected=is_missing
    )
    opened = page.get_by_label("The open job")
    expect(opened.get_by_role("heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert serious_problems(page) == []
