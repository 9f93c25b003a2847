"""The extension knows how things stand with its Manager, and never waits for it."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Config
from tests.flamenco_addon.in_bpy import run_in_bpy
from tests.flamenco_addon.odd_servers import silent_server, web_server
from tests.manager_service.people import PASSWORD, GuardedManager, add_people, add_token
from tests.manager_service.running_manager import RunningManager

ASK = """
from flamenco_addon import background, connection
preferences = bpy.context.preferences.addons["flamenco_addon"].preferences
def ask(url):
    preferences.manager_url = url
    work = connection.refresh()
    assert work is None or background.wait_for(work)
    now = connection.current()
    return {
        "state": now.condition.state, "sentence": now.condition.sentence,
        "advice": now.condition.advice,
        "job types": sorted(each.name for each in now.farm.job_types) if now.farm else None,
        "who": now.farm.caller.name if now.farm and now.farm.caller else None,
    }
"""


def asked(home: Path, url: str, more: str = "answer(ask(url))", **options: Any) -> Any:
    """What the extension knows of the Manager at `url`."""
    return run_in_bpy(ASK + more, home=home, names={"url": url}, **options)


def asked_all(home: Path, urls: list[str], **options: Any) -> Any:
    """The same for several addresses, one after the other."""
    return run_in_bpy(
        f"{ASK}answer([ask(url) for url in urls])", home=home, names={"urls": urls}, **options
    )


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm") as manager:
        yield manager


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GuardedManager]:
    home = tmp_path / "farm"
    home.mkdir()
    add_people(home, anna="artist", root="admin")
    with GuardedManager(home) as manager:
        yield manager


def url_of(manager: RunningManager) -> str:
    return f"http://127.0.0.1:{manager.port}"


WATCH_IMPORTS = """
import addon_utils, sys, threading
from importlib.abc import MetaPathFinder

addon_utils.disable("flamenco_addon")
for name in [name for name in sys.modules if name.startswith("flamenco_")]:
    del sys.modules[name]

