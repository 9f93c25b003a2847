"""Which frames a job renders, where they lie on this computer, and which task renders which."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from flamenco_core.errors import FlamencoError
from flamenco_core.frames import FrameRange, parse_frames

OUTPUT_SETTING = "render_output_path"
"""What job types that render frames call the setting, as Flamenco 3 does."""
EXTENSION_SETTING = "image_file_extension"
IMAGE_EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff", ".webp", ".bmp", ".tga", ".hdr", ".dpx"}
    | {".cin", ".jp2", ".j2c", ".rgb", ".sgi", ".iris"}
)
VIDEO_EXTENSIONS = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".ogv", ".mpg", ".mpeg"})
DEFAULT_DIGITS = 4
"""Blender puts so many digits behind a path that has no place for the frame's number."""

_PLACES = re.compile(r"#+")
_TASK_NAME = re.compile(r"(?:render|finish-frames)-(?P<frames>[-0-9.,x ]+)")


@dataclass(frozen=True, slots=True)
class OutputPath:
    """Where frames go: `/render/shot/######`, with or without an extension."""

    folder: Path
    prefix: str
    digits: int
    suffix: str

    @classmethod
    def parse(cls, path: str) -> OutputPath:
        """From the path in a job's settings, as it is on this platform."""
        folder, name = os.path.split(path)
        places = None
        for places in _PLACES.finditer(name):  # noqa: B007 - Blender fills in the last ones
            pass
        if places is None:
            return cls(Path(folder), name, DEFAULT_DIGITS, "")
        return cls(Path(folder), name[: places.start()], len(places[0]), name[places.end() :])

    def frame_of(self, name: str) -> int | None:
        """The frame whose file has this name; None if it is no such file."""
        stem, extension = PurePath(name).stem, PurePath(name).suffix
        if extension.lower() not in IMAGE_EXTENSIONS:
            return None
        if self.suffix and name.endswith(self.suffix):
            stem = name
        elif self.suffix and not stem.endswith(self.suffix):
            return None
        number = stem.removeprefix(self.prefix).removesuffix(self.suffix)
        if not stem.startswith(self.prefix) or not re.fullmatch(r"-?[0-9]+", number):
            return None
        return int(number) if len(number) >= self.digits else None


@dataclass(frozen=True, slots=True)
class FrameFiles:
    """Frames that are there, all with one extension."""

    folder: Path
    names: Mapping[int, str]
    """By frame, in their order."""

    @property
    def first(self) -> Path:
        return self.folder / next(iter(self.names.values()))

    @property
    def runs(self) -> list[range]:
        """The frames as runs without a gap."""
        runs: list[range] = []
        for frame in self.names:
            if runs and runs[-1].stop == frame:
                runs[-1] = range(runs[-1].start, frame + 1)
            else:
                runs.append(range(frame, frame + 1))
        return runs


class FramesNotFound(FlamencoError):
    """There is nothing to be loaded; the message says why, and what to do."""


class StorageNotHere(FramesNotFound):
    """The folder of the frames is not on this computer."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        """The folder as this computer would have it, or as the job has it if it has none here."""


def output_path(settings: Mapping[str, Any]) -> OutputPath:
    """Where a job's frames go.

    Raises:
        FramesNotFound: if its job type does not tell.
        StorageNotHere: if the Manager does not say where that is on this platform.
    """
    path = settings.get(OUTPUT_SETTING)
    if not isinstance(path, str) or not path:
        raise FramesNotFound("This job does not say where its frames go")
    if "{" in path and "}" in path:
        raise StorageNotHere(
            path,
            f"The frames lie in {path}, and the Manager has no value of that variable for this"
            " platform; an admin can add one",
        )
    return OutputPath.parse(path)


def wanted_frames(settings: Mapping[str, Any]) -> FrameRange | None:
    """The frames that a job renders; None if its job type does not tell."""
    frames = settings.get("frames")
    if not isinstance(frames, str):
        return None
    try:
        return parse_frames(frames)
    except FlamencoError:
        return None


def find_frames(settings: Mapping[str, Any]) -> FrameFiles:
    """The frames of a job that are there. Reads a folder: not for the main thread.

    Raises:
        FramesNotFound: if none is there, or their folder cannot be read.
    """
    output = output_path(settings)
    names = chosen_frames(settings, output, _listed(output.folder))
    if not names:
        raise FramesNotFound(f"There are no frames in {output.folder} yet")
    return FrameFiles(output.folder, names)


def chosen_frames(
    settings: Mapping[str, Any], output: OutputPath, names: Iterable[str]
) -> dict[int, str]:
    """The frames among the files of a folder: those of the job's own format if there are any,
    else of the format with the most.
    """
    found: dict[str, dict[int, str]] = {}
    for name in names:
        frame = output.frame_of(name)
        if frame is not None:
            found.setdefault(PurePath(name).suffix.lower(), {})[frame] = name
    own = str(settings.get(EXTENSION_SETTING) or "").lower()
    chosen = found.get(own) or max(found.values(), key=len, default={})
    return dict(sorted(chosen.items()))


def frames_of_task(name: str) -> FrameRange | None:
    """The frames that a task of ours or of Flamenco 3 renders, by its name `render-1-10`."""
    match = _TASK_NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return parse_frames(match["frames"])
    except FlamencoError:
        return None


@dataclass(frozen=True, slots=True)
class RenderAgain:
    """What rendering some frames again comes to."""

    task_ids: tuple[str, ...]
    frames: tuple[int, ...]
    """All frames of these tasks, with those that come along because they are in one task."""
    missed: tuple[int, ...]
    """Wanted frames that no task renders."""


def plan_rendering_again(tasks: Iterable[tuple[str, str]], frames: Iterable[int]) -> RenderAgain:
    """Which tasks (their ids and names) render the frames."""
    wanted = set(frames)
    task_ids: list[str] = []
    covered: set[int] = set()
    for task_id, name in tasks:
        rendered = frames_of_task(name)
        if rendered is not None and not wanted.isdisjoint(rendered):
            task_ids.append(task_id)
            covered.update(rendered)
    return RenderAgain(tuple(task_ids), tuple(sorted(covered)), tuple(sorted(wanted - covered)))


def put_aside(settings: Mapping[str, Any], frames: Iterable[int], label: str) -> Path | None:
    """Moves frames into a folder beside them, since workers leave frames alone that exist.

    Previews of theirs go along. Returns the folder; None if none of the frames was there. Blocks.

    Raises:
        StorageNotHere: if their folder is not on this computer.
        FramesNotFound: if it cannot be read, or they cannot be moved.
    """
    output = output_path(settings)
    wanted = set(frames)
    chosen = [name for name in _listed(output.folder) if output.frame_of(name) in wanted]
    aside = output.folder / f"replaced-{label}"
    for name in chosen:
        try:
            aside.mkdir(exist_ok=True)
            (output.folder / name).replace(aside / name)
        except OSError as error:
            reason = error.strerror or str(error)
            raise FramesNotFound(f"{output.folder / name} cannot be moved: {reason}") from None
    return aside if chosen else None


def no_folder(folder: Path) -> StorageNotHere:
    return StorageNotHere(
        str(folder),
        f"There is no folder {folder} on this computer: nothing was rendered yet, or the farm's"
        " storage is not mounted here",
    )


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir())
    except FileNotFoundError:
        raise no_folder(folder) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise FramesNotFound(f"The folder {folder} cannot be read: {reason}") from None
