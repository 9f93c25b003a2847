"""Chromium, driven by Playwright, in front of a real Manager with the page as its sources are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

import build_web
from tests.manager_service.browser import CHROMIUM
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.studio import Studio, fill

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
TIME_LIMIT_MS = 30_000
"""For one step in the browser, far more than any should take."""

expect.set_options(timeout=TIME_LIMIT_MS)

_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--disable-quic"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

OpenPage = Callable[..., Page]
"""`open_page(manager, "/jobs", viewport=PHONE, theme="light", cookie="name=value")`.

With `origin`, of a Manager that runs as a program of its own.
"""


class Farm(RunningManager):
    """A Manager on a filled farm, whose workers say nothing more and are not missed."""

    def __init__(self, home: Path, studio: Studio) -> None:
        long = timedelta(hours=10)
        super().__init__(home, worker_timeout=long, task_timeout=2 * long)
        self.studio = studio


@pytest.fixture(scope="session")
def browser(web_build: None) -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing; install it with apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_ARGUMENTS])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def shared_farm(tmp_path_factory: pytest.TempPathFactory, web_build: None) -> Iterator[Farm]:
    """A studio's farm (see `studio.py`) for a module's tests, which leave it as it was."""
    home = tmp_path_factory.mktemp("studio") / "farm"
    with Farm(home, fill(home)) as running:
        yield running


@pytest.fixture
def small_farm(tmp_path: Path, web_build: None) -> Iterator[Farm]:
    """A studio's farm whose large job has 60 tasks only, for one test to change as it likes."""
    home = tmp_path / "farm"
    with Farm(home, fill(home, many_tasks=60)) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a page in a browser profile of its own; whatever it complains of fails the test."""
    complaints: list[str] = []
    with ExitStack() as contexts:

        def opened(
            manager: RunningManager | None,
            path: str = "/",
            *,
            origin: str = "",
            viewport: ViewportSize = DESKTOP,
            theme: str = "dark",
            cookie: str = "",
            is_trouble_expected: bool = False,
        ) -> Page:
            is_phone = viewport["width"] < 500
            context = browser.new_context(
                viewport=viewport,
                color_scheme="light" if theme == "light" else "dark",
                has_touch=is_phone,
                reduced_motion="reduce",
                locale="en-GB",
                timezone_id="Europe/Amsterdam",
            )
            contexts.callback(context.close)
            context.set_default_timeout(TIME_LIMIT_MS)
            origin = origin.rstrip("/") or f"http://127.0.0.1:{manager and manager.port}"
            if cookie:
                name, _, value = cookie.partition("=")
                context.add_cookies([{"name": name, "value": value, "url": origin}])
            page = context.new_page()
            if not is_trouble_expected:
                page.on(
                    "console",
                    lambda said: complaints.append(said.text) if said.type == "error" else None,
                )
                page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(f"{origin}/app{path}")
            return page

        yield opened
    assert not complaints


@pytest.fixture(scope="session")
def axe_source(web_build: None) -> str:
    return (build_web.WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def serious_problems(axe_source: str) -> Callable[[Page], list[str]]:
    """What axe-core finds on a page that keeps people from using it."""

    def find(page: Page) -> list[str]:
        # As a script of the tests, which the page's own policy does not let in.
        page.evaluate(axe_source)
        found = page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)"
        )
        return [
            f"{each['id']}: {each['help']}: {json.dumps(node['html'])[:200]} {node['any'][:1]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"][:3]
        ]

    return find
