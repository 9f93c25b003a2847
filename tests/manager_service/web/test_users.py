"""Accounts and tokens, as admins and everybody else look after them in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from flamenco_core.config import load_config
from tests.eventually import eventually
from tests.manager_service.people import PASSWORD, GuardedManager, add_people, bearer
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_command_line import TIME_LIMIT, running
from tests.manager_service.test_configuration_over_http import serving
from tests.manager_service.web.conftest import PHONE, OpenPage
from tests.ports import free_port

FILE = "flamenco-manager.yaml"
ANOTHER = "a horse of another colour"
# It is said for a moment only.
NOTE_COPIED = """button => void new MutationObserver(() => {
  window.isCopied ||= button.textContent.includes("Copied");
}).observe(button, { subtree: true, childList: true, characterData: true })"""


@pytest.fixture
def guarded(tmp_path: Path, web_build: None) -> Iterator[GuardedManager]:
    """People have to log in; the configuration is in a file, so that it can be changed."""
    home = tmp_path / "farm"
    home.mkdir()
    (home / FILE).write_text("authentication: local\nshared_storage_path: /\n", encoding="utf-8")
    add_people(home, ada="admin", vera="viewer", wim="wrangler")
    config = load_config(home / FILE, home=home, environment={})
    with GuardedManager(home, config=config) as manager:
        yield manager


@pytest.fixture
def trusting(tmp_path: Path, web_build: None) -> Iterator[RunningManager]:
    with serving(tmp_path / "farm") as manager:
        yield manager


def opened(open_page: OpenPage, manager: GuardedManager, who: str, path: str) -> Page:
    return open_page(manager, path, cookie=manager.session(who)["Cookie"], is_trouble_expected=True)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_text(name, exact=True))


def test_an_admin_makes_an_account_that_somebody_logs_in_with(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    page = opened(open_page, guarded, "ada", "/settings/users")
    page.get_by_role("button", name="New account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nora")
    dialog.get_by_label("Role").select_option("wrangler")
    dialog.get_by_label("Password", exact=False).first.fill("short")
    dialog.get_by_role("button", name="Make the account").click()
    expect(dialog.get_by_text("fewer than 12 characters").first).to_be_visible()
    expect(dialog.get_by_label("Name")).to_have_value("Nora")
    dialog.get_by_role("button", name="Make one up").click()
    expect(dialog.locator("#new-password")).not_to_have_value("short")
    password = dialog.locator("#new-password").input_value()
    dialog.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("nora can log in now")).to_be_visible()
    expect(row(page, "nora").get_by_text("never logged in")).to_be_visible()
    session = guarded.session("nora", password)
    assert guarded.get("/whoami", headers=session).json["role"] == "wrangler"


def test_roles_passwords_and_ends_of_accounts_count_at_once(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    vera = guarded.session("vera")
    page = opened(open_page, guarded, "ada", "/settings/users")
    page.get_by_label("Role of vera").select_option("artist")
    expect(page.get_by_text("vera is artist now")).to_be_visible()
    assert guarded.get("/whoami", headers=vera).json["role"] == "artist"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Role of vera")).to_have_value("viewer")
    page.get_by_role("button", name="Set another password of vera").click()
    page.locator("#new-password").fill(ANOTHER)
    page.get_by_role("button", name="Set the password", exact=True).click()
    expect(page.get_by_text("vera has another password")).to_be_visible()
    assert guarded.log_in("vera").status == 401
    assert guarded.log_in("vera", ANOTHER).status == 200
    page.get_by_role("button", name="Disable vera").click()
    expect(row(page, "vera").get_by_text("disabled")).to_be_visible()
    assert guarded.log_in("vera", ANOTHER).status == 401
    page.get_by_role("button", name="Enable vera").click()
    expect(page.get_by_role("button", name="Disable vera")).to_be_visible()
    assert guarded.log_in("vera", ANOTHER).status == 200
    page.get_by_role("button", name="Delete vera").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row(page, "vera")).to_have_count(0)
    assert guarded.log_in("vera", ANOTHER).status == 401


def test_the_only_admin_stays_one_and_the_page_says_why(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    page = opened(open_page, guarded, "ada", "/settings/users")
    reason = re.compile("only admin who can log in")
    expect(page.get_by_label("Role of ada")).to_be_disabled()
    expect(page.get_by_label("Role of ada")).to_have_attribute("title", reason)
    for name in ("Disable ada", "Delete ada"):
        expect(page.get_by_role("button", name=name)).to_have_attribute("title", reason)
        page.get_by_role("button", name=name).click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Role of wim").select_option("admin")
    expect(page.get_by_label("Role of ada")).to_be_enabled()
    page.get_by_label("Role of ada").select_option("viewer")
    page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    expect(page.get_by_label("Role of ada")).to_have_value("admin")
    assert guarded.get("/whoami", headers=guarded.session("ada")).json["role"] == "admin"


def test_a_token_is_shown_once_and_counts_until_it_is_revoked(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    page = opened(open_page, guarded, "ada", "/settings/users")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What is it for?").fill("pipeline")
    dialog.get_by_label("Who uses it?").select_option("wim")
    expect(dialog.get_by_label("Role").get_by_role("option")).to_have_count(3)
    dialog.get_by_label("Role").select_option("artist")
    dialog.get_by_label("Counts for").select_option("30")
    dialog.get_by_role("button", name="Make the token").click()
    copied = dialog.get_by_title("Copy the token")
    secret = copied.inner_text().strip()
    copied.evaluate(NOTE_COPIED)
    copied.click()
    eventually(lambda: page.evaluate("window.isCopied"))
    dialog.get_by_role("button", name="Done").click()
    made = row(page, "pipeline")
    expect(made.get_by_text("artist, wim")).to_be_visible()
    expect(made.get_by_text("never used")).to_be_visible()
    expect(made.get_by_text("expires")).to_be_visible()
    assert secret not in page.content()
    used = guarded.get("/whoami", headers=bearer(secret)).json
    assert (used["name"], used["role"]) == ("wim", "artist")
    page.get_by_role("button", name="Revoke the token pipeline").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(made).to_have_count(0)
    assert guarded.get("/jobs", headers=bearer(secret)).status == 401


def test_two_admins_see_each_others_changes_of_accounts_and_tokens(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    page = opened(open_page, guarded, "ada", "/settings/users")
    expect(page.get_by_label("Role of vera")).to_have_value("viewer")
    expect(page.get_by_text("There are none.")).to_be_visible()
    other = guarded.session("ada")
    change = {"role": "artist"}
    assert guarded.request("PUT", "/users/vera", json_body=change, headers=other).status == 200
    expect(page.get_by_label("Role of vera")).to_have_value("artist")
    expect(row(page, "vera").get_by_text("never logged in")).to_be_visible()
    vera = guarded.session("vera")
    expect(row(page, "vera").get_by_text("never logged in")).to_have_count(0)
    made = guarded.post("/tokens", {"name": "pipeline", "role": "viewer"}, headers=vera).json
    expect(row(page, "pipeline").get_by_text("never used")).to_be_visible()
    guarded.get("/whoami", headers=bearer(made["secret"]))
    expect(row(page, "pipeline").get_by_text("never used")).to_have_count(0)


def test_everybody_looks_after_their_own_account_only(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    page = opened(open_page, guarded, "vera", "/jobs")
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    page.get_by_role("button", name="vera (viewer)").click()
    page.get_by_role("menuitem", name="Your account").click()
    page.get_by_label("Current password").fill("wrong")
    page.locator("#new-password").fill(ANOTHER)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("It was not changed")).to_be_visible()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()
    assert guarded.log_in("vera", ANOTHER).status == 200
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Who uses it?")).to_have_count(0)
    expect(dialog.get_by_label("Role").get_by_role("option")).to_have_count(1)
    dialog.get_by_label("What is it for?").fill("my Blender")
    dialog.get_by_role("button", name="Make the token").click()
    secret = dialog.get_by_title("Copy the token").inner_text().strip()
    dialog.get_by_role("button", name="Done").click()
    expect(row(page, "my Blender")).to_be_visible()
    assert guarded.get("/whoami", headers=bearer(secret)).json["role"] == "viewer"
    page.get_by_role("button", name="Log out everywhere").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()


def test_a_new_worker_registers_with_the_secret_that_the_page_made(
    guarded: GuardedManager, open_page: OpenPage
) -> None:
    page = opened(open_page, guarded, "ada", "/settings/users")
    card = page.get_by_role("region", name="Enrolment of workers")
    expect(card.get_by_text("no new worker can register by itself")).to_be_visible()
    card.get_by_role("button", name="Make a secret").click()
    secret = card.get_by_title("Copy the enrolment secret").inner_text().strip()
    worker = {
        "name": "desk-1",
        "secret": "its own, and long enough",
        "platform": "linux",
        "supported_task_types": ["misc"],
    }
    assert guarded.post("/worker/register-worker", worker).status == 401
    reply = guarded.post("/worker/register-worker", worker, headers=bearer(secret))
    assert reply.status == 200
    card.get_by_role("button", name="Drop the secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Drop the secret").click()
    expect(card.get_by_role("button", name="Make a secret")).to_be_visible()
    expect(card.get_by_text(secret)).to_have_count(0)
    again = guarded.post("/worker/register-worker", worker, headers=bearer(secret))
    assert again.status == 401


def test_letting_people_log_in_starts_the_manager_again_and_asks_for_a_login(
    tmp_path: Path, web_build: None, open_page: OpenPage
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    add_people(home, ada="admin")
    with running("--home", home, "--listen", f"127.0.0.1:{free_port()}") as (process, url):
        page = open_page(None, "/settings/users", origin=url, is_trouble_expected=True)
        page.get_by_role("button", name="Let people log in").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("ada can log in and change it back")).to_be_visible()
        dialog.get_by_role("button", name="Let people log in").click()
        page.get_by_label("Name", exact=True).fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("People log in", exact=True)).to_be_visible()
        process.terminate()
        process.communicate(timeout=TIME_LIMIT)


def test_from_another_machine_what_needs_accounts_is_refused_beforehand(
    trusting: RunningManager, open_page: OpenPage
) -> None:
    page = open_page(trusting, "/jobs")
    # As a proxy, or another machine in the network, looks to the Manager.
    page.context.set_extra_http_headers({"X-Forwarded-For": "10.0.0.7"})
    page.goto(f"http://127.0.0.1:{trusting.port}/app/settings/users")
    reason = re.compile("only on the Manager's own machine")
    for name in ("New account", "New token", "Make another secret"):
        button = page.get_by_role("button", name=name)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_attribute("title", reason)
    page.get_by_role("link", name="Set-up assistant").click()
    expect(page.get_by_text(reason).first).to_be_visible()


@pytest.mark.parametrize(("path", "who"), [("/settings/users", "ada"), ("/account", "vera")])
def test_everybody_can_use_these_pages(
    guarded: GuardedManager,
    open_page: OpenPage,
    serious_problems: Callable[[Page], list[str]],
    path: str,
    who: str,
) -> None:
    cookie = guarded.session(who)["Cookie"]
    for viewport, theme in ((None, "dark"), (PHONE, "light")):
        sized = {"viewport": viewport} if viewport else {}
        page = open_page(guarded, path, cookie=cookie, theme=theme, **sized)
        expect(page.get_by_role("button", name="New token")).to_be_visible()
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
