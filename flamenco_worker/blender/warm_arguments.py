"""Which command lines can be carried out by a Blender that stays open, and how they are divided.

What Blender takes at its start (threads, add-ons, whether scripts in files may run) makes the
Blender; what comes behind the file makes the task. A command line is understood only if each of its
options is known here; any other is for a Blender of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass

from flamenco_core.blender_arguments import (
    FRAME_OPTIONS,
    OUTPUT_OPTIONS,
    is_render,
    option_groups,
)
from flamenco_worker.blender.frame_arguments import resolve_frames
from flamenco_worker.blender.render_arguments import (
    PYTHON_EXIT_CODE,
    PYTHON_EXIT_CODE_OPTION,
    RenderArguments,
)
from flamenco_worker.blender.warm_python import Effect, read_python

_BACKGROUND = frozenset({"-b", "--background"})
_THREADS = frozenset({"-t", "--threads"})
_START = (
    _BACKGROUND
    | _THREADS
    | {"-noaudio", "-setaudio", "--factory-startup", "-q", "--quiet"}
    | {"-y", "--enable-autoexec", "-Y", "--disable-autoexec"}
    | {"--offline-mode", "--online-mode", "--disable-crash-handler", "--disable-abort-handler"}
    | {"--gpu-backend", "--log", "--log-level", "--log-file", "--debug-cycles", "--addons"}
)
"""Blender takes these at its start, wherever they stand."""
_MODULE = ("-m", "flamenco_worker.blender.bpy_command_line")
_BOUNDS = frozenset({"-s", "--frame-start", "-e", "--frame-end"})
_TASK = (
    FRAME_OPTIONS
    | OUTPUT_OPTIONS
    | _BOUNDS
    | {"-a", "--render-anim", "-S", "--scene", "-F", "--render-format", "-x", "--use-extension"}
    | {"-E", "--engine", "-j", "--frame-jump"}
)


@dataclass(frozen=True, slots=True)
class WarmCommand:
    """A command line, divided into what a Blender is started with and what it is sent."""

    program: str
    start: tuple[str, ...]
    """Arguments that make the Blender, in front of what makes it stay."""
    script_arguments: tuple[str, ...]
    """From `--` on: for scripts and add-ons, which read them at the start."""
    blend_file: str
    use_scripts: bool | None
    """Whether scripts in the file may run; None: as the preferences say."""
    threads: int | None
    python_exit_code: int
    state: str | None
    """What the task makes of the scene beside output and frames; two tasks that say the same here
    can follow each other in the open file. None if they never can."""


class NotWarmError(Exception):
    """The command line needs a Blender of its own; the text says why, to be read after "since"."""


def warm_command(arguments: RenderArguments) -> WarmCommand:
    """Divides a command line.

    Raises:
        NotWarmError: if something in it is not understood, or cannot be done that way.
    """
    program, options = _program(arguments.executable)
    before = [*option_groups([*options, *arguments.before])]
    after = [*option_groups(arguments.after)]
    _check_before(before)
    if not arguments.blend_file:
        raise NotWarmError("it names no .blend file")
    start = [group for group in [*before, *after] if group[0] in _START]
    names = {group[0] for group in start}
    if not names & _BACKGROUND:
        raise NotWarmError("Blender is to have a window, without -b")
    is_repeatable = True
    for group in after:
        is_repeatable = _check_after(group) and is_repeatable
    return WarmCommand(
        program=program[0],
        start=(*program[1:], *(text for group in start for text in group)),
        script_arguments=tuple(text for group in [*before, *after] for text in _scripts_of(group)),
        blend_file=arguments.blend_file,
        use_scripts=_use_scripts([group[0] for group in start]),
        threads=_number(start, _THREADS),
        python_exit_code=_number(before, {PYTHON_EXIT_CODE_OPTION}) or PYTHON_EXIT_CODE,
        state=_state(after) if is_repeatable else None,
    )


def _program(executable: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is run, and its options: our own program for `bpy` may be a module of a Python."""
    length = 3 if tuple(executable[1:3]) == _MODULE else 1
    return executable[:length], executable[length:]


def _check_before(groups: Sequence[Sequence[str]]) -> None:
    for group in groups:
        if group[0] not in _START and group[0] not in (PYTHON_EXIT_CODE_OPTION, "--"):
            raise NotWarmError(f"{group[0]} stands in front of the file")
        if group[0] == "--":
            raise NotWarmError("the file stands behind --")


def _check_after(group: list[str]) -> bool:
    """Whether the option can be carried out again in the same file."""
    option, *values = group
    if option in _START or option in (PYTHON_EXIT_CODE_OPTION, "--"):
        return True
    if option == "--python-expr" and values:
        reading = read_python(values[0])
        if reading.effect is Effect.UNKNOWN:
            raise NotWarmError(reading.why)
        return reading.effect is Effect.REPEATABLE
    if option not in _TASK:
        raise NotWarmError(f"it has {option}")
    if option in FRAME_OPTIONS and values:
        _check_frames(values[0])
    # Relative to the bounds of the scene, which would have changed.
    return option not in _BOUNDS or bool(values and values[0].isdigit())


def _check_frames(text: str) -> None:
    try:
        frames = resolve_frames(text, 1, 1)
    except ValueError:
        raise NotWarmError(f"the frames {text} cannot be read") from None
    if min(frames, default=0) < 0:
        raise NotWarmError("frames before 0 can only be rendered by a Blender of their own")


def _state(after: list[list[str]]) -> str | None:
    """Options without what changes from frame to frame; None if something follows a render."""
    state = []
    has_rendered = False
    for group in after:
        if group[0] in _START or group[0] in (PYTHON_EXIT_CODE_OPTION, "--"):
            continue
        if has_rendered:
            return None
        has_rendered = is_render(group)
        is_of_the_task = group[0] in FRAME_OPTIONS | OUTPUT_OPTIONS | _BOUNDS
        state.append(group[:1] if is_of_the_task else group)
    return json.dumps(state)


def _scripts_of(group: list[str]) -> list[str]:
    return group if group[0] == "--" else []


def _use_scripts(options: Sequence[str]) -> bool | None:
    """The last one counts."""
    for option in reversed(options):
        if option in ("-y", "--enable-autoexec"):
            return True
        if option in ("-Y", "--disable-autoexec"):
            return False
    return None


def _number(groups: Sequence[Sequence[str]], options: Set[str]) -> int | None:
    """The last value that one of the options has."""
    texts = [group[1] for group in groups if group[0] in options and len(group) > 1]
    return int(texts[-1]) if texts and texts[-1].isdigit() else None
