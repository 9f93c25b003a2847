"""How Windows is asked for paths that it would refuse otherwise."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest

from flamenco_core.packing.long_paths import LONGEST_PLAIN, extended, openable

DEEP = "\\".join(["a folder with a long name"] * 12)


@pytest.mark.parametrize(
    ("path", "asked_for"),
    [
        ("C:\\short.blend", "C:\\short.blend"),
        (f"C:\\{DEEP}\\Größe.blend", f"\\\\?\\C:\\{DEEP}\\Größe.blend"),
        (f"C:/{DEEP}/x.blend".replace("\\", "/"), f"\\\\?\\C:\\{DEEP}\\x.blend"),
        (f"\\\\server\\share\\{DEEP}\\x", f"\\\\?\\UNC\\server\\share\\{DEEP}\\x"),
        (f"\\\\?\\C:\\{DEEP}\\x", f"\\\\?\\C:\\{DEEP}\\x"),
        (f"C:\\{DEEP}\\..\\x", f"C:\\{DEEP}\\..\\x"),
        (f"{DEEP}\\x", f"{DEEP}\\x"),
    ],
    ids=["short", "long", "slashes", "network", "prefixed", "with dots", "relative"],
)
def test_only_long_absolute_paths_get_the_prefix(path: str, asked_for: str) -> None:
    assert extended(PureWindowsPath(path)) == asked_for


def test_a_path_gets_the_prefix_before_a_short_name_in_it_would_be_too_long() -> None:
    longest = "C:\\" + "x" * (LONGEST_PLAIN - 3)
    assert extended(PureWindowsPath(longest)) == longest
    assert extended(PureWindowsPath(longest + "x")).startswith("\\\\?\\")


def test_elsewhere_paths_stay_as_they_are() -> None:
    if not isinstance(Path(), PureWindowsPath):
        deep = Path("/", *["folder"] * 100)
        assert openable(deep) is deep
