"""Paths from other machines: what may become a name on the farm's storage, and what may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.model import ShamanFileSpec
from flamenco_core.shaman.checkout_paths import (
    checkout_path_problems,
    file_list_problems,
    file_path_problems,
)

SHA = "0" * 64

REFUSED = {
    "": "empty",
    "/etc/passwd": "absolute",
    "//server/share": "absolute",
    "C:/Windows": "drive letter",
    "c:file": "drive letter",
    "..": "lead out",
    "../up": "lead out",
    "a/../b": "lead out",
    "a/..": "lead out",
    "./a": "means nothing",
    "a//b": "empty component",
    "a/": "empty component",
    "a\\b": "backslash",
    "..\\up": "backslash",
    "\\\\server\\share": "backslash",
    "a\x00b": "control character",
    "a\nb": "control character",
    "a\x7f": "control character",
    "CON": "device",
    "sub/nul.txt": "device",
    "com1.tar.gz": "device",
    "LPT³": "device",
    "aux .png": "device",
    "trailing.": "dot or a blank",
    "trailing /b": "dot or a blank",
    "\ud800.png": "Unicode",
    "x" * 256: "longer than",
    "ü" * 128: "longer than",
}

FINE = [
    "scene.blend",
    "shots/010/scene v2 (final).blend",
    "..hidden",
    "a..b/c",
    ".blender_project",
    "_outside_project/home/artist/wood.png",
    "console.png",
    "COM10",
    "Ünïcode/木.png",
    "x" * 255,
]


@pytest.mark.parametrize(("path", "sentence"), REFUSED.items())
def test_refused_paths_come_with_the_reason(path: str, sentence: str) -> None:
    (problem,) = file_path_problems(path)
    assert sentence in problem
    assert sentence in checkout_path_problems(path)[0]


@pytest.mark.parametrize("path", FINE)
def test_ordinary_paths_are_fine(path: str) -> None:
    assert file_path_problems(path) == []


@pytest.mark.parametrize("path", ["tex:1.png", "what?.png", 'say "hi".png', "a|b", "a*"])
def test_what_windows_cannot_store_is_refused_only_on_windows(path: str) -> None:
    assert file_path_problems(path, windows=False) == []
    assert len(file_path_problems(path, windows=True)) == 1


@pytest.mark.parametrize("path", ["my {jobs}", "show:b", "a;b", "what?", "x" * 251])
def test_names_of_checkouts_follow_stricter_rules(path: str) -> None:
    assert len(checkout_path_problems(path)) == 1
    assert file_path_problems(path, windows=False) == []


def test_two_files_on_one_path_and_files_used_as_folders_are_named() -> None:
    def file(path: str, size: int) -> ShamanFileSpec:
        return ShamanFileSpec(sha=SHA, size=size, path=path)

    problems = file_list_problems(
        [file("a/b/c", 1), file("d", 2), file("d", 3), file("a/b", 4), file("a", 5)]
    )
    assert [(problem.where, problem.what) for problem in problems] == [
        ("files[2].path", "'d' is the path of another file, files[1]"),
        ("files[0].path", "'a/b/c' needs a folder 'a', but that is a file, files[4]"),
        ("files[0].path", "'a/b/c' needs a folder 'a/b', but that is a file, files[3]"),
        ("files[3].path", "'a/b' needs a folder 'a', but that is a file, files[4]"),
    ]


AWKWARD_TEXT = st.lists(
    st.one_of(
        st.sampled_from(
            ["..", ".", "/", "\\", "C:", "nul", " ", "\x00", "\r", "a", "b.png", "~", "$HOME", "％"]
        ),
        st.characters(),
    ),
    max_size=8,
).map("".join)


@given(AWKWARD_TEXT)
def test_an_accepted_path_is_one_file_inside_the_checkout_on_every_platform(path: str) -> None:
    if file_path_problems(path, windows=True):
        return
    import ntpath
    import posixpath

    for flavour in (posixpath, ntpath):
        root = flavour.abspath("/jobs/job")
        joined = flavour.normpath(flavour.join(root, path))
        assert joined.startswith(root + flavour.sep)
        assert not flavour.isabs(path)
        assert flavour.splitdrive(path)[0] == ""
    assert posixpath.normpath(path) == path


@given(AWKWARD_TEXT)
def test_an_accepted_path_can_really_be_stored(path: str) -> None:
    if file_path_problems(path):
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"")
        assert os.path.realpath(place) == f"{os.path.realpath(folder)}/{path}"


@given(AWKWARD_TEXT)
def test_whatever_names_a_checkout_is_also_fit_for_a_file(path: str) -> None:
    if not checkout_path_problems(path):
        assert file_path_problems(path, windows=False) == []


@given(st.lists(st.sampled_from(["a", "a/b", "a/b/c", "b", "b/a", "c/a/b"]), max_size=5))
def test_an_accepted_list_can_be_laid_out_without_two_files_in_one_place(paths: list[str]) -> None:
    files = [ShamanFileSpec(sha=SHA, size=number, path=path) for number, path in enumerate(paths)]
    problems = file_list_problems(files)
    is_clean = len(set(paths)) == len(paths) and not any(
        one != other and one.startswith(other + "/") for one in paths for other in paths
    )
    assert (problems == []) == is_clean
