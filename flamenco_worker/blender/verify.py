"""Decides whether a rendered frame counts as done.

Blender exits with 0 on many errors and leaves torn files behind, so that only the files themselves
are believed: each one exists, was written in this attempt, decodes to its last pixel, has the
format its scene asks for and the size its scene renders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flamenco_core.errors import FlamencoError
from flamenco_worker.blender.image_files import ImageRefused, read_image

REFUSED_SUFFIX = ".refused"
"""Put behind the name of a file that is no whole frame, so that Blender does not skip it."""


class FrameRefused(FlamencoError):
    """A frame is not done; the message says which and why, as a sentence."""


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """One file that a render is to produce."""

    frame: int
    path: Path
    """Where it belongs in the end."""
    rendered: Path
    """Where Blender writes it: in the attempt's folder, or `path` if it renders in place."""
    format: str
    """Blender's name of the format."""
    width: int | None
    """In pixels; None where it is not known beforehand."""
    height: int | None
    tolerance: int = 0
    """By how many pixels the size may differ: Blender's versions round a cropped border apart."""


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """What Blender said it would write, for one render argument of the command line."""

    render: int
    """Which render argument of the command line this is, from 0."""
    scene: str
    format: str
    """Blender's name of the format that the scene writes."""
    frames: list[int]
    files: list[ExpectedFile]
    folder: Path | None
    """The attempt's folder, if it was made."""
    in_place: list[str]
    """Why the frames are not rendered into the attempt's folder; empty if they are."""
    is_movie: bool
    overwrite: bool
    missing: list[str]
    """Linked files and images that the scene needs and that do not exist."""

    @classmethod
    def from_report(cls, report: dict[str, Any]) -> RenderPlan:
        """From the content of a `RenderReport`."""
        files = [
            ExpectedFile(
                frame=output["frame"],
                path=Path(output["path"]),
                rendered=Path(output["rendered"]),
                format=output["format"],
                width=report["width"],
                height=report["height"],
                tolerance=1 if report["cropped"] else 0,
            )
            for output in report["outputs"]
        ]
        return cls(
            render=report["render"],
            scene=report["scene"],
            format=report["format"],
            frames=report["frames"],
            files=files,
            folder=Path(report["folder"]) if report["folder"] else None,
            in_place=report["in_place"],
            is_movie=report["is_movie"],
            overwrite=report["overwrite"],
            missing=report["missing"],
        )


def verify_file(expected: ExpectedFile, path: Path, *, probe: Path | None) -> None:
    """Checks the file at `path` against what is expected.

    `probe` is a file written beside it when the attempt began: the clock of a file server may
    differ from ours, but it is one clock for both files. None leaves the age out.

    Raises:
        FrameRefused: with a sentence of its own for each thing that can be wrong.
    """
    name = f"Frame {expected.frame}: {path}"
    try:
        status = path.stat()
        if probe is not None and status.st_size and status.st_mtime_ns < probe.stat().st_mtime_ns:
            raise FrameRefused(f"{name} is an old file, it was not written by this render")
        size = read_image(path, expected.format)
    except FileNotFoundError:
        raise FrameRefused(f"{name} was not written, it does not exist") from None
    except OSError as error:
        raise FrameRefused(f"{name} cannot be read: {error.strerror or error}") from error
    except ImageRefused as refusal:
        raise FrameRefused(f"{name} {refusal.message}") from refusal
    if expected.width is None or expected.height is None:
        return
    difference = max(abs(size.width - expected.width), abs(size.height - expected.height))
    if difference > expected.tolerance:
        is_size = f"{size.width} × {size.height}"
        should = f"{expected.width} × {expected.height}"
        raise FrameRefused(f"{name} has the wrong size: {is_size} pixels instead of {should}")


def frames_that_are_whole(plan: RenderPlan) -> set[int]:
    """The frames of which every file is in its final place already, whole."""
    torn = {expected.frame for expected in plan.files if not is_whole(expected)}
    return {expected.frame for expected in plan.files} - torn


def is_whole(expected: ExpectedFile) -> bool:
    """Whether the file is in its final place already, whole, from whichever attempt."""
    try:
        verify_file(expected, expected.path, probe=None)
    except FrameRefused:
        return False
    return True


def accept_file(expected: ExpectedFile) -> None:
    """Moves a verified file from the attempt's folder to its final place."""
    if expected.rendered != expected.path:
        expected.rendered.replace(expected.path)


def move_out_of_the_way(path: Path) -> Path | None:
    """Renames a file that is no whole frame; returns its new name, None if there is no file."""
    refused = path.with_name(path.name + REFUSED_SUFFIX)
    try:
        os.replace(path, refused)  # noqa: PTH105 - also replaces an earlier one on Windows
    except FileNotFoundError:
        return None
    return refused