imported = {True: [], False: []}
class Watch(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.startswith("flamenco_"):
            is_main = threading.current_thread() is threading.main_thread()
            imported[is_main].append(name)
sys.meta_path.insert(0, Watch())
addon_utils.enable("flamenco_addon")
from flamenco_addon import background, connection
preferences = bpy.context.preferences.addons["flamenco_addon"].preferences
imported[True].clear()
asked = ask(url)
from flamenco_addon import expressions, job_settings
scene = bpy.context.scene
job_type = job_settings.job_type_of(scene)
computed = job_settings.computed_text(scene, job_type, "render_output_path")
answer([imported[True], imported[False], asked["state"], computed])
"""


def test_what_a_farm_needs_is_imported_on_another_thread(
    farm: RunningManager, tmp_path: Path
) -> None:
    on_main, elsewhere, state, computed = asked(tmp_path / "user", url_of(farm), WATCH_IMPORTS)
    assert (state, on_main) == ("connected", [])
    assert "flamenco_core.job_types.builtin.simple_blender_render" in elsewhere
    assert computed.endswith("######"), "the settings were not computed"


def test_a_farm_is_known_again_while_its_manager_is_away(
    farm: RunningManager, tmp_path: Path
) -> None:
    farm.add_worker("render-1")
    known = asked(tmp_path / "user", url_of(farm))
    assert known["state"] == "connected"
    assert "simple-blender-render" in known["job types"]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        other = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    script = """
preferences.manager_url = url
while connection.current().farm is None:
    background.step()
answer([len(connection.current().farm.workers), ask(other), ask(url)["job types"]])
"""
    names = {"url": url_of(farm), "other": other}
    again = run_in_bpy(ASK + script, home=tmp_path / "user", names=names)
    assert again[0] == 1
    assert again[1]["state"] == "away"
    assert "nothing listens there" in again[1]["sentence"]
    assert again[1]["job types"] is None
    assert again[2] == known["job types"]


def test_a_manager_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    script = """
from datetime import timedelta
connection.TIMEOUT = timedelta(seconds=1)
preferences.manager_url = url
work = connection.refresh()
at_once = [connection.current().condition.state, work.is_over]
background.wait_for(work)
answer([at_once, connection.current().condition.state, connection.current().condition.sentence])
"""
    with silent_server() as url:
        at_once, state, sentence = asked(tmp_path, url, script)
    assert at_once == ["asking", False]
    assert state == "away"
    assert "did not answer in time" in sentence


def test_another_address_does_not_wait_for_the_one_that_hangs(
    farm: RunningManager, tmp_path: Path
) -> None:
    script = """
preferences.manager_url = hanging
hanging_work = connection.refresh()
answer([ask(url)["state"], hanging_work.is_cancelled])
"""
    with silent_server() as hanging:
        names = {"url": url_of(farm), "hanging": hanging}
        answer = run_in_bpy(ASK + script, home=tmp_path / "user", names=names)
    assert answer == ["connected", True]


def test_what_answers_but_will_not_do_is_told_apart(tmp_path: Path) -> None:
    version = {"name": "Flamenco", "version": "3.0", "shortversion": "3.0", "git": "x"}
    with (
        web_server({}, page="<h1>Printer</h1>") as printer,
        web_server({"/api/v3/version": version}) as old,
    ):
        answers = asked_all(tmp_path, [printer, old])
    assert [answer["state"] for answer in answers] == ["no-manager", "too-old"]
    assert "should be that of a Flamenco Manager" in answers[0]["advice"]


def test_what_is_no_address_is_said_to_be_none(tmp_path: Path) -> None:
    for answer in asked_all(tmp_path, ["", "http://", "ftp://farm/", "http://[::1"]):
        assert answer["state"] == "bad-address"
        assert "http://manager.local:8080/" in answer["sentence"]


def test_blender_offline_asks_this_machine_only(farm: RunningManager, tmp_path: Path) -> None:
    urls = [url_of(farm), "http://farm.example:8080"]
    local, other = asked_all(tmp_path / "user", urls, online=False)
    assert local["state"] == "connected"
    assert other["state"] == "offline"
    assert "Allow Online Access" in other["advice"]


def test_logging_in_and_out(guarded: GuardedManager, tmp_path: Path) -> None:
    script = """
seen = [ask(url)["state"]]
try:
    bpy.ops.flamenco.log_in(user="anna", password="not the one")
except RuntimeError as error:
    seen.append(str(error))
bpy.ops.flamenco.log_in(user="anna", password=password)
now = connection.current()
seen += [now.condition.state, now.farm.caller.name, now.farm.caller.role]
kept = [operator.bl_idname for operator in bpy.context.window_manager.operators]
bpy.ops.flamenco.log_out()
seen += [connection.current().condition.state, kept]
answer(seen)
"""
    names = {"url": url_of(guarded), "password": PASSWORD}
    user = tmp_path / "user"
    before, refusal, *after = run_in_bpy(ASK + script, home=user, names=names)
    assert before == "log-in"
    assert "the name or the password is wrong" in refusal
    assert after == ["connected", "anna", "artist", "log-in", []]
    assert PASSWORD not in (user / "credentials.json").read_text(encoding="utf-8")


def test_a_login_lasts_for_the_next_blender_and_nobody_else_can_read_it(
    guarded: GuardedManager, tmp_path: Path
) -> None:
    user, url = tmp_path / "user", url_of(guarded)
    script = 'ask(url)\nbpy.ops.flamenco.log_in(user="anna", password=password)'
    run_in_bpy(ASK + script, home=user, names={"url": url, "password": PASSWORD})
    assert stat.S_IMODE((user / "credentials.json").stat().st_mode) == 0o600
    assert asked(user, url)["who"] == "anna"


def test_a_token_that_one_was_given_will_do(tmp_path: Path) -> None:
    home = tmp_path / "farm"
    home.mkdir()
    add_people(home, anna="artist", root="admin")
    token = add_token(home, "anna", "artist")
    script = """
ask(url)
try:
    bpy.ops.flamenco.use_token(token="flamenco_wrong")
except RuntimeError as error:
    refusal = str(error)
bpy.ops.flamenco.use_token(token=f" {token} ")
answer([refusal, connection.current().condition.state, connection.current().farm.caller.name])
"""
    with GuardedManager(home) as manager:
        names = {"url": url_of(manager), "token": token}
        refusal, state, name = run_in_bpy(ASK + script, home=tmp_path / "user", names=names)
    assert "does not know this token" in refusal
    assert (state, name) == ("connected", "anna")


def test_managers_are_found_in_the_network_and_used(tmp_path: Path) -> None:
    script = """
from functools import partial
from flamenco_addon import finding_managers
# Tests must not search the network that this machine is in.
finding_managers.find_managers = partial(finding_managers.find_managers, interfaces=["127.0.0.1"])
found = []
for _ in range(20):  # a search lasts a moment, and a busy machine may answer later
    bpy.ops.flamenco.find_managers()
    found = [each.url for each in finding_managers.found if each.url.rstrip("/") == url]
    if found:
        break
bpy.ops.flamenco.use_manager(url=found[0])
background.wait_for(connection.refresh())
answer([connection.current().url, connection.current().condition.state, finding_managers.found])
"""
    config = Config(home=tmp_path / "farm", discovery_interfaces=("127.0.0.1",))
    with RunningManager(tmp_path / "farm", config=config) as manager:
        url, state, left = asked(tmp_path / "user", url_of(manager), script)
        assert (url, state, left) == (url_of(manager), "connected", [])
