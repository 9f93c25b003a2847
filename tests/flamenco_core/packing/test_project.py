"""Where a project begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.packing import find_project_root, folder_name
from flamenco_core.packing.project import without_dots
from flamenco_core.shaman.checkout_paths import checkout_path_problems


@pytest.mark.parametrize("marker", [".blender_project", ".git", ".svn"])
def test_the_closest_folder_with_a_marker_is_the_root(tmp_path: Path, marker: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "show" / marker).mkdir(parents=True)
    assert find_project_root(tmp_path / "show/shots/10/scene.blend") == tmp_path / "show"


def test_a_marker_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")  # as in a git worktree
    assert find_project_root(tmp_path / "a/b/scene.blend") == tmp_path


def test_without_a_marker_the_root_is_the_folder_of_the_blend_file(tmp_path: Path) -> None:
    blend = tmp_path / "deep/scene.blend"
    if find_project_root(tmp_path / "x") != tmp_path:
        pytest.fail(f"a folder above {tmp_path} has a project marker")
    assert find_project_root(blend) == blend.parent


def test_dots_in_a_path_do_not_lead_to_the_root_of_another_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "show").mkdir()
    (tmp_path / "show/scene.blend").touch()
    (tmp_path / "other/.git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "other")
    assert without_dots(Path("../show/./scene.blend")) == tmp_path / "show/scene.blend"


def test_links_keep_their_names_unless_dots_behind_them_lead_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "disk/show").mkdir(parents=True)
    (tmp_path / "disk/scene.blend").touch()
    (tmp_path / "disk/show/scene.blend").touch()
    (tmp_path / "link").symlink_to(tmp_path / "disk/show")
    assert without_dots(tmp_path / "link/scene.blend") == tmp_path / "link/scene.blend"
    assert without_dots(tmp_path / "link/../scene.blend") == tmp_path / "disk/scene.blend"


@pytest.mark.parametrize(
    ("job", "folder"),
    [
        ("shot 10 v2", "shot 10 v2"),
        ("a/b\\c:d*?{e}", "a_b_c_d___e_"),
        ("  .hidden. ", "hidden"),
        ("...", "job"),
        ("", "job"),
        ("con", "job con"),
        ("Größe", "Größe"),
        ("ü" * 200, "ü" * 50),
        ("line\nbreak", "line_break"),
    ],
)
def test_every_job_name_gives_a_folder_name_that_any_platform_accepts(
    job: str, folder: str
) -> None:
    assert folder_name(job) == folder


@given(st.text(max_size=300))
def test_no_job_name_gives_a_folder_that_the_manager_refuses(job: str) -> None:
    assert checkout_path_problems(folder_name(job)) == []
    assert "/" not in folder_name(job)


def test_only_the_markers_that_are_asked_for_count(tmp_path: Path) -> None:
    (tmp_path / "show/.git").mkdir(parents=True)
    (tmp_path / ".studio").touch()
    blend = tmp_path / "show/shots/scene.blend"
    assert find_project_root(blend, [".studio"]) == tmp_path
    assert find_project_root(blend, [".git"]) == tmp_path / "show"
    assert find_project_root(blend, []) == blend.parent


def test_a_working_copy_with_a_marker_in_every_folder_begins_at_its_top(tmp_path: Path) -> None:
    for folder in ("show", "show/shots", "show/shots/10"):
        (tmp_path / folder / ".svn").mkdir(parents=True)
    blend = tmp_path / "show/shots/10/scene.blend"
    assert find_project_root(blend) == tmp_path / "show"
    (tmp_path / "show/shots/.blender_project").touch()
    (tmp_path / "show/shots/10/.svn").rmdir()
    assert find_project_root(blend) == tmp_path / "show/shots"
