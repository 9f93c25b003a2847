"""The zips of the Blender extension that somebody put into the data folder, and whom each is for.

`scripts/build_extension.py --into-manager HOME` puts them there; no package of ours contains one.
Blender is asked to take the newest zip that is for its version and platform, and only that one.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from flamenco_core import wire
from flamenco_core.errors import FlamencoError, NotFound, one_problem
from flamenco_core.model.extension import ExtensionIndex, ExtensionPackage

logger = logging.getLogger(__name__)

FOLDER = "extension"
"""In the data folder."""
PLATFORMS = ("linux-x64", "macos-arm64", "macos-x64", "windows-arm64", "windows-x64")
"""What Blender is published for, as Blender calls it."""

_MANIFEST = "blender_manifest.toml"
_LARGEST_MANIFEST = 64 * 1024
_MOST_ZIPS = 100
_NOTHING_THERE = "No extension for Blender was put here yet"
_HINT = "whoever looks after the Manager builds it: scripts/build_extension.py --into-manager HOME"

Version = tuple[int, ...]


class ExtensionShelf:
    """What lies in `<data folder>/extension`. Its methods read files, so they block."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER

    def index(self) -> ExtensionIndex:
        """What Blender's own software shall see: no two zips for the same Blender."""
        return ExtensionIndex(version="v1", blocklist=[], data=[*_untangled(self._packages())])

    def file(self, name: str) -> Path:
        """The zip of that name; raises `NotFound`."""
        if all(package.archive_url != _url(name) for package in self._packages()):
            raise NotFound(f"There is no extension {name!r} here")
        return self.folder / name

    def best(self, *, blender: str, platform: str, likely_platform: str = "") -> Path:
        """The zip for a Blender such as `4.5` on a platform such as `windows-x64`.

        What is empty does not matter; of several that would do, the one for the newest Blender is
        best. `likely_platform` only decides where there is a choice.

        Raises:
            NotFound: if there is none, saying for what there is one.
        """
        packages = [*_untangled(self._packages())]
        if not packages:
            raise NotFound(_NOTHING_THERE, problems=one_problem("", _NOTHING_THERE, _HINT).problems)
        fitting = [
            package
            for package in packages
            if (not blender or _is_for_blender(package, blender))
            and (not platform or _is_for_platform(package, platform))
        ]
        if not fitting:
            there = "; ".join(_described(package) for package in packages)
            wanted = [f"Blender {blender}"] if blender else []
            wanted += [platform] if platform else []
            raise NotFound(f"There is no extension for {' on '.join(wanted)} here, only {there}")

        def rank(package: ExtensionPackage) -> tuple[bool, Version, str]:
            is_likely = _is_for_platform(package, likely_platform)
            return is_likely, _version(package.blender_version_min), package.archive_url

        return self.folder / max(fitting, key=rank).archive_url.rpartition("/")[2]

    def _packages(self) -> Iterator[ExtensionPackage]:
        for file in sorted(self.folder.glob("*.zip"))[:_MOST_ZIPS]:
            try:
                status = file.stat()
                package = _read(file, status.st_mtime_ns, status.st_size)
            except OSError as error:
                logger.warning("%s cannot be read: %s", file, error.strerror)
            else:
                if package is not None:
                    yield package


@lru_cache(maxsize=_MOST_ZIPS)
def _read(file: Path, _modified: int, _size: int) -> ExtensionPackage | None:
    """Looks into a zip once, and again when it has changed; None if it is no extension."""
    try:
        with zipfile.ZipFile(file) as packed:
            if packed.getinfo(_MANIFEST).file_size > _LARGEST_MANIFEST:
                raise ValueError("its manifest is too large")
            manifest = tomllib.loads(packed.read(_MANIFEST).decode("utf-8"))
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return _package_of(file, manifest, digest)
    except (zipfile.BadZipFile, KeyError, ValueError, FlamencoError) as error:
        logger.warning("%s is not offered to Blender, since it is no extension: %s", file, error)
        return None


def _package_of(file: Path, manifest: dict[str, Any], digest: str) -> ExtensionPackage:
    return wire.from_json(
        {
            **manifest,
            "archive_url": _url(file.name),
            "archive_size": file.stat().st_size,
            "archive_hash": f"sha256:{digest}",
        },
        ExtensionPackage,
    )


def _untangled(packages: Iterable[ExtensionPackage]) -> Iterable[ExtensionPackage]:
    """The newest for each range of Blenders and platform; what is for all platforms gives way to
    what is for one.
    """
    newest_first = sorted(packages, key=lambda each: _version(each.version), reverse=True)
    taken: set[tuple[str, str, str]] = set()
    for is_particular in (True, False):
        for package in newest_first:
            if bool(package.platforms) is not is_particular:
                continue
            left = _platforms_left(package, taken)
            taken |= {_place(package, platform) for platform in left}
            if not package.platforms and len(left) == len(PLATFORMS):
                yield package
            elif left:
                yield replace(package, platforms=left)


def _platforms_left(package: ExtensionPackage, taken: set[tuple[str, str, str]]) -> list[str]:
    wanted: Sequence[str] = package.platforms or PLATFORMS
    return [platform for platform in wanted if _place(package, platform) not in taken]


def _place(package: ExtensionPackage, platform: str) -> tuple[str, str, str]:
    return package.id, package.blender_version_min, platform


def _is_for_blender(package: ExtensionPackage, blender: str) -> bool:
    version = _version(blender)
    # A Blender that was named without its last number is any of that release.
    newest = (*version, 99, 99)[:3]
    end = package.blender_version_max
    is_new_enough = newest >= _version(package.blender_version_min)
    return is_new_enough and (not end or version < _version(end))


def _is_for_platform(package: ExtensionPackage, platform: str) -> bool:
    return platform in (package.platforms or PLATFORMS)


def _described(package: ExtensionPackage) -> str:
    end = package.blender_version_max
    blenders = f"for Blender {package.blender_version_min} "
    blenders += f"to before {end}" if end else "and newer"
    return f"{blenders} on {', '.join(package.platforms)}" if package.platforms else blenders


def _version(text: str) -> Version:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _url(name: str) -> str:
    return f"./files/{name}"
