from __future__ import annotations

import pytest

from flamenco_core.paths import (
    PathWithVariable,
    component_count,
    join,
    rest_below,
    with_separator,
    without_trailing_separators,
)


@pytest.mark.parametrize(
    ("text", "folder", "rest"),
    [
        ("/mnt/farm/a.blend", "/mnt/farm", "/a.blend"),
        ("/mnt/farm", "/mnt/farm", ""),
        ("/mnt/farm/", "/mnt/farm", "/"),
        ("/mnt/farm", "/mnt/farm/", ""),
        ("/mnt//farm///a", "/mnt/farm", "///a"),
        ("/mnt/farm2/a", "/mnt/farm", None),
        ("/mnt/farm/../farm2/a", "/mnt/farm", None),
        ("F:\\shots\\.\\..\\a", "F:/shots", None),
        ("/mnt/farm/shots/../a", "/mnt/farm", "/shots/../a"),
        ("/mnt/far", "/mnt/farm", None),
        ("/mnt", "/mnt/farm", None),
        ("mnt/farm/a", "/mnt/farm", None),
        ("/mnt/farm/a", "mnt/farm", None),
        ("/MNT/Farm/A", "/mnt/farm", "/A"),
        ("/mnt/stra\u00dfe/A", "/mnt/STRASSE", "/A"),
        ("F:\\Shots\\a", "f:/shots", "\\a"),
        ("F:/shots\\a", "F:\\shots", "\\a"),
        ("F:\\shots", "F:", "\\shots"),
        ("F:", "F:\\", ""),
        ("F:\\", "F:", "\\"),
        ("F:shots", "F:", None),
        ("FF:\\shots", "F:", None),
        ("\\\\server\\share\\a", "//Server/Share", "\\a"),
        ("//server/share/a", "\\\\server\\share\\", "/a"),
        ("\\\\server\\share2\\a", "\\\\server\\share", None),
        ("/server/share/a", "//server/share", None),
        ("//server/share/a", "/server/share", None),
        ("\\\\?\\F:\\shots\\a", "f:/shots", "\\a"),
        ("//?/F:/shots", "F:\\shots", ""),
        ("F:\\shots\\a", "\\\\?\\F:\\shots", "\\a"),
        ("\\\\?\\UNC\\server\\share\\a", "\\\\server\\share", "\\a"),
        ("\\\\?\\unc\\server\\share", "\\\\server\\share2", None),
        ("\\\\?\\F:\\shots2\\a", "F:\\shots", None),
        ("\\\\?\\Volume{1}\\a", "F:", None),
        ("\\\\?\\UNC", "\\\\?", "\\UNC"),
        ("/mnt/x", "/", "/mnt/x"),
        ("/", "/", "/"),
        ("//textures/x.png", "/", None),
        ("//textures/x.png", "/textures", None),
        ("anything", "", None),
        ("", "", None),
        ("", "/mnt", None),
    ],
)
def test_a_path_lies_in_a_folder_by_whole_components(
    text: str, folder: str, rest: str | None
) -> None:
    assert rest_below(text, folder, ignore_case=True) == rest


def test_case_can_matter() -> None:
    assert rest_below("/Mnt/a", "/mnt", ignore_case=False) is None
    assert rest_below("/mnt/a", "/mnt", ignore_case=False) == "/a"


@pytest.mark.parametrize(
    ("folder", "rest", "separator", "joined"),
    [
        ("/mnt/farm", "/a//b", "/", "/mnt/farm/a/b"),
        ("/mnt/farm", "", "/", "/mnt/farm"),
        ("/mnt/farm", "/a/", "/", "/mnt/farm/a/"),
        ("/mnt/farm", "_old/a", "/", "/mnt/farm_old/a"),
        ("/", "/a", "/", "/a"),
        ("/", "a", "/", "/a"),
        ("/", "", "/", "/"),
        ("F:", "/a/b", "\\", "F:\\a\\b"),
        ("F:", "a", "\\", "F:\\a"),
        ("F:", "", "\\", "F:\\"),
        ("F:/shots", "/a", "\\", "F:\\shots\\a"),
        ("\\\\server\\share", "/a", "\\", "\\\\server\\share\\a"),
        ("//server/share", "/a", "\\", "\\\\server\\share\\a"),
        ("\\\\server\\share", "\\a", "/", "//server/share/a"),
    ],
)
def test_a_rest_is_joined_to_a_folder(folder: str, rest: str, separator: str, joined: str) -> None:
    assert join(folder, rest, separator) == joined


def test_separators_become_one_kind_and_one_each() -> None:
    assert with_separator("\\\\server\\share//a\\/b/", "/") == "//server/share/a/b/"
    assert with_separator("/mnt//farm", "\\") == "\\mnt\\farm"
    assert with_separator("", "/") == ""


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [("/mnt/", "/mnt"), ("F:\\", "F:"), ("F:/", "F:"), ("/", "/"), ("//", "/"), ("", "")],
)
def test_trailing_separators_are_cut_but_a_root_stays(text: str, trimmed: str) -> None:
    assert without_trailing_separators(text) == trimmed


def test_components_are_counted() -> None:
    assert [component_count(text) for text in ("/", "F:", "//server/share/", "a/b")] == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("{shots}", PathWithVariable("shots")),
        ("{shots}/a.blend", PathWithVariable("shots", "/a.blend")),
        ("{shots}\\a\\\\b", PathWithVariable("shots", "/a/b")),
        ("{shots}a", None),
        ("x{shots}", None),
        ("/mnt/farm", None),
        ('{shots}/a "b"', None),
    ],
)
def test_a_path_with_a_variable_is_read_from_text(
    text: str, parsed: PathWithVariable | None
) -> None:
    assert PathWithVariable.parse(text) == parsed
