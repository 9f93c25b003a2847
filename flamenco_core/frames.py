"""Frame ranges such as `1-10, 20..25, 40`, and cutting them into chunks for tasks.

A range is a list of parts, separated by commas. A part is one frame, or all frames from `A` to `B`
(`A-B` or `A..B`), or every n-th of those (`1-100x5` is 1, 6, 11 … 96). Frames may be negative:
`-10`, `-10..-5`, `-10--5`. Blanks around the numbers do not matter, nor does the sequence of the
parts or a frame that is named twice: frames are worked on in ascending order, unless a word in
front asks for another:

    reversed: 1-100               from the last frame to the first
    first-middle-last: 1-100      these three, so that errors show early, then the others upwards

The order is that of the tasks. Within a task frames always run upwards, as Blender renders them.

A range is written back in the notation of Flamenco 3: `A-B` for three frames or more, `A,B` for
two, `A` for one; steps are written out, and negative numbers stand beside dots (`-10..-5`).

Frames are kept as spans and are never listed one by one before their number has been checked,
so that `1-999999999999` costs nothing but its error message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from flamenco_core.errors import InvalidInput, Problem

HIGHEST_FRAME = 2_147_483_647
"""Frame numbers are 32-bit integers wherever they are used; the lowest is this one's negative."""

MAX_FRAMES = 1_000_000
"""The most frames that one range may have; Blender's own timeline ends at about this number."""

_MAX_PROBLEMS = 20
_MAX_QUOTED = 40
_HOW_TO_WRITE = "write frames and ranges separated by commas, such as 1-10, 20, 30..35"

_NUMBER = re.compile(r"-?[0-9]+")
_RANGE = re.compile(
    r"(?P<first>-?[0-9]+)\s*(?:-|\.\.)\s*(?P<last>-?[0-9]+)(?:\s*x\s*(?P<step>-?[0-9]+))?"
)
_MISSING_COMMA = re.compile(r"[0-9][0-9.\-]*(\s+[0-9][0-9.\-]*)+")
_OTHER_STEP = re.compile(r"(-?[0-9]+\s*(?:-|\.\.)\s*-?[0-9]+)\s*[:/%@X]\s*([0-9]+)")

_Item = TypeVar("_Item")


