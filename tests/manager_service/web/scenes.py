"""Everything that the web interface shows, one scene each: for pictures, and for checks of all.

A scene is an address and, where something has to be opened first, what a person would do. None of
them changes the farm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from playwright.sync_api import Page

from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.studio import Studio

LONG_AGO = "00000000-0000-4000-8000-000000000000"


class Place(StrEnum):
    """The farm that a scene plays on."""

    STUDIO = "studio"
    EMPTY = "empty"
    """Set up, but with nothing on it yet."""
    NEW = "new"
    """That nobody has set up."""
    GUARDED = "guarded"
    """Where people have to log in, and nobody has."""


@dataclass(frozen=True)
class Scene:
    name: str
    path: str
    act: Callable[[Page], object] | None = None
    place: Place = Place.STUDIO
    base: str = "/app"
    """What stands before the path."""


def scenes(manager: RunningManager, studio: Studio) -> Iterator[Scene]:
    """All there are, on a farm as `studio.py` fills it."""
    yield from _jobs(manager, studio)
    yield from _workers(studio)
    yield from _other_pages(manager, studio)
    yield from _settings()
    yield from _system(manager, studio)
    yield from _shell(studio)
    for name in ("jobs", "workers", "tags", "last-rendered"):
        yield Scene(f"empty-{name}", f"/{name}", place=Place.EMPTY)
    yield Scene("first-run", "/", _be_welcomed, place=Place.NEW)
    yield Scene("login", "/jobs", place=Place.GUARDED)
    yield Scene("login-refused", "/jobs", _log_in_wrongly, place=Place.GUARDED)


def _jobs(manager: RunningManager, studio: Studio) -> Iterator[Scene]:
    large = f"/jobs/{studio.large_job}"
    failed = f"/jobs/{studio.jobs[studio.statuses['failed'][0]]}"
    yield Scene("jobs", "/jobs")
    yield Scene("jobs-filtered", "/jobs?status=failed,canceled&name=anim")
    yield Scene("jobs-nothing-fits", "/jobs?name=nothing+is+called+that")
    yield Scene("jobs-filters", "/jobs", lambda page: _click(page, "Filters"))
    yield Scene("jobs-saved", "/jobs?status=failed", lambda page: _click(page, "Saved filters"))
    yield Scene("jobs-save", "/jobs?status=failed&sort=name", _name_filters)
    yield Scene("jobs-selected", "/jobs?status=queued,completed,active&sort=name", _select_all)
    yield Scene("jobs-more-actions", "/jobs?status=queued,completed&sort=name", _more_of_selected)
    yield Scene("jobs-hover", "/jobs", lambda page: _progress(page, studio.large_job))
    yield Scene("jobs-archived", "/jobs?archived=true")
    archived = studio.jobs[studio.statuses["archived"][0]]
    yield Scene("job-archived", f"/jobs/{archived}?archived=true")
    yield Scene("job-archived-details", f"/jobs/{archived}/details?archived=true")
    yield Scene("job", large)
    yield Scene("job-failed", failed)
    yield Scene("job-actions", large, _more_of_job)
    yield Scene("job-priority", large, lambda page: _click(page, "Priority 90"))
    yield Scene("job-delete", large, _ask_to_delete)
    yield Scene("job-find", large, _find_in_rows)
    for tab in ("details", "times", "files", "why"):
        yield Scene(f"job-{tab}", f"{large}/{tab}")
    yield Scene("job-player", f"{large}/files", lambda page: _click(page, "######.png"))
    yield Scene("job-not-there", f"/jobs/{LONG_AGO}")
    task = _task(manager, studio.large_job, "active")
    ended = _task(manager, studio.large_job, "completed")
    broken = _task(manager, failed.rpartition("/")[2], "failed")
    yield Scene("task", f"{large}/tasks/{task}")
    yield Scene("task-commands", f"{large}/tasks/{task}", lambda page: _click(page, "Commands"))
    yield Scene("task-attempts", f"{large}/tasks/{ended}", lambda page: _click(page, "Attempts"))
    yield Scene("task-failed", f"{failed}/tasks/{broken}")


def _workers(studio: Studio) -> Iterator[Scene]:
    names = iter(studio.workers)
    worker = f"/workers/{studio.workers[next(names)]}"
    desk = f"/workers/{studio.workers['desk-render-03.studio.lan']}"
    broken = f"/workers/{studio.workers['gpu-render-13.studio.lan']}"
    yield Scene("workers", "/workers")
    yield Scene("workers-selected", "/workers?name=gpu", _select_all)
    yield Scene("worker", worker)
    yield Scene("worker-error", broken)
    for tab in ("graphs", "schedule", "history"):
        yield Scene(f"worker-{tab}", f"{worker}/{tab}")
    yield Scene("worker-nights", f"{desk}/schedule")
    yield Scene("worker-no-graphs", f"{desk}/graphs")


def _other_pages(manager: RunningManager, studio: Studio) -> Iterator[Scene]:
    yield Scene("tags", "/tags")
    yield Scene("tags-new", "/tags", lambda page: _click(page, "New tag"))
    yield Scene(
        "tags-workers",
        "/tags",
        lambda page: page.get_by_role("button", name="Assign").first.click(),
    )
    yield Scene("last-rendered", "/last-rendered")
    yield Scene("last-rendered-large", f"/last-rendered/{studio.large_job}")
    yield Scene("slideshow", "/last-rendered", lambda page: _click(page, "Show all in turn"))
    yield Scene("no-such-page", "/nowhere")
    yield from _explorer()


def _explorer() -> Iterator[Scene]:
    operation = "/docs#/meta/getVersion"
    yield Scene("api-explorer", "/docs", _see_operations, base="/api/v3")
    yield Scene("api-explorer-search", "/docs", _search_operations, base="/api/v3")
    yield Scene("api-explorer-operation", operation, _try_an_operation, base="/api/v3")
    yield Scene("api-explorer-log-in", "/docs", _authorize, base="/api/v3")


def _settings() -> Iterator[Scene]:
    yield Scene("settings", "/settings")
    yield Scene("settings-changed", "/settings", _change_a_setting)
    yield Scene("settings-variables", "/settings/variables", _try_a_path)
    yield Scene("settings-job-types", "/settings/job-types")
    yield Scene("settings-job-type", "/settings/job-types/simple-blender-render", _check_script)
    yield Scene("settings-file", "/settings/file")
    yield Scene("settings-set-up", "/settings/set-up")
    yield Scene("settings-users", "/settings/users")
    yield Scene("settings-new-user", "/settings/users", lambda page: _click(page, "New account"))


def _system(manager: RunningManager, studio: Studio) -> Iterator[Scene]:
    yield Scene("system", "/system")
    job = studio.large_job
    yield Scene("system-events-live", "/system/events", lambda page: _happen(page, manager, job))
    for part in ("queue", "events", "background", "audit", "downloads"):
        yield Scene(f"system-{part}", f"/system/{part}")


def _shell(studio: Studio) -> Iterator[Scene]:
    yield Scene("palette", "/jobs", _open_palette)
    yield Scene("shortcuts", "/jobs", lambda page: page.keyboard.press("?"))
    yield Scene("menu", "/jobs", lambda page: _click(page, "Menu"))


def _click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def _task(manager: RunningManager, job: str, status: str) -> str:
    [task] = manager.get(f"/jobs/{job}/tasks?status={status}&limit=1").json["tasks"]
    found: str = task["id"]
    return found


def _select_all(page: Page) -> None:
    page.get_by_label("Select all").first.check()
    page.get_by_role("toolbar").wait_for()


def _more_of_selected(page: Page) -> None:
    _select_all(page)
    page.get_by_role("toolbar").get_by_role("button", name="More actions").click()


def _name_filters(page: Page) -> None:
    _click(page, "Saved filters")
    page.get_by_role("menuitem", name="Save these filters …").click()


def _progress(page: Page, job: str) -> None:
    page.locator(f'.body [data-id="{job}"]').get_by_role("progressbar").hover()


def _more_of_job(page: Page) -> None:
    page.get_by_label("The open job").get_by_role("button", name="More actions").click()


def _ask_to_delete(page: Page) -> None:
    _more_of_job(page)
    page.get_by_role("menuitem", name="Delete").click()


def _find_in_rows(page: Page) -> None:
    # Before all rows are there, the search is the browser's own.
    page.locator("[data-virtual=true]").wait_for()
    page.keyboard.press("Control+f")
    page.get_by_label("Find in all rows").fill("render-98")


def _change_a_setting(page: Page) -> None:
    page.get_by_role("textbox", name="task_timeout").fill("soon")


def _try_a_path(page: Page) -> None:
    page.get_by_label("A path as somebody gives it").fill("/mnt/projects/shots/010_0030.blend")


def _check_script(page: Page) -> None:
    page.get_by_role("button", name="Check", exact=True).click()


def _happen(page: Page, manager: RunningManager, job: str) -> None:
    """Things that leave the farm as it was."""
    page.get_by_text("Nothing has happened yet").wait_for()
    for priority in (95, 90) * 10:
        manager.post(f"/jobs/{job}/setpriority", {"priority": priority})
        tag = manager.post("/worker-mgt/tags", {"name": f"night {priority}"}).json["id"]
        manager.request("DELETE", f"/worker-mgt/tag/{tag}")
    page.get_by_text("night 90").first.wait_for()


def _be_welcomed(page: Page) -> None:
    page.get_by_role("heading", name="Welcome to your new farm").wait_for()


def _see_operations(page: Page) -> None:
    page.get_by_role("heading", name="Operations").wait_for()


def _search_operations(page: Page) -> None:
    page.get_by_role("searchbox").fill("worker sleep")
    page.get_by_text("/sleep-schedule").first.wait_for()


def _try_an_operation(page: Page) -> None:
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.get_by_role("heading", name="Server response").wait_for()


def _authorize(page: Page) -> None:
    page.get_by_role("button", name="Authorize").first.click()


def _open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("render-0")


def _log_in_wrongly(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
