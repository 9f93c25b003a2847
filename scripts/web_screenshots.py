"""Takes pictures of every page of the web interface, to look at: both themes, desktop and phone.

    scripts/web_screenshots.py FOLDER [NAME …]

The farm is that of the tests: 60 workers, 40 jobs, one of them with 10,000 tasks. Needs Chromium,
and an environment with the project and its `dev` tools.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import build_web
from tests.manager_service.browser import CHROMIUM
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.studio import Studio, fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

SIZES: Mapping[str, ViewportSize] = {
    "desktop": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
SETTLING_MS = 800
"""After the last request, for what comes by and by."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("names", nargs="*", help="only these pages")
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("Chromium is missing; install it with apt-get install chromium")
    build_web.build_web()
    options.folder.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        studio = fill(Path(home, "farm"))
        with RunningManager(Path(home, "farm")) as manager:
            pages = _pages(manager, studio)
            wanted = {name: pages[name] for name in options.names or pages}
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            for file in _pictures(browser, manager.port, wanted, options.folder):
                print(file, flush=True)
            browser.close()
    return 0


def _pages(manager: RunningManager, studio: Studio) -> dict[str, str]:
    """Names of pictures, and the addresses that they show."""
    job = f"/jobs/{studio.large_job}"
    [task] = manager.get(f"{job}/tasks?status=active&limit=1").json["tasks"]
    worker = f"/workers/{next(iter(studio.workers.values()))}"
    return {
        "jobs": "/jobs",
        "jobs-filtered": "/jobs?status=failed,canceled",
        "jobs-archived": "/jobs?archived=true",
        "job": job,
        "task": f"{job}/tasks/{task['id']}",
        **{f"job-{tab}": f"{job}/{tab}" for tab in ("details", "times", "files", "why")},
        "workers": "/workers",
        "worker": worker,
        "tags": "/tags",
        "last-rendered": "/last-rendered",
        "settings": "/settings",
        "system": "/system",
        "no-such-page": "/nowhere",
    }


def _pictures(
    browser: Browser, port: int, pages: Mapping[str, str], folder: Path
) -> Iterator[Path]:
    for theme in ("dark", "light"):
        for size, viewport in SIZES.items():
            context = browser.new_context(
                viewport=viewport,
                color_scheme="light" if theme == "light" else "dark",
                locale="en-GB",
                timezone_id="Europe/Amsterdam",
            )
            page = context.new_page()
            for name, path in pages.items():
                page.goto(f"http://127.0.0.1:{port}/app{path}", wait_until="networkidle")
                page.wait_for_timeout(SETTLING_MS)
                file = folder / f"{name}-{size}-{theme}.png"
                page.screenshot(path=file)
                yield file
            context.close()


if __name__ == "__main__":
    sys.exit(main())
