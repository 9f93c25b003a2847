"""Paths of any platform, in job types."""

from __future__ import annotations

import pytest

from flamenco_core.job_types import any_paths


@pytest.mark.parametrize(
    ("path", "base", "folder", "stem"),
    [
        ("D:\\a\\b.c", "b.c", "D:/a", "b"),
        ("/q/r.tar.gz", "r.tar.gz", "/q", "r.tar"),
        ("name", "name", ".", "name"),
        ("", ".", ".", "."),
        ("/", "/", "/", "/"),
        ("/x", "x", "/", "x"),
        ("\\\\server\\share\\x.blend", "x.blend", "//server/share", "x"),
        ("{jobs}/a/b.blend", "b.blend", "{jobs}/a", "b"),
        ("a\\b/c.png", "c.png", "a/b", "c"),
        ("/a/b/", "b", "/a/b", "b"),
    ],
)
def test_both_separators_are_understood(path: str, base: str, folder: str, stem: str) -> None:
    assert any_paths.basename(path) == base
    assert any_paths.dirname(path) == folder
    assert any_paths.stem(path) == stem


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("/x/", "../y"), "/y"),
        (("a", "", "b"), "a/b"),
        ((), ""),
        (("", ""), ""),
        (("C:\\a", "b\\c"), "C:/a/b/c"),
        (("\\\\server\\share", "x"), "//server/share/x"),
        (("//server/share", "x"), "//server/share/x"),
        (("a//b/./c", "*.png"), "a/b/c/*.png"),
    ],
)
def test_joining_tidies_and_drops_what_is_empty(parts: tuple[str, ...], joined: str) -> None:
    assert any_paths.join(*parts) == joined
