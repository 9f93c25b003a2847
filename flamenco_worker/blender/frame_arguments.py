"""The frame list of Blender's `--render-frame` argument: `1`, `1..10`, `3,5..7`, `+0..-1`.

Not the grammar of a job's `frames` setting: here a leading `+` counts from the scene's first
frame and a leading `-` backwards from its last one (`-1` is the last frame itself). Behind a blank
a number is what it says, so that ` -5` is frame -5; `FrameRange.for_blender` writes lists that way.

This module also runs inside Blender's own Python (3.9 and up) from its bare file, so it uses the
standard library only and old syntax.
"""

from __future__ import annotations

LOWEST_FRAME = -1048574
HIGHEST_FRAME = 1048574


class FrameArgumentError(ValueError):
    """The list cannot be read; the text is what Blender itself prints about it."""


class RelativeFrameError(ValueError):
    """The list counts from the scene's range, which was not given."""


def resolve_frames(text: str, first: int | None = None, last: int | None = None) -> list[int]:
    """The frames that Blender renders for this argument, in its order; repeated frames stay.

    `first` and `last` are the scene's frame range, needed only for relative frames. Raises
    `FrameArgumentError`, and `RelativeFrameError` if the range is needed and missing.
    """
    frames: list[int] = []
    for item in text.split(","):
        if not item:
            raise FrameArgumentError("incorrect comma use")
        start_text, dots, end_text = item.partition("..")
        start = _resolve_number(start_text, first, last, empty_is_zero=bool(dots))
        end = _resolve_number(end_text, first, last) if dots else start
        if end < start:
            raise FrameArgumentError("negative range ignored")
        frames.extend(range(start, end + 1))
    return frames


def resolve_range_bound(text: str, first: int, last: int) -> int:
    """The frame meant by the argument of `--frame-start` or `--frame-end`.

    Here `-1` is the frame *before* the last one, unlike in `--render-frame`.
    """
    return _resolve_number(text, first, last - 1)


def _resolve_number(
    text: str, first: int | None, last: int | None, *, empty_is_zero: bool = False
) -> int:
    digits = text.lstrip()
    if not digits and empty_is_zero:
        return 0
    sign = digits[:1] if digits[:1] in ("+", "-") else ""
    number_text = digits[len(sign) :]
    if not (number_text.isascii() and number_text.isdigit()):
        raise FrameArgumentError("not a number")
    number = int(number_text)
    if sign and digits != text:
        number = -number if sign == "-" else number
    elif sign:
        if first is None or last is None:
            raise RelativeFrameError(f"{text!r} counts from the scene's frame range")
        number = first + number if sign == "+" else last - number + 1
    return max(LOWEST_FRAME, min(HIGHEST_FRAME, number))
