"""Only what lies in a root can be seen, however the path to something else is written."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from flamenco_core.config import Config
from flamenco_core.errors import InvalidInput, NotAllowed, NotFound
from manager_service.files.roots import Roots, refuse_odd_path

unix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="links need rights on Windows, and there are no pipes"
)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """The shared storage, beside a folder that nobody may see."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.pem").write_text("secret")
    shared = tmp_path / "shared"
    (shared / "job").mkdir(parents=True)
    (shared / "job" / "a.png").write_bytes(b"png")
    return shared


@pytest.fixture
def roots(storage: Path, tmp_path: Path) -> Roots:
    return Roots(Config(home=tmp_path / "home", shared_storage_path=storage))


def test_what_lies_in_a_root_is_found(roots: Roots, storage: Path) -> None:
    assert roots.resolve(str(storage)) == storage.resolve()
    assert roots.resolve(f"{storage}/job/../job/a.png") == (storage / "job" / "a.png").resolve()


@pytest.mark.parametrize(
    "path",
    [
        "{storage}/../secret/key.pem",
        "{storage}/job/../../secret/key.pem",
        "{storage}/../secret/not-there",
        "{storage}er/x",
        "{storage}/..",
        pytest.param("/etc/passwd", marks=unix_only),
        pytest.param("/", marks=unix_only),
    ],
)
def test_what_lies_elsewhere_is_refused_whether_it_is_there_or_not(
    roots: Roots, storage: Path, path: str
) -> None:
    with pytest.raises(NotAllowed, match="shared storage"):
        roots.resolve(path.format(storage=storage))


@unix_only
def test_no_link_leads_out(roots: Roots, storage: Path, tmp_path: Path) -> None:
    (storage / "folder").symlink_to(tmp_path / "secret")
    (storage / "file.png").symlink_to(tmp_path / "secret" / "key.pem")
    (storage / "inside.png").symlink_to(storage / "job" / "a.png")
    for name in ("folder", "folder/key.pem", "file.png"):
        with pytest.raises(NotAllowed):
            roots.resolve(f"{storage}/{name}")
    assert roots.resolve(f"{storage}/inside.png") == (storage / "job" / "a.png").resolve()


@unix_only
def test_links_that_lead_nowhere_are_not_found(roots: Roots, storage: Path) -> None:
    (storage / "circle").symlink_to(storage / "circle")
    (storage / "gone").symlink_to(storage / "not-there")
    for name in ("circle", "gone", "not-there", "job/a.png/b", "x" * 300):
        with pytest.raises(NotFound):
            roots.resolve(f"{storage}/{name}")


@unix_only
def test_a_root_may_be_a_link_itself(storage: Path, tmp_path: Path) -> None:
    (tmp_path / "mount").symlink_to(storage)
    roots = Roots(Config(home=tmp_path / "home", shared_storage_path=tmp_path / "mount"))
    for way in (tmp_path / "mount", storage):
        assert roots.resolve(f"{way}/job/a.png") == (storage / "job" / "a.png").resolve()


def test_folders_of_the_configuration_are_roots_too(storage: Path, tmp_path: Path) -> None:
    extra = tmp_path / "renders"
    extra.mkdir()
    config = Config(
        home=tmp_path / "home", shared_storage_path=storage, file_browser_roots=(extra,)
    )
    roots = Roots(config)
    assert [root.name for root in roots] == ["Shared storage", "renders"]
    assert roots.resolve(str(extra)) == extra.resolve()


def test_the_managers_own_files_are_in_no_root_however_large_it_is(tmp_path: Path) -> None:
    home = tmp_path / "flamenco"
    shared = home / "flamenco-shared-storage"
    shared.mkdir(parents=True)
    for file in (home / "flamenco-manager.yaml", shared / "a.png", tmp_path / "b.png"):
        file.write_text("x")
    roots = Roots(Config(home=home, file_browser_roots=(tmp_path,)))
    roots.resolve(str(shared / "a.png"))
    roots.resolve(str(tmp_path / "b.png"))
    for own in (home, home / "flamenco-manager.yaml"):
        with pytest.raises(NotAllowed):
            roots.resolve(str(own))


@unix_only
def test_only_files_are_opened(roots: Roots, storage: Path) -> None:
    os.mkfifo(storage / "pipe.png")
    path, descriptor = roots.open(f"{storage}/job/a.png")
    with os.fdopen(descriptor, "rb") as file:
        assert (path.name, file.read()) == ("a.png", b"png")
    for name in ("job", "pipe.png"):
        with pytest.raises(NotFound, match="no file"):
            roots.open(f"{storage}/{name}")


@pytest.mark.parametrize("text", ["", "shot", "./x", "../x", "C:\\x", "\\\\server\\share", "/a\0b"])
def test_on_unix_a_path_begins_with_a_slash(text: str) -> None:
    with pytest.raises(InvalidInput):
        refuse_odd_path(text, PurePosixPath(text))


@pytest.mark.parametrize("text", ["C:\\render\\a.png", "c:/render/a.png", "\\\\server\\share\\x"])
def test_on_windows_a_path_has_a_drive_or_a_server(text: str) -> None:
    refuse_odd_path(text, PureWindowsPath(text))


@pytest.mark.parametrize(
    "text",
    [
        "\\render",
        "/render",
        "C:render",
        "C:",
        "\\\\?\\C:\\render\\a.png",
        "\\\\.\\COM1",
        "//?/C:/render",
        "C:\\render\\a.png:stream",
        "C:\\render\\NUL",
        "C:\\render\\con.png",
        "C:\\render\\aux .txt",
    ],
)
def test_on_windows_ways_around_the_rules_of_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        refuse_odd_path(text, PureWindowsPath(text))
