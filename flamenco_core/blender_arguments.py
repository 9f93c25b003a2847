"""How Blender's command line is read: which options there are, and how many values follow each.

Blender carries out its arguments in their order, so whoever adds one has to know where each begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PYTHON_OPTIONS = frozenset({"-P", "--python", "--python-expr", "--python-text"})
SCENE_OPTIONS = frozenset({"-S", "--scene"})
OUTPUT_OPTIONS = frozenset({"-o", "--render-output"})
FORMAT_OPTIONS = frozenset({"-F", "--render-format"})
FRAME_OPTIONS = frozenset({"-f", "--render-frame"})
ANIMATION_OPTIONS = frozenset({"-a", "--render-anim"})

_VALUES = {
    **dict.fromkeys(PYTHON_OPTIONS | SCENE_OPTIONS | OUTPUT_OPTIONS | FORMAT_OPTIONS, 1),
    **dict.fromkeys(FRAME_OPTIONS, 1),
    **dict.fromkeys(("-s", "--frame-start", "-e", "--frame-end", "-j", "--frame-jump"), 1),
    **dict.fromkeys(("-E", "--engine", "-t", "--threads", "-x", "--use-extension"), 1),
    **dict.fromkeys(("--python-exit-code", "--addons", "--app-template", "--verbose"), 1),
    **dict.fromkeys(("--log", "--log-level", "--log-file", "--debug-value"), 1),
    **dict.fromkeys(("--gpu-backend", "--gpu-vsync"), 1),
    **dict.fromkeys(("-p", "--window-geometry"), 4),
}
"""How many values follow an option; none if it does not stand here."""


def option_groups(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Each option with its values; all from `--` on is one group."""
    position = 0
    while position < len(arguments):
        option = arguments[position]
        if option == "--":
            yield list(arguments[position:])
            return
        end = position + 1 + _VALUES.get(option, 0)
        yield list(arguments[position:end])
        position = end


def python_in_one_line(source: str, name: str) -> str:
    """The argument of `--python-expr` that runs `source`; tracebacks call it `name`.

    It is one line, since not every way to start a program keeps line ends.
    """
    return f"exec(compile({source!r}, {name!r}, 'exec'))"


def is_render(group: Sequence[str]) -> bool:
    """Whether this option, with its values, makes Blender render."""
    return group[0] in ANIMATION_OPTIONS or (group[0] in FRAME_OPTIONS and len(group) > 1)
