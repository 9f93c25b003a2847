"""Which paths a checkout may hold.

Paths come from other machines and become names of links on the farm's storage, which Windows,
macOS and Linux workers all read. So a path that leads out of the checkout is refused, and so is
one that some platform reads differently from another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from flamenco_core.errors import Problem
from flamenco_core.model import ShamanFileSpec

MARKER_NAME = ".flamenco-checkout"
"""A file of this name in a folder says that the folder is one checkout, as a whole."""

LONGEST_NAME = 255
"""Bytes of one component that all file systems in use can hold."""

_SUFFIX_ROOM = 5
"""Bytes kept free in a checkout's own name: `-` and four characters, for when it is taken."""

_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{device}{number}" for device in ("com", "lpt") for number in "123456789¹²³"]
)
_DRIVE_LETTER = re.compile(r"[A-Za-z]:")
_NOT_IN_WINDOWS_NAMES = frozenset('<>:"|?*')
_NOT_IN_CHECKOUT_NAMES = frozenset("?*:;{}")
"""`{jobs}/<checkout>` is expanded like any path with variables; the rest is Flamenco 3's rule."""


def file_path_problems(path: str, *, windows: bool = os.name == "nt") -> list[str]:
    """Why `path` cannot be a file's place in a checkout, one sentence each; empty if it can.

    `windows`: whether the checkout is made on Windows, which cannot store some characters.
    """
    problems = _form_problems(path)
    if problems:
        return problems
    components = path.split("/")
    for component in dict.fromkeys(components):
        problems += _component_problems(component)
        if windows and _NOT_IN_WINDOWS_NAMES & set(component):
            problems.append(f"{component!r} has a character that Windows cannot store")
    if components[0].casefold() == MARKER_NAME:
        problems.append(f"the name {MARKER_NAME!r} is kept for the Manager's own file")
    return problems


def checkout_path_problems(path: str) -> list[str]:
    """Why `path` cannot name a checkout, one sentence each; empty if it can."""
    problems = _form_problems(path)
    if problems:
        return problems
    for component in dict.fromkeys(path.split("/")):
        problems += _component_problems(component, longest=LONGEST_NAME - _SUFFIX_ROOM)
        refused = "".join(sorted(_NOT_IN_CHECKOUT_NAMES & set(component)))
        if refused:
            problems.append(f"{component!r} may not have any of {refused}")
        if component.casefold() == MARKER_NAME:
            problems.append(f"the name {MARKER_NAME!r} is kept for the Manager's own file")
    return problems


def file_list_problems(
    files: Sequence[ShamanFileSpec], *, windows: bool = os.name == "nt"
) -> list[Problem]:
    """All that is wrong with the paths of a checkout's files, alone and beside each other."""
    problems = [
        Problem(f"files[{index}].path", what)
        for index, file in enumerate(files)
        for what in file_path_problems(file.path, windows=windows)
    ]
    first_use: dict[str, int] = {}
    for index, file in enumerate(files):
        earlier = first_use.setdefault(file.path, index)
        same_content = (files[earlier].sha, files[earlier].size) == (file.sha, file.size)
        if earlier != index and not same_content:
            problems.append(
                Problem(
                    f"files[{index}].path",
                    f"{file.path!r} is the path of another file, files[{earlier}]",
                )
            )
    for index, file in enumerate(files):
        problems += [
            Problem(
                f"files[{index}].path",
                f"{file.path!r} needs a folder {folder!r}, but that is a file, "
                f"files[{first_use[folder]}]",
            )
            for folder in _folders_above(file.path)
            if folder in first_use
        ]
    return problems


def _folders_above(path: str) -> list[str]:
    components = path.split("/")
    return ["/".join(components[:count]) for count in range(1, len(components))]


def _form_problems(path: str) -> list[str]:
    """What is wrong with the path as a whole; its components mean nothing until this is mended."""
    if not path:
        return ["the path is empty"]
    if "\\" in path:
        return [f"{path!r} has a backslash: folders are separated by forward slashes"]
    if path.startswith("/"):
        return [f"{path!r} is absolute: paths are relative to the checkout"]
    if _DRIVE_LETTER.match(path):
        return [f"{path!r} starts with a drive letter: paths are relative to the checkout"]
    try:
        path.encode()
    except UnicodeEncodeError:
        return [f"{path!r} is not valid Unicode text"]
    return []


def _component_problems(component: str, *, longest: int = LONGEST_NAME) -> list[str]:
    if component == "":
        return ["the path has an empty component: two slashes in a row, or one at the end"]
    if component == "..":
        return ["the path has a component '..', which would lead out of its folder"]
    if component == ".":
        return ["the path has a component '.', which means nothing"]
    problems = []
    if any(ord(character) < 32 or ord(character) == 127 for character in component):
        problems.append(f"{component!r} has a control character")
    if component.split(".", maxsplit=1)[0].rstrip(" ").casefold() in _WINDOWS_DEVICES:
        problems.append(f"{component!r} is the name of a device on Windows")
    if component.endswith((".", " ")):
        problems.append(f"{component!r} ends with a dot or a blank, which Windows leaves out")
    if len(component.encode()) > longest:
        problems.append(f"{component[:40]!r}… is longer than {longest} bytes")
    return problems
