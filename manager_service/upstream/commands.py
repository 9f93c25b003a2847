"""Commands of Flamenco 2 as our workers' commands.

Each command of the table becomes one or more of ours. A command without a counterpart, or one
whose settings cannot be used, is refused with a sentence for the task's activity: its task fails
at once, before a worker has tried it in vain.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flamenco_core.errors import FlamencoError, InvalidInput
from flamenco_core.frames import frame_count
from flamenco_core.model import Command
from flamenco_core.rna_overrides import checked_overrides

BLENDER_START = ["--enable-autoexec", "-noaudio", "--background"]
"""What Flamenco 2's workers put between Blender and the .blend file."""

_RENDER_FORMATS = {"OPEN_EXR": "EXR", "OPEN_EXR_MULTILAYER": "MULTILAYER"}
_FAILED_PYTHON = 47
_OVERRIDES_FILE = re.compile(r"-overrides\.py$")
_MIXDOWN = "import bpy; bpy.ops.sound.mixdown(filepath={path!r}, codec='FLAC', container='FLAC')"
_VIDEO_ARGUMENTS = [
    *("-c:v", "h264"),
    *("-crf", "20"),
    *("-g", "18"),
    *("-bf", "0"),
    *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"),
    *("-pix_fmt", "yuv420p"),
]

WITHOUT_COUNTERPART: Mapping[str, str] = {
    "blender_render_progressive": "Blender 3.0 and later cannot render a range of samples so",
    "exr_sequence_to_jpeg": "no command of our workers makes previews of EXR files",
    "log_a_lot": "it is for debugging Flamenco 2",
    "merge_progressive_render_sequence": "it needs the renders of blender_render_progressive",
}
"""Commands of Flamenco 2 that a task cannot have, and why."""


