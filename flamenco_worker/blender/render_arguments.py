"""Blender's command line as the worker changes it: reports in front of each render, and frames left
out that are done already. Everything else keeps its place, since Blender goes by the order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flamenco_core.blender_arguments import (
    FORMAT_OPTIONS,
    FRAME_OPTIONS,
    OUTPUT_OPTIONS,
    is_render,
    option_groups,
)
from flamenco_core.device_wishes import DeviceWish
from flamenco_core.frames import frames_for_blender
from flamenco_worker.blender import in_blender_report
from flamenco_worker.blender.format_names import python_name
from flamenco_worker.blender.frame_arguments import resolve_frames

_THREAD_OPTIONS = frozenset({"-t", "--threads"})

PYTHON_EXIT_CODE_OPTION = "--python-exit-code"
PYTHON_EXIT_CODE = 73
"""With this Blender ends when a script of the command line raises, instead of going on."""


@dataclass(frozen=True, slots=True)
class RenderArguments:
    """The arguments of one `blender-render` command."""

    executable: Sequence[str]
    """The program and what comes right after it."""
    before: Sequence[str]
    """Arguments in front of the .blend file."""
    blend_file: str
    """May be empty."""
    after: Sequence[str]
    devices: Sequence[DeviceWish] = ()
    """What to render on; empty: as the scene says."""
    may_fall_back: bool = True
    """Whether to render on the processor where such a device is missing."""

    def with_threads(self, count: int | None) -> RenderArguments:
        """The same with a limit of the processor's threads, unless it has one of its own."""
        given = (*self.executable, *self.before, *self.after)
        if count is None or any(each in _THREAD_OPTIONS for each in given):
            return self
        return replace(self, before=["--threads", str(count), *self.before])

    @property
    def render_count(self) -> int:
        """How many arguments render something."""
        return sum(1 for part in option_groups(self.after) if is_render(part))

    def might_find_frames(self) -> bool:
        """Whether the output folders may hold some of the frames already, as far as names tell."""
        output = ""
        for part in option_groups(self.after):
            if part[0] in OUTPUT_OPTIONS and len(part) > 1:
                output = part[1]
            elif is_render(part) and output and _files_may_exist(output, part):
                return True
        return False

    def format_of(self, render: int) -> str | None:
        """Which format the render argument at this position is told to write; by Python's name.

        None if the scene decides.
        """
        found, number = None, -1
        for part in option_groups(self.after):
            if part[0] in FORMAT_OPTIONS and len(part) > 1:
                found = python_name(part[1])
            elif is_render(part):
                number += 1
                if number == render:
                    break
        return found

    def for_query(self) -> list[str]:
        """The command line that only reports what would be rendered."""
        return self.with_task(self.task_for_query())

    def for_render(
        self, folder: str, owner: str, frames: Mapping[int, Sequence[int]] | None = None
    ) -> list[str]:
        """The command line that renders; see `task_for_render`."""
        return self.with_task(self.task_for_render(folder, owner, frames))

    def with_task(self, task: Sequence[str]) -> list[str]:
        """The whole command line of a Blender that does this behind the file, and ends."""
        line = [*self.executable]
        if PYTHON_EXIT_CODE_OPTION not in [*self.executable, *self.before, *self.after]:
            line += [PYTHON_EXIT_CODE_OPTION, str(PYTHON_EXIT_CODE)]
        return [*line, *self.before, *([self.blend_file] if self.blend_file else []), *task]

    def task_for_query(self) -> list[str]:
        """What comes behind the file to report what would be rendered."""
        return self._task(folder=None, owner="", frames=None)

    def task_for_render(
        self, folder: str, owner: str, frames: Mapping[int, Sequence[int]] | None = None
    ) -> list[str]:
        """What comes behind the file to render into folders called `folder`, beside the final
        frames.

        `frames` holds the frames to render for each render argument by its position; without it
        all are rendered. `owner` is written into the probe file.
        """
        return self._task(folder=folder, owner=owner, frames=frames)

    def _task(
        self, folder: str | None, owner: str, frames: Mapping[int, Sequence[int]] | None
    ) -> list[str]:
        line: list[str] = []
        number = -1
        for part in option_groups(self.after):
            if not is_render(part):
                line += part
                continue
            number += 1
            if frames is not None and not frames[number]:
                continue
            left = frames_for_blender(frames[number]) if frames is not None else ""
            render = ["--render-frame", left] if left else part
            asked = render[1] if render[0] in FRAME_OPTIONS else None
            request: dict[str, Any] = {"render": number, "frames": asked}
            request |= {"folder": folder, "owner": owner}
            if self.devices and folder is not None:
                request["devices"] = [[wish.kind, wish.which] for wish in self.devices]
                request["may_fall_back"] = self.may_fall_back
            line += _call(request)
            if folder is not None:
                line += [*render, *_call({"restore": True})]
        return line


def _call(request: dict[str, Any]) -> list[str]:
    return ["--python-expr", in_blender_report.expression_for(request)]


def _files_may_exist(output: str, part: list[str]) -> bool:
    """Looks for files named as Blender would name them; when in doubt, yes."""
    folder_text, _, name = output.replace("\\", "/").rpartition("/")
    if "{" in output or output.startswith("//"):
        return True  # only Blender knows what becomes of these
    folder = Path(folder_text or ("/" if output.startswith("/") else "."))
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return False
    before, digits, after = _number_place(name)
    try:
        frames = resolve_frames(part[1]) if part[0] in FRAME_OPTIONS else None
    except ValueError:
        frames = None
    pattern = re.compile(rf"{re.escape(before)}(-?)(\d+){re.escape(after)}(?:[._].*)?")
    matches = [match for name in names if (match := pattern.fullmatch(name))]
    # As many digits as there are signs, more only for numbers that need them.
    found = {
        int(match[1] + match[2]) for match in matches if match[2] == f"{int(match[2]):0{digits}}"
    }
    return bool(found if frames is None else found & set(frames))


def _number_place(name: str) -> tuple[str, int, str]:
    """What stands before and after the frame number, and its least number of digits."""
    runs = list(re.finditer("#+", name))
    if not runs:
        return name, 4, ""
    start, end = runs[-1].span()
    return name[:start], end - start, name[end:]
