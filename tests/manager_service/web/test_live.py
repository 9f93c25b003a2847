"""What one person does is seen by others at once, and after interruptions too."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Request, expect

from manager_service.server import ListenAddress, Server
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import TIME_LIMIT_MS, Farm, OpenPage

# The clock of the browsers themselves: Playwright takes its time.
NOTE_CLICK = """() => addEventListener(
  'click', () => { window.clicked = performance.timeOrigin + performance.now(); }, true)"""
NOTE_PAUSED = """job => new MutationObserver((_, observer) => {
  if (!document.querySelector(`.body [data-id="${job}"] [data-status=paused]`)) return;
  window.paused = performance.timeOrigin + performance.now();
  observer.disconnect();
}).observe(document.body, { subtree: true, childList: true, attributes: true }) || true"""


class SamePlace(RunningManager):
    """A Manager at an address that is given, such as that of one that has ended."""

    def __init__(self, home: Path, port: int) -> None:
        super().__init__(home)
        self.server = Server(self.config, ListenAddress("127.0.0.1", port))


class Traffic:
    """What the Manager tells a page, and what that asks about jobs, in the order of both.

    The page is loaded anew for that, and has read all there is when this is made: first what fills
    the screen, and everything once it hears of each change.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._noted: list[str | Request] = []
        page.on("websocket", lambda it: it.on("framereceived", self._note_frame))
        page.on("request", self._note_request)
        page.reload()
        followed = self._after(0, lambda it: isinstance(it, str) and "jobs" in _followed(it))
        read = self._after(followed, lambda it: isinstance(it, Request))
        request = self._noted[read]
        assert isinstance(request, Request)
        response = request.response()
        assert response
        response.finished()
        self._noted.clear()

    @property
    def told(self) -> list[str]:
        return [it for it in self._noted if isinstance(it, str)]

    @property
    def asked(self) -> list[str]:
        return [it.url for it in self._noted if isinstance(it, Request)]

    def _note_frame(self, frame: str | bytes) -> None:
        self._noted.append(str(frame))

    def _note_request(self, request: Request) -> None:
        if request.method == "GET" and "/api/v3/jobs" in request.url:
            self._noted.append(request)

    def _after(self, start: int, is_it: Callable[[str | Request], bool]) -> int:
        """Where the first that fits stands; waits until there is one."""
        place = start
        deadline = time.monotonic() + TIME_LIMIT_MS / 1000
        while True:
            for place in range(start, len(self._noted)):
                if is_it(self._noted[place]):
                    return place
            assert time.monotonic() < deadline, self._noted
            self._page.wait_for_timeout(20)


def _followed(frame: str) -> list[str]:
    """The topics that the Manager says it tells of now; none if it says something else."""
    content = json.loads(frame)
    topics: list[str] = content["topics"] if content["type"] == "following" else []
    return topics


def test_two_browsers_see_each_others_changes(small_farm: Farm, open_page: OpenPage) -> None:
    name = small_farm.studio.statuses["queued"][0]
    job = small_farm.studio.jobs[name]
    first, second = open_page(small_farm, "/jobs"), open_page(small_farm, f"/jobs/{job}")
    in_list = first.locator(f'.body [data-id="{job}"]')
    expect(in_list.locator('[data-status="queued"]')).to_be_visible()
    traffic = Traffic(first)
    expect(in_list.locator('[data-status="queued"]')).to_be_visible()
    second.evaluate(NOTE_CLICK)
    first.evaluate(NOTE_PAUSED, job)
    second.get_by_label("The open job").get_by_role("button", name="Pause").click()
    expect(in_list.locator('[data-status="paused"]')).to_be_visible()
    assert any(job in text and '"paused"' in text for text in traffic.told), "an event told it"
    assert traffic.asked == [], "nothing was read again for that"
    milliseconds = first.evaluate("window.paused") - second.evaluate("window.clicked")
    print(f"the other browser showed it {milliseconds:.0f} ms after the click")
    expect(second.get_by_role("heading", name=name)).to_be_visible()
    first.get_by_role("link", name=name, exact=True).click()
    first.get_by_label("The open job").get_by_role("button", name="Requeue", exact=True).click()
    expect(second.locator('.title [data-status="queued"]')).to_be_visible()
    second.get_by_role("button", name="Priority 50").click()
    second.get_by_label("Priority as a number").fill("77")
    second.get_by_role("button", name="Set", exact=True).click()
    expect(first.get_by_role("button", name="Priority 77")).to_be_visible()


