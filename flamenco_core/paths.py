"""Paths of other machines: text that this machine can take apart, but must not look up.

A farm sees one file under a different path on each platform, so a path here is never a
`pathlib.Path` and never just text. There are three kinds:

- `PathOnPlatform`: what programs on one platform open, such as `F:\\shots\\a.blend` on Windows;
- `PathWithVariable`: the same for all platforms, `{shots}/a.blend`;
- `StoredPath`, either of the two: what a job keeps. One that no variable covers stays as it was.

Both separators are understood on every platform. Leading separators are part of the meaning: one
is the root, two begin the name of a server (`\\\\server\\share`) or, in Blender, a path relative
to its file, so the two never match each other. A drive letter is a component of its own.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from flamenco_core.model import Platform

SEPARATORS = "/\\"
NEVER_IN_A_PATH = re.compile(r'["<>|\r\n]')
"""What no path holds that is good on all platforms: a text is a path up to here."""

_SEPARATOR_RUN = re.compile(r"[/\\]+")
_COMPONENT = re.compile(r"[^/\\]+")
_DRIVE = re.compile(r"[A-Za-z]:")
_LONG_PATH_PREFIX = re.compile(
    r"[/\\]{2}\?[/\\](?:(?P<server>UNC[/\\])(?=[^/\\])|(?=[A-Za-z]:))", re.IGNORECASE
)
"""What Windows has before long paths: `\\\\?\\F:\\`, `\\\\?\\UNC\\server\\share`."""
_WITH_VARIABLE = re.compile(r"\{(?P<variable>[^{}]+)\}(?P<rest>(?:[/\\][^\"<>|\r\n]*)?)")


@dataclass(frozen=True, slots=True)
class PathOnPlatform:
    """A path as programs on `platform` read it."""

    text: str
    platform: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class PathWithVariable:
    """A path below the value of a two-way variable; the same on every platform."""

    variable: str
    rest: str = ""
    """Empty, or what follows, with `/` before each component."""

    @classmethod
    def parse(cls, text: str) -> PathWithVariable | None:
        """Reads `{name}` and `{name}/rest`, with either separator; `None` for anything else."""
        match = _WITH_VARIABLE.fullmatch(text)
        return cls(match["variable"], with_separator(match["rest"], "/")) if match else None

    def __str__(self) -> str:
        return f"{{{self.variable}}}{self.rest}"


StoredPath = PathWithVariable | PathOnPlatform


def this_platform() -> Platform:
    """The platform that this program runs on; any other Unix counts as Linux."""
    return {"win32": Platform.WINDOWS, "darwin": Platform.DARWIN}.get(sys.platform, Platform.LINUX)


def separator_on(platform: str) -> str:
    """What programs on that platform put between the components of a path."""
    return "\\" if platform == Platform.WINDOWS else "/"


def with_separator(text: str, separator: str) -> str:
    """The path with one kind of separator, and one instead of several in a row.

    Leading separators keep their number. One at the end stays: `/out/` and `/out` are different
    places for a program that puts file names behind them.
    """
    body = text.lstrip(SEPARATORS)
    leading = separator * (len(text) - len(body))
    # A function as replacement: in a text, a backslash would begin an escape.
    return leading + _SEPARATOR_RUN.sub(lambda _: separator, body)


def without_trailing_separators(text: str) -> str:
    """`/mnt/farm/` → `/mnt/farm`, `F:\\` → `F:`; of a text of separators the first stays."""
    return text.rstrip(SEPARATORS) or text[:1]


def component_count(text: str) -> int:
    """`/mnt/farm` → 2, `F:` → 1, `/` → 0."""
    return len(_COMPONENT.findall(text))


def rest_below(text: str, folder: str, *, ignore_case: bool) -> str | None:
    """What follows `folder` in `text`; `None` if the path does not lie in the folder.

    Components are compared as wholes, whatever separates them: `/render2` is not in `/render`.
    The rest is empty for the folder itself and else begins with a separator, with everything as
    it was in `text`. A path that `..` leads out of the folder again does not lie in it. Whether
    Windows' prefix for long paths is before one of them makes no difference.
    """
    text, folder = _without_long_path_prefix(text), _without_long_path_prefix(folder)
    if _root(text) != _root(folder):
        return None
    wanted = _COMPONENT.findall(folder)
    end = len(text) - len(text.lstrip(SEPARATORS))
    found = _COMPONENT.finditer(text)
    for component in wanted:
        match = next(found, None)
        if match is None or not _is_same(match[0], component, ignore_case=ignore_case):
            return None
        end = match.end()
    if _leads_out(text[end:]):
        return None
    if not wanted:  # the root itself: its separator belongs to the rest too
        return text[end - 1 :] if end else None
    return text[end:]


def _without_long_path_prefix(text: str) -> str:
    match = _LONG_PATH_PREFIX.match(text)
    if match is None:
        return text
    return (text[:2] if match["server"] else "") + text[match.end() :]


def _leads_out(rest: str) -> bool:
    """Whether a path below a folder goes above it on its way."""
    depth = 0
    for component in _COMPONENT.findall(rest):
        if component != ".":
            depth += -1 if component == ".." else 1
        if depth < 0:
            return True
    return False


def join(folder: str, rest: str, separator: str) -> str:
    """The path that `rest` names below `folder`, with one kind of separator.

    A rest that does not begin with a separator continues the folder's last component
    (`/mnt/farm` and `_old/x` → `/mnt/farm_old/x`), except after a drive letter, which would else
    mean the drive's present folder.
    """
    if _DRIVE.fullmatch(folder) and not rest.startswith(tuple(SEPARATORS)):
        rest = separator + rest
    if rest.startswith(tuple(SEPARATORS)):
        folder, rest = folder.rstrip(SEPARATORS), separator + rest.lstrip(SEPARATORS)
    return with_separator(folder + rest, separator)


def _root(text: str) -> str:
    """What the leading separators say: nothing, the root, or a server."""
    count = len(text) - len(text.lstrip(SEPARATORS))
    return "" if not count else "//" if count == 2 else "/"


def _is_same(one: str, other: str, *, ignore_case: bool) -> bool:
    return one.casefold() == other.casefold() if ignore_case else one == other
