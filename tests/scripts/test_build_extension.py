"""The zips that artists drop onto Blender: complete, lean, and the same each time."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import extension_zip
from build_extension import build_one, put_into_manager
from environment import ROOT, CannotGoOnError
from extension_check import validate, validating_tool
from extension_editions import BROUGHT_BY_BLENDER, EDITIONS, Edition
from flamenco_core.version import parse_description

both_editions = pytest.mark.parametrize("edition", EDITIONS, ids=lambda each: each.name)


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    output = tmp_path_factory.mktemp("dist")
    return {edition.name: build_one(edition, None, output) for edition in EDITIONS}


@both_editions
def test_blenders_own_tool_takes_it_for_an_extension(
    edition: Edition, zips: dict[str, Path]
) -> None:
    tool = validating_tool()
    assert tool is not None
    validate(zips[edition.name], tool)


@both_editions
def test_two_builds_give_the_same_bytes(
    edition: Edition, zips: dict[str, Path], tmp_path: Path
) -> None:
    again = build_one(edition, None, tmp_path)
    assert again.read_bytes() == zips[edition.name].read_bytes()


@both_editions
def test_its_wheels_are_pure_and_blender_brings_none_of_them(
    edition: Edition, zips: dict[str, Path]
) -> None:
    manifest = tomllib.loads(content(zips[edition.name], "blender_manifest.toml").decode())
    wheels = [Path(name).name for name in manifest["wheels"]]
    assert all(name.endswith("-none-any.whl") for name in wheels)
    names = {name.split("-")[0].replace("_", "-").lower() for name in wheels}
    assert names == {"attrs", "cattrs", "flamenco-core", "typing-extensions"}
    assert not names & BROUGHT_BY_BLENDER


def test_each_blender_from_4_2_on_is_meant_by_exactly_one(zips: dict[str, Path]) -> None:
    ranges = []
    for file in zips.values():
        manifest = tomllib.loads(content(file, "blender_manifest.toml").decode())
        ranges.append((manifest["blender_version_min"], manifest.get("blender_version_max")))
    assert ranges == [("4.2.0", "5.1.0"), ("5.1.0", None)]


def test_it_says_what_it_does_with_the_network_and_with_files(zips: dict[str, Path]) -> None:
    manifest = tomllib.loads(content(zips["blender5.1"], "blender_manifest.toml").decode())
    assert {*manifest["permissions"]} == {"network", "files"}
    assert all(0 < len(reason) <= 64 for reason in manifest["permissions"].values())


def test_its_core_works_with_its_wheels_alone(zips: dict[str, Path], tmp_path: Path) -> None:
    """Of Blender only what every Blender has: `requests` and `zstandard`."""
    for name in zipfile.ZipFile(zips["blender4.2-5.0"]).namelist():
        if name.endswith(".whl"):
            wheel = content(zips["blender4.2-5.0"], name)
            zipfile.ZipFile(io.BytesIO(wheel)).extractall(tmp_path)
    script = f"""
import sys
sys.path[:] = [{str(tmp_path)!r}] + [each for each in sys.path if "site-packages" not in each
                                     and each not in ("", {str(ROOT)!r})]
import flamenco_core.client, flamenco_core.packing
from flamenco_core import model, wire
assert flamenco_core.__file__.startswith({str(tmp_path)!r})
wire.from_json({{"status": "active"}}, model.FarmStatusReport)
from flamenco_core.version import current_version
print(current_version().shown)
"""
    run = [sys.executable, "-I", "-c", script]
    ended = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("v")


def test_the_version_of_the_core_wheel_changes_with_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "checkout"
    shutil.copytree(
        ROOT / "flamenco_core", root / "flamenco_core", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(extension_zip, "ROOT", root)
    first = extension_zip.write_core_wheel(tmp_path)
    assert extension_zip.write_core_wheel(tmp_path) == first
    with (root / "flamenco_core" / "frames.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert extension_zip.write_core_wheel(tmp_path).name != first.name


def test_the_manifest_has_the_version_of_the_release() -> None:
    text = extension_zip.manifest(EDITIONS[0], parse_description("v1.3-beta1"), [], None)
    assert tomllib.loads(text)["version"] == "1.3.0-beta.1"


def test_putting_one_into_a_manager_takes_an_older_one_for_the_same_blenders_away(
    zips: dict[str, Path], tmp_path: Path
) -> None:
    put_into_manager([*zips.values()], tmp_path)
    folder = tmp_path / "extension"
    newer = tmp_path / "flamenco_python-9.0.0-blender5.1.zip"
    shutil.copyfile(zips["blender5.1"], newer)
    put_into_manager([newer], tmp_path)
    served = {file.name for file in folder.iterdir()}
    assert served == {newer.name, zips["blender4.2-5.0"].name}


def test_a_manager_that_is_not_there_is_named(zips: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(CannotGoOnError, match="there is no folder"):
        put_into_manager([*zips.values()], tmp_path / "nowhere")


def content(file: Path, name: str) -> bytes:
    with zipfile.ZipFile(file) as packed:
        return packed.read(name)