def test_new_and_deleted_jobs_come_and_go_by_themselves(
    manager: RunningManager, web_build: None, open_page: OpenPage
) -> None:
    page = open_page(manager)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    job = manager.submit(name="made just now")
    expect(page.get_by_role("link", name="made just now")).to_be_visible()
    expect(page.get_by_text("127.0.0.1", exact=True)).to_be_visible()
    assert manager.request("DELETE", f"/jobs/{job['id']}").status == 204
    expect(page.get_by_role("link", name="made just now")).to_have_count(0)


def test_the_page_goes_on_when_the_manager_was_away(
    tmp_path: Path, web_build: None, open_page: OpenPage
) -> None:
    home = tmp_path / "farm"
    with RunningManager(home) as manager:
        job = manager.submit(name="before the end")
        port = manager.port
        page = open_page(manager, f"/jobs/{job['id']}/details", is_trouble_expected=True)
        expect(page.get_by_role("link", name="before the end")).to_be_visible()
        page.get_by_label("RNA overrides").fill("typed = 'before'")
    lost = page.get_by_text("Not connected")
    expect(lost).to_be_visible()
    expect(page.get_by_role("link", name="before the end")).to_be_visible()
    page.get_by_role("button", name="Save overrides").click()
    expect(page.get_by_text("The Manager does not answer").first).to_be_visible()
    with RunningManager(home) as elsewhere:
        # Nobody looks: what happens now is known by reading it again only.
        elsewhere.submit(name="while nobody looked")
    with SamePlace(home, port):
        expect(lost).to_have_count(0)
        expect(page.get_by_role("link", name="while nobody looked")).to_be_visible()
        expect(page.get_by_label("RNA overrides")).to_have_value("typed = 'before'")
        page.get_by_role("button", name="Save overrides").click()
        expect(page.get_by_text("Overrides saved")).to_be_visible()


def test_a_session_that_ends_asks_for_a_login_and_keeps_the_page(
    tmp_path: Path, web_build: None, open_page: OpenPage
) -> None:
    add_people(tmp_path / "farm", ada="admin", vera="viewer")
    with GuardedManager(tmp_path / "farm") as manager:
        session = manager.session("vera")
        owner = manager.session("ada")
        job = manager.post(
            "/jobs",
            {
                "name": "for lookers-on",
                "type": "echo-sleep-test",
                "priority": 50,
                "submitter_platform": "linux",
                "settings": {"message": "x", "sleep_duration_seconds": 1, "sleep_repeats": 1},
                "metadata": {},
            },
            headers=owner,
        ).json
        page = open_page(
            manager, f"/jobs/{job['id']}", cookie=session["Cookie"], is_trouble_expected=True
        )
        cancel = page.get_by_label("The open job").get_by_role("button", name="Cancel")
        expect(cancel).to_have_attribute("aria-disabled", "true")
        expect(cancel).to_have_attribute("title", re.compile("needs the role artist"))
        cancel.click(force=True)  # Playwright does not click what is disabled, people do.
        assert manager.get(f"/jobs/{job['id']}", headers=owner).json["status"] == "queued"
        assert manager.post("/logout?everywhere=true", headers=session).status == 204
        expect(page.get_by_label("Password")).to_be_visible()
        page.get_by_label("Name", exact=True).fill("ada")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("login failed")
        expect(page.get_by_label("Name", exact=True)).to_have_value("ada")
        page.get_by_label("Password").fill("correct horse battery staple")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="for lookers-on")).to_be_visible()
        expect(cancel).to_have_attribute("aria-disabled", "false")
