"""How the built page is served, and that it is what its sources and the API say."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

import build_web
import web_api_types
from manager_service.web_page import BUILT, read_built
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.web.conftest import OpenPage

pytestmark = pytest.mark.usefixtures("web_build")

FIRST_PAGE_BYTES = 400_000


def test_every_address_of_the_page_is_the_page(shared_manager: RunningManager) -> None:
    first = shared_manager.get("/app/")
    assert first.status == 200
    assert first.headers["Content-Type"].startswith("text/html")
    deep = shared_manager.get("/app/jobs/4f1c7b1e-0000-4000-8000-000000000000/times?status=failed")
    assert deep.content == first.content


def test_flamenco_3s_picture_for_jobs_without_one_is_there(
    shared_manager: RunningManager,
) -> None:
    picture = shared_manager.get("/app/nothing-rendered-yet.svg")
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert b"Nothing rendered yet" in picture.content


def test_the_page_lets_nothing_in_from_elsewhere(shared_manager: RunningManager) -> None:
    policy = shared_manager.get("/app/").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in policy
    for name, file in read_built().items():
        if name.endswith((".html", ".css")):
            for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", file.plain.decode()):
                assert address == "http://www.w3.org", f"{name} refers to {address}"


def test_files_with_digests_in_their_names_are_kept_and_the_page_is_asked_for(
    shared_manager: RunningManager,
) -> None:
    page = shared_manager.get("/app/")
    assert page.headers["Cache-Control"] == "no-cache"
    again = shared_manager.get("/app/", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status, again.content) == (304, b"")
    [script] = re.findall(r'src="(/app/assets/[^"]+)"', page.content.decode())
    asset = shared_manager.get(script)
    assert "immutable" in asset.headers["Cache-Control"]
    assert asset.headers["Content-Type"].startswith("text/javascript")


def test_texts_are_sent_compressed_to_those_who_take_it(shared_manager: RunningManager) -> None:
    [script] = re.findall(
        r'src="(/app/assets/[^"]+)"', shared_manager.get("/app/").content.decode()
    )
    plain = shared_manager.get(script)
    assert "Content-Encoding" not in plain.headers
    packed = shared_manager.get(script, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    best = shared_manager.get(script, headers={"Accept-Encoding": "gzip, deflate, br"})
    assert best.headers["Content-Encoding"] == "br"
    assert len(best.content) < len(packed.content)


def test_the_first_page_is_small(manager: RunningManager, open_page: OpenPage) -> None:
    page = open_page(manager)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    page.evaluate("document.fonts.ready.then(() => true)")
    # What it took is noted a moment after it has come.
    fonts = "performance.getEntriesByType('resource').filter(e => e.name.endsWith('.woff2'))"
    are_there = f"{fonts}.length > 0 && {fonts}.every(e => e.encodedBodySize > 0)"
    eventually(lambda: page.evaluate(are_there))
    # As they came over the wire, compressed, with fonts.
    sizes = page.evaluate(
        "Object.fromEntries([...performance.getEntriesByType('navigation'),"
        " ...performance.getEntriesByType('resource')].map(e => [e.name, e.encodedBodySize]))"
    )
    own = {name: size for name, size in sizes.items() if "/app/" in name}
    assert any(name.endswith(".woff2") for name in own)
    assert 50_000 < sum(own.values()) < FIRST_PAGE_BYTES, own


def test_types_are_those_of_the_api_document() -> None:
    document = web_api_types.page_document()
    hint = "run scripts/web_api_types.py"
    assert web_api_types.recorded_digest() == web_api_types.digest_of(document), hint
    operations = web_api_types.OPERATIONS.read_text(encoding="utf-8")
    assert operations == web_api_types.operations_module(document), hint


def test_the_sources_fit_their_types() -> None:
    program = build_web.WEB / "node_modules" / "vue-tsc" / "bin" / "vue-tsc.js"
    checked = subprocess.run(
        [*build_web.node_command(), str(program), "--noEmit"],
        cwd=build_web.WEB,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.thorough
def test_building_again_gives_the_same_files(tmp_path: Path) -> None:
    vite = build_web.WEB / "node_modules" / "vite" / "bin" / "vite.js"
    subprocess.run(
        [*build_web.node_command(), str(vite), "build", "--outDir", str(tmp_path / "again")],
        cwd=build_web.WEB,
        check=True,
        capture_output=True,
    )
    first, again = _contents(BUILT), _contents(tmp_path / "again")
    first.pop(build_web.STAMP.name)
    assert again == first


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_without_a_built_page_the_address_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manager_service.web_page.read_built", dict)
    with RunningManager(tmp_path / "farm") as manager:
        page = manager.get("/app/jobs")
        assert page.status == 503
        assert "python scripts/build_web.py" in page.content.decode()
        assert manager.get("/jobs").status == 200


def test_a_half_built_page_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-1.js").write_text("1")
    assert read_built(tmp_path) == {}
