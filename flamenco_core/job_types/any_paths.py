"""Path functions for job types, which see the paths of every platform.

The Manager may run on Linux while the artist submits from Windows, so both separators are
understood everywhere. Results use `/`, which all three platforms accept. Unlike in Flamenco 3,
the two slashes that begin a UNC path survive `join`.
"""

from __future__ import annotations

import posixpath


def with_forward_slashes(path: str) -> str:
    """The path with `/` as its only separator."""
    return path.replace("\\", "/")


def basename(path: str) -> str:
    """The last component: `D:\\a\\b.c` → `b.c`. An empty path has the base name `.`."""
    slashed = with_forward_slashes(path)
    return slashed.rstrip("/").rpartition("/")[2] or ("/" if slashed else ".")


def dirname(path: str) -> str:
    """All but the last component, not tidied: `D:\\a\\b.c` → `D:/a`, `x` → `.`."""
    folder, slash, _name = with_forward_slashes(path).rpartition("/")
    return folder or slash or "."


def join(*parts: str) -> str:
    """The parts with `/` between them, tidied; empty ones are dropped: `/x/`, `../y` → `/y`."""
    wanted = [with_forward_slashes(part) for part in parts if part]
    return posixpath.normpath("/".join(wanted)) if wanted else ""


def stem(path: str) -> str:
    """The base name without its last extension: `/q/r.tar.gz` → `r.tar`."""
    return posixpath.splitext(basename(path))[0]
