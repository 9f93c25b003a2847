"""The Blender extension, as a Manager offers it to Blenders; the names are those of Blender."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionPackage:
    """One zip: an entry of a repository's index, as Blender reads it."""

    schema_version: str
    id: str
    name: str
    tagline: str
    version: str
    type: str
    maintainer: str
    license: list[str]
    blender_version_min: str
    blender_version_max: str | None = None
    """The first Blender that it is not for."""
    platforms: list[str] | None = None
    """Such as `linux-x64`; absent if it is for all of them."""
    tags: list[str] | None = None
    website: str | None = None
    copyright: list[str] | None = None
    permissions: dict[str, str] | None = None
    """What it needs, with the reason."""
    archive_url: str
    """Where the zip is, from the folder of the index on."""
    archive_size: int
    """Bytes."""
    archive_hash: str
    """`sha256:` and the digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionIndex:
    """A repository of extensions, as Blender asks for it."""

    version: str
    """Of this form: `v1`."""
    blocklist: list[str]
    data: list[ExtensionPackage]
