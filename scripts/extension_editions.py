"""Which extensions there are: Blender's Python and API changed between 5.0 and 5.1.

There are two, for two ranges of Blender, since compiled wheels fit one Python only. Every
extension's wheels share one folder in Blender, and of a name it keeps the newest only: so only what
cannot be avoided is a wheel of ours there. What Blender brings itself is none; and what the process
that packs needs, but Blender does not, lies in a folder that only this process looks into. So the
Blender Asset Tracer that another extension brings, of another generation, does not matter.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

from environment import CannotGoOnError

Release = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Edition:
    """An extension for a range of Blenders."""

    name: str
    blender_min: str
    blender_max: str | None
    """The first Blender that it is not for."""
    python: Release
    """What Blender's own builds of that range bring."""
    wheels: tuple[str, ...]
    """What Blender unpacks for it, all of it pure Python."""
    packing: tuple[str, ...] = ("blender-asset-tracer==1.23",)
    """What the process that packs imports besides, as it is; pure Python, too."""


# Asset Tracer 2, which other extensions may bring, wants exactly this cattrs.
_SHARED = ("attrs==26.1.0", "cattrs==25.1.1", "typing_extensions==4.16.0")

EDITIONS = (
    Edition(
        name="blender4.2-5.0",
        blender_min="4.2.0",
        blender_max="5.1.0",
        python=(3, 11),
        wheels=_SHARED,
    ),
    Edition(
        name="blender5.1",
        blender_min="5.1.0",
        blender_max=None,
        python=(3, 13),
        wheels=_SHARED,
    ),
)

BROUGHT_BY_BLENDER = frozenset(
    {"certifi", "charset-normalizer", "idna", "numpy", "requests", "urllib3", "zstandard"}
)
"""What the Python of Blender's own builds has, also where it runs without Blender around it.

OpenImageIO is not among them: Blender's needs the libraries beside Blender's own program.
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of machine, as Blender and as pip call it."""

    name: str
    system: str
    """As `sys.platform` has it there."""
    machine: str
    """As `platform.machine()` has it there."""
    tags: tuple[str, ...]
    """Of wheels that run there, the newest first."""


_MANYLINUX = ("2014", "2010", "1", *(f"_2_{minor}" for minor in (28, 27, 26, 24, 17, 12, 5)))
"""Blender itself needs glibc 2.28."""
_OLD_MACOS = ("10_15", "10_14", "10_13", "10_12", "10_9")

PLATFORMS = (
    Platform("linux-x64", "linux", "x86_64", tuple(f"manylinux{v}_x86_64" for v in _MANYLINUX)),
    Platform("windows-x64", "win32", "AMD64", ("win_amd64",)),
    Platform("windows-arm64", "win32", "ARM64", ("win_arm64",)),
    Platform(
        "macos-x64",
        "darwin",
        "x86_64",
        tuple(
            f"macosx_{version}_{kind}"
            for version in ("11_0", *_OLD_MACOS)
            for kind in ("x86_64", "universal2")
        ),
    ),
    Platform(
        "macos-arm64",
        "darwin",
        "arm64",
        ("macosx_11_0_arm64", *(f"macosx_{v}_universal2" for v in ("11_0", *_OLD_MACOS))),
    ),
)
"""Those that Blender is published for. Pure extensions are for all of them."""


def platform_named(name: str) -> Platform:
    """Raises `CannotGoOnError` with the names that there are."""
    for each in PLATFORMS:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in PLATFORMS)
    raise CannotGoOnError(f"--platform: Blender is not published for {name}, but for {known}.")


def this_platform() -> Platform:
    """Of the machine that this runs on; raises `CannotGoOnError`."""
    for each in PLATFORMS:
        if each.system == sys.platform and each.machine.lower() == platform.machine().lower():
            return each
    raise CannotGoOnError(
        f"Blender is not published for {sys.platform} on {platform.machine()}; name a --platform."
    )
