"""Deciding what goes where in a pack, and which paths in blend files have to change for it.

Files of the project keep their place below the project's root. Others go to `_outside_project`,
under the whole path they had. A path in a blend file is changed only if it would not lead to the
packed file; then it becomes relative.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from flamenco_core.errors import Problem
from flamenco_core.packing.dependencies import FileUse, PathField, Trace, UseKind
from flamenco_core.packing.errors import MissingDependencies, PackingError

OUTSIDE_PROJECT = "_outside_project"


@dataclass(frozen=True, slots=True)
class PathChange:
    """A path in a blend file that gets a new value."""

    field: PathField
    new: str


@dataclass(frozen=True, slots=True)
class PackedFile:
    source: Path
    path_in_pack: str
    """Relative, with forward slashes."""
    changes: tuple[PathChange, ...] = ()
    """Only blend files have any."""
    identity: str | None = None
    """Of a blend file, when it was traced: the changes hold for no other content."""


@dataclass(frozen=True, slots=True)
class PackPlan:
    project: Path
    blend_in_pack: str
    files: tuple[PackedFile, ...]
    missing: tuple[FileUse, ...]
    absent_caches: tuple[FileUse, ...]
    """Caches that are not there: fine if they were never baked, worth a warning otherwise."""

    def require_nothing_missing(self) -> None:
        """Raise `MissingDependencies` naming each missing file and what uses it."""
        if self.missing:
            raise MissingDependencies(missing_file_problems(self.missing))


def missing_file_problems(missing: tuple[FileUse, ...]) -> list[Problem]:
    by_path: dict[Path, list[FileUse]] = {}
    for use in missing:
        by_path.setdefault(use.path, []).append(use)
    return [
        Problem(
            str(path),
            "does not exist; used by "
            + ", ".join(sorted({f"{use.data_block[2:]} in {use.used_by.name}" for use in uses})),
        )
        for path, uses in sorted(by_path.items())
    ]


def make_plan(trace: Trace, project: Path) -> PackPlan:
    """Plan the pack of a traced blend file that lies in `project`.

    Raises `PackingError` if it does not lie there, if two files would get the same place, or if
    a new path does not fit into its blend file.
    """
    if not trace.blend.is_relative_to(project):
        raise PackingError(f"{trace.blend} is not in the project folder {project}")
    places = {trace.blend: place_in_pack(trace.blend, project)}
    changes: dict[Path, dict[PathField, str]] = {}
    for use in trace.uses:
        for file in use.files:
            places[file] = place_in_pack(file, project)
        new = _new_value(use, project)
        if use.files and new is not None:
            changes.setdefault(use.used_by, {})[use.written_at] = new
    _refuse_shared_places(places)
    return PackPlan(
        project=project,
        blend_in_pack=places[trace.blend],
        files=tuple(
            PackedFile(
                trace.contents.get(source, source),
                place,
                _sorted_changes(changes.get(source, {})),
                trace.identities.get(source),
            )
            for source, place in sorted(places.items(), key=lambda item: item[1])
        ),
        missing=trace.missing,
        absent_caches=tuple(
            use for use in trace.uses if not use.files and use.kind is UseKind.CACHE
        ),
    )


def place_in_pack(path: PurePath, project: PurePath) -> str:
    """Where a file (or pattern) goes in the pack."""
    if path.is_relative_to(project):
        return path.relative_to(project).as_posix()
    return PurePosixPath(OUTSIDE_PROJECT, *_parts_without_root(path)).as_posix()


def _parts_without_root(path: PurePath) -> Iterator[str]:
    """`C:\\a\\b` → C, a, b; `\\\\server\\share\\a` → server, share, a; `/a/b` → a, b."""
    drive = path.drive.replace("\\", "/")
    yield from (part.rstrip(":") for part in drive.split("/") if part)
    yield from path.parts[1 if path.anchor else 0 :]


def _new_value(use: FileUse, project: Path) -> str | None:
    """What the blend file must hold instead of the present path; None if that can stay."""
    blend_folder = posixpath.dirname(place_in_pack(use.used_by, project))
    wanted = place_in_pack(use.path, project)
    if use.stored.startswith("//"):
        leads_to = posixpath.normpath(posixpath.join(blend_folder, use.stored[2:]))
        if leads_to == wanted:
            return None
    if use.written_at.holds_folder_only:
        new = "//" + posixpath.relpath(posixpath.dirname(wanted) or ".", blend_folder or ".") + "/"
    else:
        new = "//" + posixpath.relpath(wanted, blend_folder or ".")
    if len(new.encode("utf-8", "surrogateescape")) >= use.written_at.size:
        raise PackingError(
            f"{use.data_block[2:]} in {use.used_by} uses {use.path}: its path in the pack, {new}, "
            f"is longer than the {use.written_at.size - 1} bytes that Blender keeps for it; make "
            "it a relative path, or move the file into the project"
        )
    return new


def _refuse_shared_places(places: dict[Path, str]) -> None:
    taken: dict[str, Path] = {}
    for source, place in places.items():
        other = taken.setdefault(place, source)
        if other != source:
            raise PackingError(f"{other} and {source} would both be packed as {place}")


def _sorted_changes(changes: dict[PathField, str]) -> tuple[PathChange, ...]:
    return tuple(
        PathChange(field, new)
        for field, new in sorted(changes.items(), key=lambda item: item[0].offset)
    )