class CannotBeCarriedOut(FlamencoError):
    """A command of Flamenco 2 that our workers have nothing for."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What a task's commands became."""

    commands: tuple[Command, ...]
    rna_overrides: tuple[str, ...] = ()
    """Lines of Python that Flamenco 2 leaves in a file beside the .blend file."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """The settings of one command; a missing or wrong one ends its translation."""

    command: str
    values: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.wrong(name, "a text")
        return value

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.wrong(name, "a number")
        return value

    def words(self, name: str, default: str | None = None) -> list[str]:
        """A text that is split as a shell does; at least one word."""
        with contextlib.suppress(ValueError):
            if words := shlex.split(self.text(name, default)):
                return words
        raise self.wrong(name, "a command line")

    def wrong(self, name: str, wanted: str) -> CannotBeCarriedOut:
        found = self.values.get(name)
        what = "is missing" if found is None else f"is {found!r:.100}, not {wanted}"
        return CannotBeCarriedOut(f"The setting {name} of its command {self.command} {what}")


def translate(commands: Sequence[tuple[str, Mapping[str, Any]]]) -> Translated:
    """The commands of one task, by name and settings.

    Raises:
        CannotBeCarriedOut: if one of them cannot be translated.
    """
    translated: list[Command] = []
    overrides: list[str] = []
    for name, values in commands:
        settings = _Settings(name, values)
        if name == "create_python_file":
            overrides += _overrides(settings)
            translated.append(_one("echo", message="The overrides go with each render"))
        elif name in _TRANSLATIONS:
            translated.append(_TRANSLATIONS[name](settings))
        else:
            reason = WITHOUT_COUNTERPART.get(name, "it is not known")
            raise CannotBeCarriedOut(f"Its command {name} cannot be carried out here: {reason}")
    return Translated(tuple(translated), tuple(overrides))


def _one(command: str, *, steps: int = 1, **parameters: Any) -> Command:
    return Command(name=command, parameters=parameters, total_step_count=steps)


def _echo(settings: _Settings) -> Command:
    return _one("echo", message=settings.text("message"))


def _sleep(settings: _Settings) -> Command:
    # Ours does not count parts of a second, and Flamenco 2 never sleeps for less than it is told.
    return _one("sleep", duration_in_seconds=-int(-settings.number("time_in_seconds") // 1))


def _exec(settings: _Settings) -> Command:
    program, *arguments = settings.words("cmd")
    return _one("exec", exe=program, args=arguments)


def _copy_file(settings: _Settings) -> Command:
    return _one("copy-file", src=settings.text("src"), dest=settings.text("dest"))


def _move_to_final(settings: _Settings) -> Command:
    return _one("move-to-final", src=settings.text("src"), dest=settings.text("dest"))


def _move_out_of_way(settings: _Settings) -> Command:
    return _one("move-out-of-way", src=settings.text("src"))


def _move_with_counter(settings: _Settings) -> Command:
    return _one("move-with-counter", src=settings.text("src"), dest=settings.text("dest"))


def _remove_file(settings: _Settings) -> Command:
    return _one("remove-file", path=settings.text("path"))


def _remove_tree(settings: _Settings) -> Command:
    return _one("remove-tree", path=settings.text("path"))


def _blender_render(settings: _Settings) -> Command:
    program, *program_arguments = settings.words("blender_cmd", "{blender}")
    arguments: list[str] = []
    frames = settings.text("frames", "")
    image_format = settings.text("format", "")
    for option, value in (
        ("--python-expr", settings.text("python_expr", "")),
        ("--render-output", settings.text("render_output", "")),
        ("--render-format", _RENDER_FORMATS.get(image_format, image_format)),
        ("--render-frame", frames),
    ):
        arguments += [option, value] if value else []
    return _one(
        "blender-render",
        steps=_count(frames),
        exe=program,
        exeArgs=shlex.join(program_arguments),
        argsBefore=BLENDER_START,
        blendfile=settings.text("filepath"),
        args=arguments,
    )


def _blender_render_audio(settings: _Settings) -> Command:
    program, *program_arguments = settings.words("blender_cmd", "{blender}")
    lines = _MIXDOWN.format(path=settings.text("render_output"))
    for name in ("frame_end", "frame_start"):
        if name in settings.values:
            frame = int(settings.number(name))
            lines = lines.replace(";", f"; bpy.context.scene.{name} = {frame};", 1)
    return _one(
        "exec",
        exe=program,
        args=[
            *program_arguments,
            *BLENDER_START,
            settings.text("filepath"),
            *("--python-exit-code", str(_FAILED_PYTHON), "--python-expr", lines),
        ],
    )


def _create_video(settings: _Settings) -> Command:
    program, *arguments = settings.words("ffmpeg_cmd", "ffmpeg")
    return _one(
        "frames-to-video",
        exe=program,
        exeArgs=shlex.join(arguments),
        inputGlob=settings.text("input_files"),
        outputFile=settings.text("output_file"),
        fps=settings.number("fps"),
        args=_VIDEO_ARGUMENTS,
    )


def _concatenate_videos(settings: _Settings) -> Command:
    program, *arguments = settings.words("ffmpeg_cmd", "ffmpeg")
    return _one(
        "concatenate-videos",
        exe=program,
        exeArgs=shlex.join(arguments),
        inputGlob=settings.text("input_files"),
        outputFile=settings.text("output_file"),
    )


def _mux_audio(settings: _Settings) -> Command:
    program, *arguments = settings.words("ffmpeg_cmd", "ffmpeg")
    return _one(
        "mux",
        exe=program,
        exeArgs=shlex.join(arguments),
        videoFile=settings.text("video_file"),
        audioFile=settings.text("audio_file"),
        outputFile=settings.text("output_file"),
    )


def _encode_audio(settings: _Settings) -> Command:
    program, *arguments = settings.words("ffmpeg_cmd", "ffmpeg")
    return _one(
        "encode-audio",
        exe=program,
        exeArgs=shlex.join(arguments),
        inputFile=settings.text("input_file"),
        outputFile=settings.text("output_file"),
        codec=settings.text("codec"),
        bitrate=settings.text("bitrate"),
    )


def _merge(settings: _Settings) -> Command:
    tiles = [
        {"path": settings.text(f"input{place}"), "weight": settings.number(f"weight{place}")}
        for place in (1, 2)
    ]
    return _one("merge-images", steps=len(tiles), tiles=tiles, output=settings.text("output"))


def _overrides(settings: _Settings) -> list[str]:
    """Flamenco 2's workers load this file before each render; ours get the lines themselves."""
    if not _OVERRIDES_FILE.search(settings.text("filepath")):
        what = "writes a file that is not one of overrides"
        raise CannotBeCarriedOut(f"Its command {settings.command} {what}")
    try:
        return checked_overrides(settings.text("contents").splitlines())
    except InvalidInput as error:
        raise CannotBeCarriedOut(str(error)) from None


def _count(frames: str) -> int:
    """How many frames there are in a text such as `1,3-5` or, as Blender writes it, `1..5`."""
    try:
        return frame_count(frames.replace("..", "-"))
    except InvalidInput:
        return 1


_TRANSLATIONS: Mapping[str, Callable[[_Settings], Command]] = {
    "blender_render": _blender_render,
    "blender_render_audio": _blender_render_audio,
    "concatenate_videos": _concatenate_videos,
    "copy_file": _copy_file,
    "create_video": _create_video,
    "echo": _echo,
    "encode_audio": _encode_audio,
    "exec": _exec,
    "merge_progressive_renders": _merge,
    "move_out_of_way": _move_out_of_way,
    "move_to_final": _move_to_final,
    "move_with_counter": _move_with_counter,
    "mux_audio": _mux_audio,
    "remove_file": _remove_file,
    "remove_tree": _remove_tree,
    "sleep": _sleep,
}

TASK_TYPES: Mapping[str, str] = {
    "blender-render": "blender",
    "debug": "misc",
    "exr-merge": "blender",
    "file-management": "file-management",
    "sleep": "misc",
    "video-encoding": "ffmpeg",
}
"""What our workers call the task types of Flamenco 2."""


def task_type_here(upstream_type: str) -> str:
    """What a task type of the server is for our workers; an unknown one stays as it is."""
    name = upstream_type.strip().lower()
    return TASK_TYPES.get(name, name)


def task_types_there(types: Sequence[str]) -> list[str]:
    """What the server is told our workers can do."""
    found = {theirs for theirs, ours in TASK_TYPES.items() if ours in types}
    return sorted(found | (set(types) - set(TASK_TYPES.values())))