class FrameOrder(StrEnum):
    """In which order frames, or the chunks that they are cut into, are worked on."""

    ASCENDING = "ascending"
    REVERSED = "reversed"
    FIRST_MIDDLE_LAST = "first-middle-last"

    def arrange(self, items: Sequence[_Item]) -> list[_Item]:
        """The items, given in ascending order, in this order."""
        match self:
            case FrameOrder.REVERSED:
                return list(reversed(items))
            case FrameOrder.FIRST_MIDDLE_LAST:
                last = len(items) - 1
                ahead = list(dict.fromkeys((0, last // 2, last))) if items else []
                rest = (place for place in range(len(items)) if place not in ahead)
                return [items[place] for place in (*ahead, *rest)]
            case FrameOrder.ASCENDING:
                return list(items)


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames and the order in which they are to be worked on; `parse_frames` makes one.

    `spans` are disjoint, ascending and as few as possible.
    """

    spans: tuple[range, ...]
    order: FrameOrder = FrameOrder.ASCENDING

    def __iter__(self) -> Iterator[int]:
        if self.order is FrameOrder.ASCENDING:
            return self._ascending()
        return iter(self.order.arrange(list(self._ascending())))

    def __len__(self) -> int:
        return sum(len(span) for span in self.spans)

    def __str__(self) -> str:
        prefix = "" if self.order is FrameOrder.ASCENDING else f"{self.order}: "
        return prefix + ",".join(_notation(span) for span in self.spans)

    @property
    def first(self) -> int:
        """The lowest frame."""
        return self.spans[0][0]

    @property
    def last(self) -> int:
        """The highest frame."""
        return self.spans[-1][-1]

    def chunks(self, size: int) -> list[FrameRange]:
        """Cuts the frames into ranges of `size` frames each; the highest one may have fewer.

        The chunks come in the order of this range; the frames of each one are ascending.

        Raises:
            InvalidInput: `size` is less than one; the problem's place is `chunk_size`.
        """
        check_chunk_size(size)
        chunks: list[FrameRange] = []
        spans: list[range] = []
        room = size
        for span in self.spans:
            rest = span
            while rest:
                taken, rest = rest[:room], rest[room:]
                spans.append(taken)
                room -= len(taken)
                if not room:
                    chunks.append(FrameRange(tuple(spans)))
                    spans, room = [], size
        if spans:
            chunks.append(FrameRange(tuple(spans)))
        return self.order.arrange(chunks)

    def for_blender(self) -> str:
        """What Blender's `--render-frame` has to be told to render these frames in this order.

        Blender 2.9 to 5 understand it. To them a number that begins with `-` counts backwards from
        the end of the scene's range; a blank in front of it makes it a negative frame.
        """
        runs = self.spans if self.order is FrameOrder.ASCENDING else _runs(self)
        return _blender_notation(runs)

    def _ascending(self) -> Iterator[int]:
        for span in self.spans:
            yield from span


def parse_frames(text: str, *, where: str = "frames") -> FrameRange:
    """Reads a frame range.

    Raises:
        InvalidInput: with one problem, placed at `where`, for each part that cannot be read;
            also for a range without a frame and for one with more than `MAX_FRAMES`.
    """
    order, list_text, problems = _split_order(text, where)
    if not list_text.strip():
        raise _refusal([*problems, Problem(where, "no frames are given", _HOW_TO_WRITE)])
    spans: list[range] = []
    for part in list_text.split(","):
        span = _parse_part(part.strip())
        if isinstance(span, range):
            spans.append(span)
        else:
            what, hint = span
            problems.append(Problem(where, what, hint))
    if problems:
        raise _refusal(problems)
    # Steps are written out frame by frame, so they are counted before that.
    stepped = sum(len(span) for span in spans if span.step != 1)
    frames = FrameRange(_merged(spans) if stepped <= MAX_FRAMES else (), order)
    count = len(frames) or stepped
    if count > MAX_FRAMES:
        what = f"{_quoted(text)} has {count} frames, more than a job may have ({MAX_FRAMES})"
        raise _refusal([Problem(where, what, "submit it as several jobs")])
    return frames


def cut_frames(text: str, size: int) -> list[FrameRange]:
    """The frames of `text` in chunks of `size`, as `FrameRange.chunks` cuts them.

    Raises:
        InvalidInput: one problem for each thing that is wrong, at `frames` or at `chunk_size`.
    """
    problems: list[Problem] = []
    frames: FrameRange | None = None
    try:
        check_chunk_size(size)
    except InvalidInput as error:
        problems.extend(error.problems)
    try:
        frames = parse_frames(text)
    except InvalidInput as error:
        problems[:0] = error.problems
    if frames is None or problems:
        raise _refusal(problems)
    return frames.chunks(size)


def frame_chunks(text: str, size: int) -> list[str]:
    """The frames of `text` in chunks of `size`, each written as a range; see `cut_frames`."""
    return [str(chunk) for chunk in cut_frames(text, size)]


def frame_count(text: str) -> int:
    """How many different frames the range names; raises `InvalidInput` as `parse_frames` does."""
    return len(parse_frames(text))


def check_chunk_size(size: int) -> None:
    """Raises `InvalidInput`, placed at `chunk_size`, unless `size` is one or more."""
    if size < 1:
        what = f"a task cannot have {size} frames"
        raise _refusal([Problem("chunk_size", what, "write 1 or more")])


def frames_for_blender(frames: Iterable[int]) -> str:
    """What `--render-frame` has to be told to render these frames in this very sequence."""
    return _blender_notation(_runs(frames))


def frame_in_file_name(frame: int, digits: int) -> str:
    """The number as Blender writes it in place of so many `#`: `000007`, `-000007`."""
    return f"-{-frame:0{digits}d}" if frame < 0 else f"{frame:0{digits}d}"


def _blender_notation(runs: Iterable[range]) -> str:
    return ",".join(_run_for_blender(run) for run in runs)


def _run_for_blender(run: range) -> str:
    first, last = (f" {frame}" if frame < 0 else str(frame) for frame in (run[0], run[-1]))
    if len(run) == 1:
        return first
    return f"{first}..{last}" if len(run) > 2 else f"{first},{last}"


def _runs(frames: Iterable[int]) -> Iterator[range]:
    """The frames, in their sequence, as ascending runs."""
    run: range | None = None
    for frame in frames:
        if run is not None and frame == run.stop:
            run = range(run.start, frame + 1)
            continue
        if run is not None:
            yield run
        run = range(frame, frame + 1)
    if run is not None:
        yield run


def _split_order(text: str, where: str) -> tuple[FrameOrder, str, list[Problem]]:
    """The order that a word in front asks for, and the list behind it."""
    word, colon, rest = text.partition(":")
    name = "-".join(word.lower().split())
    # A colon behind a number is somebody's way to write a step, and told of with its part.
    if not colon or not any(char.isalpha() for char in word):
        return FrameOrder.ASCENDING, text, []
    if name in FrameOrder.__members__.values():
        return FrameOrder(name), rest, []
    near = get_close_matches(name, list(FrameOrder), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(FrameOrder)}"
    what = f"there is no order of frames called {_quoted(word.strip())}"
    return FrameOrder.ASCENDING, rest, [Problem(where, what, hint)]


def _parse_part(part: str) -> range | tuple[str, str]:
    """The frames of one part, or what is wrong with it and what to write."""
    step_text = "1"
    if _NUMBER.fullmatch(part):
        first_text = last_text = part
    elif match := _RANGE.fullmatch(part):
        first_text, last_text = match["first"], match["last"]
        step_text = match["step"] or "1"
    else:
        return _fault_of(part)
    numbers = [_whole_number(number) for number in (first_text, last_text, step_text)]
    if None in numbers:
        limits = f"{HIGHEST_FRAME}, or the lowest, {-HIGHEST_FRAME}"
        return f"{_quoted(part)} is beyond the highest frame number, {limits}", ""
    first, last, step = (number or 0 for number in numbers)
    if first > last:
        step_part = f"x{abs(step)}" if abs(step) > 1 else ""
        upwards = _range_notation(last, first) + step_part
        hint = f"write {upwards}, or reversed: {upwards} to begin with the last frame"
        return f"{_quoted(part)} runs backwards, and has no frames", hint
    if step < 1:
        what = f"{_quoted(part)} has a step of {step}, and steps lead upwards"
        return (
            what,
            "write a step of 1 or more, and reversed: in front to begin with the last frame",
        )
    return range(first, last + 1, step)


def _whole_number(text: str) -> int | None:
    """The number, or None if it is out of range; long texts are not made into numbers first."""
    if len(text.lstrip("-0")) > 10 or abs(int(text)) > HIGHEST_FRAME:
        return None
    return int(text)


def _fault_of(part: str) -> tuple[str, str]:
    if not part:
        return "there is no frame between two commas, or beside one", "remove the extra comma"
    if match := _OTHER_STEP.fullmatch(part):
        return f"{_quoted(part)} has a step in another notation", f"write {match[1]}x{match[2]}"
    if _MISSING_COMMA.fullmatch(part):
        return f"{_quoted(part)} lacks a comma between two frames", _HOW_TO_WRITE
    return f"{_quoted(part)} is neither a frame nor a range of frames", _HOW_TO_WRITE


def _merged(spans: Iterable[range]) -> tuple[range, ...]:
    """The same frames as disjoint, ascending spans without steps; neighbours become one."""
    single = [piece for span in spans for piece in _without_steps(span)]
    merged: list[range] = []
    for span in sorted(single, key=lambda span: span.start):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return tuple(merged)


def _without_steps(span: range) -> Iterable[range]:
    return (span,) if span.step == 1 else (range(frame, frame + 1) for frame in span)


def _notation(span: range) -> str:
    if len(span) == 1:
        return str(span[0])
    return _range_notation(span[0], span[-1]) if len(span) > 2 else f"{span[0]},{span[-1]}"


def _range_notation(first: int, last: int) -> str:
    return f"{first}..{last}" if first < 0 or last < 0 else f"{first}-{last}"


def _quoted(text: str) -> str:
    short = text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 1]}…"
    return f"“{short}”"


def _refusal(problems: list[Problem]) -> InvalidInput:
    shown = problems[:_MAX_PROBLEMS]
    if len(problems) > len(shown):
        what = f"and {len(problems) - len(shown)} more of this kind"
        shown = [*shown, Problem(shown[-1].where, what)]
    return InvalidInput("These frames cannot be used", problems=shown)
