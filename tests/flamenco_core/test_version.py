"""The version in its three spellings, and where each kind of installation finds it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version as PackagingVersion

from flamenco_core.version import parse_description, read_version
from tests.checkouts import ROOT, commit_all, copy_source, git


@pytest.mark.parametrize(
    ("described", "shown", "pep440", "manifest"),
    [
        ("v1.2-14-gabc1234-dirty", "v1.2-14-abc1234-dirty", "1.2.post14+abc1234.dirty", "1.2.0"),
        ("v1.2-14-gabc1234", "v1.2-14-abc1234", "1.2.post14+abc1234", "1.2.0"),
        ("v1.2-0-gabc1234", "v1.2", "1.2", "1.2.0"),
        ("v1.2.3-0-gabc1234-dirty", "v1.2.3-0-abc1234-dirty", "1.2.3+abc1234.dirty", "1.2.3"),
        ("v2-1-gabc1234", "v2-1-abc1234", "2.post1+abc1234", "2.0.0"),
        ("v1.3-beta1-2-gabc1234", "v1.3-beta1-2-abc1234", "1.3b1.post2+abc1234", "1.3.0-beta.1"),
        ("v1.3-rc2-0-gabc1234", "v1.3-rc2", "1.3rc2", "1.3.0-rc.2"),
        # What `git archive` writes: at a tag, after a tag, in a clone without tags.
        ("v1.2 abc1234def", "v1.2", "1.2", "1.2.0"),
        ("v1.2-14-gabc1234 abc1234def", "v1.2-14-abc1234", "1.2.post14+abc1234", "1.2.0"),
        (" abc1234def", "v0.1-abc1234", "0.1+abc1234", "0.1.0"),
        ("", "v0.1-unknown", "0.1+unknown", "0.1.0"),
        ("nonsense", "v0.1-unknown", "0.1+unknown", "0.1.0"),
    ],
)
def test_one_description_gives_three_spellings(
    described: str, shown: str, pep440: str, manifest: str
) -> None:
    version = parse_description(described)
    assert (version.shown, version.pep440, version.manifest) == (shown, pep440, manifest)
    assert str(PackagingVersion(version.pep440)) == version.pep440


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """This project two commits after its release v1.2."""
    folder = copy_source(tmp_path / "checkout")
    git(folder, "tag", "v1.2")
    commit_all(folder)
    commit_all(folder)
    return folder


def shown_by_manager(folder: Path, *program: str) -> str:
    """What `flamenco-manager --version` prints if `folder` is where the packages are.

    It runs in an empty folder, without git on PATH unless `folder` is a checkout.
    """
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if not (folder / ".git").exists():
        environment["PATH"] = str(elsewhere)
    command = program or (sys.executable, "-m", "manager_service.cli")
    answer = subprocess.run(
        [*command, "--version"],
        cwd=elsewhere,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()[-1]


def build(source: Path, kind: str) -> Path:
    """Builds a wheel or sdist of `source` with the build tools of this environment."""
    output = source.parent / f"built-from-{source.name}"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", output, source],
        check=True,
        capture_output=True,
        env=os.environ | {"FLAMENCO_BUILD_WEB": "0"},
    )
    (built,) = output.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def unpack(archive: Path, destination: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(destination, filter="data")
    (folder,) = destination.iterdir()
    return folder


def install(wheel: Path, destination: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", destination, wheel], check=True, capture_output=True)
    return destination


def test_a_checkout_asks_git_every_time(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "--short=7", "HEAD")
    assert shown_by_manager(checkout) == f"v1.2-2-{commit}"
    commit = commit_all(checkout)
    assert shown_by_manager(checkout) == f"v1.2-3-{commit}"
    (checkout / "README.md").write_text("changed\n")
    assert shown_by_manager(checkout) == f"v1.2-3-{commit}-dirty"


def test_a_checkout_without_tags_is_release_0_1(tmp_path: Path) -> None:
    checkout = copy_source(tmp_path / "checkout")
    commit = commit_all(checkout)
    assert shown_by_manager(checkout) == f"v0.1-2-{commit}"


def test_a_wheel_carries_its_version(checkout: Path, tmp_path: Path) -> None:
    commit = git(checkout, "rev-parse", "--short=7", "HEAD")
    wheel = build(checkout, "wheel")
    assert wheel.name == f"flamenco_python-1.2.post2+{commit}-py3-none-any.whl"
    installed = install(wheel, tmp_path / "installed")
    assert shown_by_manager(installed) == f"v1.2-2-{commit}"
    script = installed / "bin" / "flamenco-manager"
    assert shown_by_manager(installed, str(script)) == f"v1.2-2-{commit}"


def test_an_sdist_and_the_wheel_built_from_it_carry_the_version(
    checkout: Path, tmp_path: Path
) -> None:
    (checkout / "README.md").write_text("changed\n")
    commit = git(checkout, "rev-parse", "--short=7", "HEAD")
    source = unpack(build(checkout, "sdist"), tmp_path / "sdist")
    assert shown_by_manager(source) == f"v1.2-2-{commit}-dirty"
    installed = install(build(source, "wheel"), tmp_path / "installed")
    assert shown_by_manager(installed) == f"v1.2-2-{commit}-dirty"


def test_a_git_archive_carries_the_version(checkout: Path, tmp_path: Path) -> None:
    commit = git(checkout, "rev-parse", "--short=7", "HEAD")
    git(checkout, "archive", f"--output={tmp_path / 'a.tar'}", "--prefix=flamenco/", "HEAD")
    source = unpack(tmp_path / "a.tar", tmp_path / "archive")
    assert shown_by_manager(source) == f"v1.2-2-{commit}"
    assert build(source, "wheel").name.startswith(f"flamenco_python-1.2.post2+{commit}-")


def test_a_git_archive_of_a_clone_without_tags_names_the_commit(tmp_path: Path) -> None:
    checkout = copy_source(tmp_path / "checkout")
    commit = git(checkout, "rev-parse", "--short=7", "HEAD")
    git(checkout, "archive", f"--output={tmp_path / 'a.tar'}", "--prefix=flamenco/", "HEAD")
    source = unpack(tmp_path / "a.tar", tmp_path / "archive")
    assert read_version(source).shown == f"v0.1-{commit}"


def test_a_copy_inside_another_repository_does_not_take_its_version(tmp_path: Path) -> None:
    checkout = copy_source(tmp_path / "other" / "vendored")
    for path in sorted((checkout / ".git").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (checkout / ".git").rmdir()
    git(tmp_path / "other", "init", "--quiet")
    commit_all(tmp_path / "other")
    git(tmp_path / "other", "tag", "v9.9")
    assert read_version(checkout).shown == "v0.1-unknown"


def test_importing_the_core_runs_no_git() -> None:
    code = (
        "import subprocess\n"
        "def refuse(*a, **k): raise SystemExit('a process was started')\n"
        "subprocess.Popen.__init__ = refuse\n"
        "import flamenco_core, flamenco_core.version\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_extension_manifest_is_of_the_release_this_checkout_follows() -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == read_version(ROOT).manifest
