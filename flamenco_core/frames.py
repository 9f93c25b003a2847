"""Frame ranges such as `1-10, 20..25, 40`, and cutting them into chunks for tasks.

A range is a list of single frames, `A-B` and `A..B`, separated by commas; blanks around the
numbers do not matter, nor does the order or a frame that is named twice. It is written back in
the notation of Flamenco 3: `A-B` for three frames or more, `A,B` for two, `A` for one.

Frames are kept as spans and are never listed one by one before their number has been checked,
so that `1-999999999999` costs nothing but its error message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flamenco_core.errors import InvalidInput, Problem

HIGHEST_FRAME = 2_147_483_647
"""Frame numbers are 32-bit integers wherever they are used."""

MAX_FRAMES = 1_000_000
"""The most frames that one range may have; Blender's own timeline ends at about this number."""

_MAX_PROBLEMS = 20
_MAX_QUOTED = 40
_HOW_TO_WRITE = "write frames and ranges separated by commas, such as 1-10, 20, 30..35"

_NUMBER = re.compile(r"[0-9]+")
_RANGE = re.compile(r"(?P<first>[0-9]+)\s*(?:-|\.\.)\s*(?P<last>[0-9]+)")
_NEGATIVE = re.compile(r"-\s*[0-9].*|[0-9]+\s*(-|\.\.)\s*-\s*[0-9]+", re.DOTALL)
_MISSING_COMMA = re.compile(r"[0-9][0-9.\-]*(\s+[0-9][0-9.\-]*)+")
_STEPPED = re.compile(r"[0-9]+\s*(-|\.\.)\s*[0-9]+\s*[x:/%@]\s*[0-9]+")


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames in the order in which they are to be worked on; `parse_frames` makes one.

    `spans` are disjoint, ascending and as few as possible.
    """

    spans: tuple[range, ...]

    def __iter__(self) -> Iterator[int]:
        for span in self.spans:
            yield from span

    def __len__(self) -> int:
        return sum(len(span) for span in self.spans)

    def __str__(self) -> str:
        return ",".join(_notation(span) for span in self.spans)

    @property
    def first(self) -> int:
        return self.spans[0][0]

    @property
    def last(self) -> int:
        return self.spans[-1][-1]

    def chunks(self, size: int) -> list[FrameRange]:
        """Cuts the frames into ranges of `size` frames each; the last one may have fewer.

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
        return chunks


def parse_frames(text: str, *, where: str = "frames") -> FrameRange:
    """Reads a frame range.

    Raises:
        InvalidInput: with one problem, placed at `where`, for each part that cannot be read;
            also for a range without a frame and for one with more than `MAX_FRAMES`.
    """
    if not text.strip():
        raise _refusal([Problem(where, "no frames are given", _HOW_TO_WRITE)])
    spans: list[range] = []
    problems: list[Problem] = []
    for part in text.split(","):
        span = _parse_part(part.strip())
        if isinstance(span, range):
            spans.append(span)
        else:
            what, hint = span
            problems.append(Problem(where, what, hint))
    if problems:
        raise _refusal(problems)
    frames = FrameRange(_merged(spans))
    if len(frames) > MAX_FRAMES:
        what = f"{_quoted(text)} has {len(frames)} frames, more than a job may have ({MAX_FRAMES})"
        raise _refusal([Problem(where, what, "submit it as several jobs")])
    return frames


def frame_chunks(text: str, size: int) -> list[str]:
    """The frames of `text` in chunks of `size`, each written as a range.

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
    return [str(chunk) for chunk in frames.chunks(size)]


def frame_count(text: str) -> int:
    """How many different frames the range names; raises `InvalidInput` as `parse_frames` does."""
    return len(parse_frames(text))


def check_chunk_size(size: int) -> None:
    """Raises `InvalidInput`, placed at `chunk_size`, unless `size` is one or more."""
    if size < 1:
        what = f"a task cannot have {size} frames"
        raise _refusal([Problem("chunk_size", what, "write 1 or more")])


def _parse_part(part: str) -> range | tuple[str, str]:
    """The frames of one part, or what is wrong with it and what to write."""
    if _NUMBER.fullmatch(part):
        first = last = part
    elif match := _RANGE.fullmatch(part):
        first, last = match["first"], match["last"]
    else:
        return _fault_of(part)
    # Long digit strings are turned down before Python makes numbers of them.
    if any(len(number.lstrip("0")) > 10 or int(number) > HIGHEST_FRAME for number in (first, last)):
        return f"{_quoted(part)} is beyond the highest frame number, {HIGHEST_FRAME}", ""
    if int(first) > int(last):
        hint = f"write {int(last)}-{int(first)}"
        return f"{_quoted(part)} runs backwards, and has no frames", hint
    return range(int(first), int(last) + 1)


def _fault_of(part: str) -> tuple[str, str]:
    if not part:
        return "there is no frame between two commas, or beside one", "remove the extra comma"
    if _NEGATIVE.fullmatch(part):
        return f"{_quoted(part)} names a negative frame", "use frames from 0 upwards"
    if _STEPPED.fullmatch(part):
        what = f"{_quoted(part)} has a step, which is not possible"
        return what, "list the frames, such as 1,3,5,7"
    if _MISSING_COMMA.fullmatch(part):
        return f"{_quoted(part)} lacks a comma between two frames", _HOW_TO_WRITE
    return f"{_quoted(part)} is neither a frame nor a range of frames", _HOW_TO_WRITE


def _merged(spans: Iterable[range]) -> tuple[range, ...]:
    """The same frames as disjoint, ascending spans; neighbours become one."""
    merged: list[range] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return tuple(merged)


def _notation(span: range) -> str:
    separator = "-" if len(span) > 2 else ","
    return str(span[0]) if len(span) == 1 else f"{span[0]}{separator}{span[-1]}"


def _quoted(text: str) -> str:
    short = text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 1]}…"
    return f"“{short}”"


def _refusal(problems: list[Problem]) -> InvalidInput:
    shown = problems[:_MAX_PROBLEMS]
    if len(problems) > len(shown):
        what = f"and {len(problems) - len(shown)} more of this kind"
        shown = [*shown, Problem(shown[-1].where, what)]
    return InvalidInput("These frames cannot be used", problems=shown)
