"""Everything is there for people without a mouse, in the order in which it stands in the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.manager_service.web.conftest import Farm, OpenPage
from tests.manager_service.web.keyboard import walk

WORKER = "gpu-render-01.studio.lan"

PLACES = {
    # An address, and what is there last: only then nothing moves any more.
    "/jobs": "grid:Jobs",
    "/jobs?archived=true": "grid:Archived jobs",
    "/jobs/{job}": "grid:Tasks of the job",
    "/jobs/{job}/details": "region:Details of the job",
    "/workers": "grid:Workers",
    "/workers/{worker}/schedule": "button:Store",
    "/tags": "button:Delete render-room",
    "/settings": "textbox:manager_name",
    "/settings/set-up": "heading:1. Shared storage",
    "/system": "heading:System",
}


@pytest.mark.parametrize("path", PLACES)
def test_the_tab_key_leads_through_the_page_as_it_stands(
    shared_farm: Farm, open_page: OpenPage, path: str
) -> None:
    studio = shared_farm.studio
    page = open_page(shared_farm, path.format(job=studio.large_job, worker=studio.workers[WORKER]))
    role, _, name = PLACES[path].partition(":")
    place = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    expect(place).to_be_visible()
    if role == "grid":
        expect(place.get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_text("Reading the")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    assert list(walk(page)) == []


def has_focus(element: Locator) -> None:
    expect(element).to_be_focused()


def test_what_was_opened_closes_with_escape_and_gives_the_focus_back(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, "/tags")
    new = page.get_by_role("button", name="New tag")
    expect(page.get_by_role("button", name="Delete render-room")).to_be_visible()
    for button in (new, page.get_by_role("button", name="Delete render-room")):
        button.focus()
        page.keyboard.press("Enter")
        expect(page.locator("[role=dialog]:focus-within")).to_be_visible()
        assert list(walk(page)) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        has_focus(button)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search pages")).to_be_focused()
    page.keyboard.press("Escape")
    has_focus(button)


def test_a_menu_and_what_it_opened_give_the_focus_back_to_its_button(
    shared_farm: Farm, open_page: OpenPage
) -> None:
    page = open_page(shared_farm, f"/jobs/{shared_farm.studio.large_job}")
    more = page.get_by_label("The open job").get_by_role("button", name="More actions")
    expect(more).to_be_visible()
    open_with_keyboard(page, more)
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    has_focus(more)
    open_with_keyboard(page, more)
    delete = page.get_by_role("menuitem", name="Delete")
    delete.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    has_focus(more)


def open_with_keyboard(page: Page, button: Locator) -> None:
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()


def test_a_walk_tells_what_is_wrong_with_a_page(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        "<style>body { margin-top: 90px } #plain:focus { outline: none }</style>"
        "<button>first</button><button id='plain'>no outline</button>"
        "<button style='position: absolute; left: -900px'>away</button>"
        "<p><button>last</button></p><button style='position: absolute; top: 0'>above</button>"
    )
    assert [problem.partition(", ")[0] for problem in walk(page)] == [
        'button "no outline" does not show that it has the focus',
        'button "away" has the focus',
        'after button "no outline" the focus goes back to button "away"',
        'after button "last" the focus goes back to button "above"',
    ]
    page.set_content("<button onblur='this.focus()'>trap</button><button>after it</button>")
    assert list(walk(page)) == ['the focus comes to button "trap" again after button "trap"']
    page.close()
