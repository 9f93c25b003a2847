"""RNA overrides: lines of Python that change a job's scene right before each render.

They belong to a job and can be edited while it runs; the next task that is handed out renders with
them. In the lines `bpy`, `C` (`bpy.context`) and `D` (`bpy.data`) stand for what they do in
Blender's own console, so that a copied data path is a line already:

    D.scenes["Scene"].render.resolution_percentage = 50

Variables such as `{jobs}` are not replaced in them: a path of Windows would change its meaning in
Python's texts. Frames that are done stay as they are; what was rendered with older lines has to be
removed before the job is queued again.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from flamenco_core.blender_arguments import (
    FORMAT_OPTIONS,
    OUTPUT_OPTIONS,
    SCENE_OPTIONS,
    is_render,
    option_groups,
    python_in_one_line,
)
from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.model import Command

FILE_NAME = "RNA overrides"
"""What Blender calls the lines when it says where one of them failed."""

MAX_CHARACTERS = 16_000
"""They travel on Blender's command line, which on Windows has room for twice as many in all."""

_RENDER_COMMAND = "blender-render"
_BEGINNING = "import bpy; C, D = bpy.context, bpy.data; "


def checked_overrides(lines: Sequence[str], *, where: str = "rna_overrides") -> list[str]:
    """The lines, one text for each, without blank ones at the end; one text may hold several.

    Raises:
        InvalidInput: they are no texts, or no valid Python; the problem's place is
            `where[<line from 0>]`, and it tells line and column, both from 1.
    """
    texts = [lines] if isinstance(lines, str) else [*lines]
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise _refusal(Problem(f"{where}[{index}]", f"must be a text, not {text!r}"))
    split = "\n".join(texts).replace("\r\n", "\n").split("\n")
    while split and not split[-1].strip():
        split.pop()
    source = "\n".join(split)
    if len(source) > MAX_CHARACTERS:
        what = f"have {len(source)} characters; {MAX_CHARACTERS} is the limit"
        raise _refusal(Problem(where, what, "load a script in the .blend file instead"))
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, FILE_NAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        what = f"line {line}, column {column}: {error.msg}"
        place = f"{where}[{min(line, len(split)) - 1}]"
        raise _refusal(Problem(place, what, "correct the Python code")) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        reason = str(error) or "they are nested too deeply"
        raise _refusal(Problem(where, f"are not valid Python: {reason}")) from None
    return split


def with_overrides(command: Command, lines: Sequence[str]) -> Command:
    """The command with the lines carried out before each of its renders.

    They come behind whatever the job type itself sets by Python, and before output, format and
    frames, which stay those of the task. Commands that do not render with Blender stay the same.
    """
    arguments = command.parameters.get("args")
    if not lines or command.name != _RENDER_COMMAND or not isinstance(arguments, list):
        return command
    changed: list[object] = []
    pending = True
    texts = [argument if isinstance(argument, str) else str(argument) for argument in arguments]
    for group in option_groups(texts):
        if group[0] in SCENE_OPTIONS:
            pending = True
        elif pending and (group[0] in OUTPUT_OPTIONS | FORMAT_OPTIONS or is_render(group)):
            changed += ["--python-expr", _expression(lines)]
            pending = False
        changed += group
    if pending:  # the job type renders by a script
        changed = ["--python-expr", _expression(lines), *changed]
    return replace(command, parameters={**command.parameters, "args": changed})


def _expression(lines: Sequence[str]) -> str:
    return _BEGINNING + python_in_one_line("\n".join(lines), FILE_NAME)


def _refusal(problem: Problem) -> InvalidInput:
    return InvalidInput("These RNA overrides cannot be used", problems=[problem])
