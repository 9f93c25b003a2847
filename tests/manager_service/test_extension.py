"""The Manager hands out the Blender extension that was put into its data folder."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from manager_service.extension_shelf import ExtensionShelf
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.running_manager import RunningManager

INDEX = "/extension/index.json"
DOWNLOAD = "/flamenco-addon.zip"


def put(home: Path, name: str, **manifest: object) -> Path:
    """An extension as small as Blender takes one."""
    values: dict[str, object] = {
        "schema_version": "1.0.0",
        "id": "flamenco_python",
        "name": "Flamenco",
        "tagline": "Renders",
        "maintainer": "us",
        "type": "add-on",
        "license": ["SPDX:GPL-3.0-or-later"],
        "version": "1.0.0",
        "blender_version_min": "4.2.0",
        **manifest,
    }
    lines = [f"{key} = {value!r}" for key, value in values.items()]
    (home / "extension").mkdir(exist_ok=True)
    file = home / "extension" / name
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("blender_manifest.toml", "\n".join(lines))
        packed.writestr("__init__.py", f"# {name}")
    return file


@pytest.fixture
def two_zips(tmp_path: Path) -> tuple[Path, Path]:
    """As `build_extension.py --platform any` makes them."""
    older = put(tmp_path, "older.zip", blender_version_max="5.1.0")
    newer = put(tmp_path, "newer.zip", blender_version_min="5.1.0")
    return older, newer


@pytest.fixture
def manager_with_zips(two_zips: tuple[Path, Path], tmp_path: Path) -> RunningManager:
    return RunningManager(tmp_path)


def test_nothing_was_put_there_and_the_answer_says_how(shared_manager: RunningManager) -> None:
    reply = shared_manager.get(DOWNLOAD)
    assert reply.status == 404
    assert "No extension for Blender was put here yet" in reply.json["message"]
    assert "build_extension.py --into-manager" in reply.json["problems"][0]["hint"]
    assert shared_manager.get(INDEX).json == {"version": "v1", "blocklist": [], "data": []}


def test_the_index_offers_what_is_there_with_its_digest(
    manager_with_zips: RunningManager, two_zips: tuple[Path, Path]
) -> None:
    with manager_with_zips as manager:
        packages = manager.get(INDEX).json["data"]
        assert {package["archive_url"] for package in packages} == {
            f"./files/{file.name}" for file in two_zips
        }
        for package in packages:
            reply = manager.get(f"/extension/{package['archive_url'].removeprefix('./')}")
            digest = hashlib.sha256(reply.content).hexdigest()
            assert package["archive_hash"] == f"sha256:{digest}"
            assert package["archive_size"] == len(reply.content)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "newer.zip"),
        ("?blender=4.2", "older.zip"),
        ("?blender=4.5.3&platform=macos-x64", "older.zip"),
        ("?blender=5.0", "older.zip"),
        ("?blender=5.1", "newer.zip"),
        ("?blender=5.1.0", "newer.zip"),
        ("?blender=6", "newer.zip"),
    ],
)
def test_the_download_is_the_one_for_that_blender(
    manager_with_zips: RunningManager, query: str, wanted: str
) -> None:
    with manager_with_zips as manager:
        reply = manager.get(f"{DOWNLOAD}{query}")
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "application/zip"
        assert wanted in reply.headers["Content-Disposition"]


def test_what_there_is_none_for_is_named_with_what_there_is(
    manager_with_zips: RunningManager,
) -> None:
    with manager_with_zips as manager:
        reply = manager.get(f"{DOWNLOAD}?blender=3.6")
        assert reply.status == 404
        assert "no extension for Blender 3.6" in reply.json["message"]
        assert "4.2.0 to before 5.1.0" in reply.json["message"]


def test_a_browser_gets_the_one_for_its_platform(tmp_path: Path) -> None:
    for platform in ("linux-x64", "windows-x64", "macos-arm64"):
        put(tmp_path, f"{platform}.zip", platforms=[platform])
    with RunningManager(tmp_path) as manager:
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
        reply = manager.request("GET", DOWNLOAD, headers={"User-Agent": agent})
        assert "windows-x64.zip" in reply.headers["Content-Disposition"]


def test_the_old_address_leads_to_the_download(shared_manager: RunningManager) -> None:
    reply = shared_manager.get("/flamenco3-addon.zip")
    assert (reply.status, reply.headers["Location"]) == (308, DOWNLOAD)


@pytest.mark.parametrize("name", ["other.zip", "..%2Fflamenco-manager.sqlite", "older.zip~"])
def test_nothing_but_the_extensions_is_handed_out(
    manager_with_zips: RunningManager, name: str
) -> None:
    with manager_with_zips as manager:
        assert manager.get(f"/extension/files/{name}").status == 404


def test_blender_needs_no_account_for_it(two_zips: tuple[Path, Path], tmp_path: Path) -> None:
    add_people(tmp_path, anna="admin")
    with GuardedManager(tmp_path) as manager:
        assert len(manager.get(INDEX).json["data"]) == 2
        assert manager.get("/extension/files/newer.zip").content == two_zips[1].read_bytes()


def test_of_two_versions_for_the_same_blender_the_newer_is_offered(tmp_path: Path) -> None:
    put(tmp_path, "a.zip", version="1.10.0")
    put(tmp_path, "b.zip", version="1.9.0")
    (package,) = ExtensionShelf(tmp_path).index().data
    assert package.version == "1.10.0"


def test_the_one_for_a_platform_takes_the_place_of_the_one_for_all(tmp_path: Path) -> None:
    put(tmp_path, "any.zip")
    put(tmp_path, "linux.zip", platforms=["linux-x64"])
    offered = {
        package.archive_url: package.platforms for package in ExtensionShelf(tmp_path).index().data
    }
    assert offered == {
        "./files/linux.zip": ["linux-x64"],
        "./files/any.zip": ["macos-arm64", "macos-x64", "windows-arm64", "windows-x64"],
    }


def test_a_file_that_is_no_extension_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "good.zip")
    (tmp_path / "extension" / "torn.zip").write_bytes(b"PK\x03\x04 torn")
    with zipfile.ZipFile(tmp_path / "extension" / "other.zip", "w") as packed:
        packed.writestr("readme.txt", "nothing")
    put(tmp_path, "incomplete.zip", id=3)
    (package,) = ExtensionShelf(tmp_path).index().data
    assert package.archive_url == "./files/good.zip"
    for name in ("torn.zip", "other.zip", "incomplete.zip"):
        assert f"{name} is not offered to Blender" in caplog.text


def test_a_zip_that_was_exchanged_is_looked_at_again(tmp_path: Path) -> None:
    shelf = ExtensionShelf(tmp_path)
    put(tmp_path, "a.zip", version="1.0.0")
    (before,) = shelf.index().data
    put(tmp_path, "a.zip", version="1.0.10")
    (after,) = shelf.index().data
    assert (before.version, after.version) == ("1.0.0", "1.0.10")
    assert before.archive_hash != after.archive_hash
