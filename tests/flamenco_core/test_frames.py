"""Frame ranges: what is read, how it is written back, and what is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput
from flamenco_core.frames import (
    MAX_FRAMES,
    FrameOrder,
    frame_chunks,
    frame_count,
    parse_frames,
)


@st.composite
def range_texts(draw: st.DrawFn) -> tuple[str, set[int]]:
    """A range as a person might type it, and the frames that it means."""
    blank = st.sampled_from(["", " ", "\t", "\n "])
    parts: list[str] = []
    frames: set[int] = set()
    for _ in range(draw(st.integers(1, 8))):
        first = draw(st.integers(-150, 300))
        last = first + draw(st.integers(0, 40))
        number = f"{first:0{draw(st.integers(1, 4))}d}"
        step = draw(st.integers(1, 12))
        if last == first and draw(st.booleans()):
            part = number
        else:
            separator = draw(st.sampled_from(["-", ".."]))
            part = f"{number}{draw(blank)}{separator}{draw(blank)}{last}"
            if step > 1 or draw(st.booleans()):
                part += f"{draw(blank)}x{draw(blank)}{step}"
        parts.append(f"{draw(blank)}{part}{draw(blank)}")
        frames.update(range(first, last + 1, step))
    return ",".join(parts), frames


@given(range_texts())
def test_a_range_means_each_of_its_frames_once_and_in_order(case: tuple[str, set[int]]) -> None:
    text, frames = case
    assert list(parse_frames(text)) == sorted(frames)
    assert frame_count(text) == len(frames)


@given(range_texts())
def test_writing_a_range_and_reading_it_again_changes_nothing(case: tuple[str, set[int]]) -> None:
    frames = parse_frames(case[0])
    assert parse_frames(str(frames)) == frames
    assert str(parse_frames(str(frames))) == str(frames)


@given(range_texts(), st.integers(1, 60))
def test_chunks_hold_all_frames_in_order_and_only_the_last_is_smaller(
    case: tuple[str, set[int]], size: int
) -> None:
    text, frames = case
    chunks = [list(parse_frames(chunk)) for chunk in frame_chunks(text, size)]
    assert [frame for chunk in chunks for frame in chunk] == sorted(frames)
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert 1 <= len(chunks[-1]) <= size


@given(range_texts(), st.integers(1, 60))
def test_a_chunk_is_one_chunk_when_it_is_cut_again(case: tuple[str, set[int]], size: int) -> None:
    for chunk in frame_chunks(case[0], size):
        assert frame_chunks(chunk, size) == [chunk]


@pytest.mark.parametrize(
    ("text", "size", "chunks"),
    [
        ("1..10,20..25,40,3..8", 4, ["1-4", "5-8", "9,10,20,21", "22-25", "40"]),
        ("47", 4, ["47"]),
        ("1-3", 3, ["1-3"]),
        ("0-12,34-56,78-90", 20, ["0-12,34-40", "41-56,78-81", "82-90"]),
        ("7..12, 3", 3, ["3,7,8", "9-11", "12"]),
        ("1-4", 2, ["1,2", "3,4"]),
        ("5,5,6", 9, ["5,6"]),
        ("1-5", 10**30, ["1-5"]),
    ],
)
def test_chunks_are_written_as_flamenco_3_writes_them(
    text: str, size: int, chunks: list[str]
) -> None:
    assert frame_chunks(text, size) == chunks


@pytest.mark.parametrize(
    ("text", "size", "chunks"),
    [
        ("1-20x5, 3", 2, ["1,3", "6,11", "16"]),
        ("1-100x5", 100, [",".join(map(str, range(1, 101, 5)))]),
        ("-5-1", 3, ["-5..-3", "-2..0", "1"]),
        ("-10--9, -3", 5, ["-10,-9,-3"]),
        ("reversed: 1-10", 4, ["9,10", "5-8", "1-4"]),
        ("Reversed: 3", 4, ["3"]),
        ("first-middle-last: 1-9", 1, ["1", "5", "9", "2", "3", "4", "6", "7", "8"]),
        ("first middle last:1-10", 2, ["1,2", "5,6", "9,10", "3,4", "7,8"]),
        ("first-middle-last: 1,2", 1, ["1", "2"]),
        ("ascending: 4,1", 1, ["1", "4"]),
    ],
)
def test_steps_negative_frames_and_orders_are_cut_into_chunks(
    text: str, size: int, chunks: list[str]
) -> None:
    assert frame_chunks(text, size) == chunks


@given(range_texts(), st.sampled_from(FrameOrder))
def test_an_order_is_kept_when_a_range_is_written_and_loses_no_frame(
    case: tuple[str, set[int]], order: FrameOrder
) -> None:
    frames = parse_frames(f"{order}: {case[0]}")
    assert frames.order is order
    assert parse_frames(str(frames)) == frames
    assert sorted(frames) == sorted(case[1])
    assert [chunk.first for chunk in frames.chunks(1)] == list(frames)
    assert (frames.first, frames.last) == (min(case[1]), max(case[1]))


@pytest.mark.parametrize(
    ("text", "blender"),
    [
        ("1-3", "1..3"),
        ("1,2,9", "1,2,9"),
        ("-5..-1", " -5.. -1"),
        ("-2,-1,7", " -2, -1,7"),
        ("-1-1", " -1..1"),
        ("1-10x4", "1,5,9"),
        ("reversed: 1-3", "3,2,1"),
        ("first-middle-last: 1-6", "1,3,6,2,4,5"),
    ],
)
def test_frames_are_written_for_blender(text: str, blender: str) -> None:
    assert parse_frames(text).for_blender() == blender


@pytest.mark.parametrize(("text", "count"), [("1-3,3-5", 5), ("0", 1), ("0007..8", 2)])
def test_counting_frames(text: str, count: int) -> None:
    assert frame_count(text) == count


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("", "no frames are given", "such as 1-10"),
        (" \t", "no frames are given", "such as 1-10"),
        ("10-1", "“10-1” runs backwards", "write 1-10"),
        ("1-3, 10..7", "“10..7” runs backwards", "write 7-10"),
        ("a-b", "“a-b” is neither a frame nor a range", "such as 1-10"),
        ("1-2-3", "“1-2-3” is neither a frame nor a range", "such as 1-10"),
        ("1.5", "“1.5” is neither a frame nor a range", "such as 1-10"),
        ("１-５", "“１-５” is neither a frame nor a range", "such as 1-10"),
        ("1,,2", "no frame between two commas", "remove the extra comma"),
        ("1-5,", "no frame between two commas", "remove the extra comma"),
        ("1--5", "“1--5” runs backwards", "write -5..1, or reversed: -5..1"),
        ("10-1", "“10-1” runs backwards", "reversed: 1-10 to begin with the last frame"),
        ("10-1x-3", "“10-1x-3” runs backwards", "write 1-10x3, or reversed: 1-10x3"),
        ("1-10x0", "has a step of 0", "1 or more"),
        ("1-10x-1", "has a step of -1", "reversed: in front"),
        ("1-10:2", "has a step in another notation", "write 1-10x2"),
        ("-8..-2 / 3", "has a step in another notation", "write -8..-2x3"),
        ("5x2", "“5x2” is neither a frame nor a range", "such as 1-10"),
        ("- 5", "“- 5” is neither a frame nor a range", "such as 1-10"),
        ("reverse: 1-10", "no order of frames called “reverse”", "did you mean reversed?"),
        ("sideways: 1-10", "no order of frames called “sideways”", "first-middle-last"),
        ("reversed: ", "no frames are given", "such as 1-10"),
        ("1-5, reversed: 6-10", "no order of frames called", "did you mean"),
        ("1 2", "“1 2” lacks a comma", "separated by commas"),
        ("1-3 7", "“1-3 7” lacks a comma", "separated by commas"),
        ("1-2,3-900000000x2", "has 449999999 frames, more than", "several jobs"),
        ("-3000000000", "the lowest, -2147483647", ""),
        ("3000000000", "beyond the highest frame number", ""),
        ("1-" + "9" * 5000, "beyond the highest frame number", ""),
    ],
)
def test_a_part_that_cannot_be_read_is_named_with_what_to_write(
    text: str, what: str, hint: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_frames(text, where="settings.frames")
    (problem,) = caught.value.problems
    assert problem.where == "settings.frames"
    assert what in problem.what
    assert hint in problem.hint
    assert len(str(problem)) < 300


def test_every_bad_part_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_frames("1-10, x, 9-5, 3")
    assert len(caught.value.problems) == 2


def test_thousands_of_bad_parts_make_a_short_list() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_frames("x," * 5000)
    assert len(caught.value.problems) < 50
    assert "more of this kind" in caught.value.problems[-1].what


def test_the_largest_range_is_accepted_and_one_frame_more_is_refused() -> None:
    assert frame_count(f"1-{MAX_FRAMES}") == MAX_FRAMES
    with pytest.raises(InvalidInput, match="several jobs"):
        parse_frames(f"0-{MAX_FRAMES}")


def test_an_enormous_range_is_refused_before_its_frames_are_made() -> None:
    with pytest.raises(InvalidInput, match="more than a job may have"):
        parse_frames("0-2147483647")


@pytest.mark.parametrize("size", [0, -1])
def test_a_chunk_needs_a_frame(size: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        frame_chunks("10-1", size)
    assert [problem.where for problem in caught.value.problems] == ["frames", "chunk_size"]
