"""Takes pictures of everything the web interface shows, to look at: both themes, desktop and phone.

    scripts/web_screenshots.py FOLDER [NAME …] [--size phone] [--theme light] [--sheets] [--check]

The scenes are those of `tests/manager_service/web/scenes.py`: every page, tab and dialog, on a farm
of 60 workers and 40 jobs, one of them with 10,000 tasks, with frames, logs and graphs. A name that
ends with `*` means all that begin so. Needs Chromium, and an environment with the project and its
`dev` tools; with `--sheets` the pictures of one scene are also put side by side. With `--check`,
it is said what axe-core finds in a scene, whether something sticks out at its side, and what is
wrong with a walk through it by keyboard; then the program ends with an error if there was anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

import build_web
from tests.manager_service.browser import CHROMIUM
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_configuration_over_http import serving
from tests.manager_service.web.dressing import DressedFarm
from tests.manager_service.web.keyboard import walk
from tests.manager_service.web.scenes import Place, Scene, scenes
from tests.manager_service.web.studio import fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

SIZES: Mapping[str, ViewportSize] = {
    "desktop": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
THEMES = ("dark", "light")
TIME_LIMIT_MS = 30_000
SETTLING_MS = 700
"""After the last request, for what comes by and by."""


def main() -> int:
    options = _options()
    if CHROMIUM is None:
        sys.exit("Chromium is missing; install it with apt-get install chromium")
    build_web.build_web()
    options.folder.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as home, ExitStack() as running:
        studio = fill(Path(home, "farm"))
        farm = running.enter_context(DressedFarm(Path(home, "farm"), studio))
        farm.dress()
        add_people(Path(home, "guarded"), ada="admin")
        places: dict[Place, RunningManager] = {
            Place.STUDIO: farm,
            Place.EMPTY: running.enter_context(serving(Path(home, "empty"))),
            Place.NEW: running.enter_context(serving(Path(home, "new"), None)),
            Place.GUARDED: running.enter_context(GuardedManager(Path(home, "guarded"))),
        }
        chosen = [scene for scene in scenes(farm, studio) if _is_wanted(scene, options.names)]
        playwright = running.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        count = 0
        for theme in options.theme:
            for size in options.size:
                for file, page in _pictures(browser, places, chosen, options.folder, size, theme):
                    problems = [*_problems(page)] if options.check else []
                    # What phones show has no Tab key, and colours change no order.
                    if options.check and (size, theme) == ("desktop", options.theme[0]):
                        problems += walk(page)
                    count += len(problems)
                    print(file, *problems, sep="\n  ", flush=True)
        browser.close()
    if options.sheets:
        for scene in chosen:
            print(_sheet(options.folder, scene.name), flush=True)
    return 1 if count else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("names", nargs="*", help="only these scenes")
    parser.add_argument("--size", action="append", choices=[*SIZES], help="only this size")
    parser.add_argument("--theme", action="append", choices=THEMES, help="only this theme")
    parser.add_argument("--sheets", action="store_true", help="also one picture of each scene's")
    parser.add_argument("--check", action="store_true", help="also say what is wrong with them")
    options = parser.parse_args()
    options.size = options.size or [*SIZES]
    options.theme = options.theme or [*THEMES]
    return options


def _is_wanted(scene: Scene, names: Sequence[str]) -> bool:
    return not names or any(fnmatch(scene.name, name) for name in names)


def _pictures(
    browser: Browser,
    places: Mapping[Place, RunningManager],
    chosen: Sequence[Scene],
    folder: Path,
    size: str,
    theme: str,
) -> Iterator[tuple[Path, Page]]:
    """Files, and the pages that they show."""
    context = browser.new_context(
        viewport=SIZES[size],
        color_scheme="light" if theme == "light" else "dark",
        has_touch=size == "phone",
        locale="en-GB",
        timezone_id="Europe/Amsterdam",
    )
    context.set_default_timeout(TIME_LIMIT_MS)
    for scene in chosen:
        page = context.new_page()
        port = places[scene.place].port
        page.goto(f"http://127.0.0.1:{port}{scene.base}{scene.path}", wait_until="networkidle")
        page.locator(".reading").first.wait_for(state="detached")
        if scene.act:
            try:
                scene.act(page)
            except PlaywrightError as error:
                # The others are worth seeing, and this one's state is, too.
                print(f"{scene.name}, {size}, {theme}: {error}", file=sys.stderr)
        page.wait_for_timeout(SETTLING_MS)
        file = folder / f"{scene.name}-{size}-{theme}.png"
        page.screenshot(path=file)
        yield file, page
        page.close()
    context.close()


def _problems(page: Page) -> Iterator[str]:
    """What keeps people from using a page. Rows far down in tables are made like the first ones."""
    page.evaluate((build_web.WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(
        """axe.run({exclude: [['.body > .row:nth-child(n + 13)']]}, {
              resultTypes: ['violations'],
              // A menu is no content of the page, and stands beside its landmarks.
              rules: {region: {enabled: !document.querySelector('[role=menu]')}},
           }).then(found => found.violations)"""
    )
    for problem in found:
        if problem["impact"] in ("moderate", "serious", "critical"):
            where = [node["html"][:160] for node in problem["nodes"][:3]]
            yield f"{problem['impact']}: {problem['help']}: {where}"
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        yield "something sticks out at the side"


def _sheet(folder: Path, name: str) -> Path:
    """All pictures of a scene beside each other."""
    pictures = [
        Image.open(file)
        for size in SIZES
        for theme in THEMES
        if (file := folder / f"{name}-{size}-{theme}.png").exists()
    ]
    height = max(picture.height for picture in pictures)
    sheet = Image.new("RGB", (sum(picture.width + 12 for picture in pictures), height), "gray")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + 12
    file = folder / f"{name}-sheet.png"
    sheet.save(file)
    return file


if __name__ == "__main__":
    sys.exit(main())
