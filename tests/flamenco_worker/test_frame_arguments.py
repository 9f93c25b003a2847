"""The tables hold what Blender 3.4.1 did with these arguments, for a scene from 1 to 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.frames import FrameOrder, frames_for_blender, parse_frames
from flamenco_worker.blender.frame_arguments import (
    FrameArgumentError,
    RelativeFrameError,
    resolve_frames,
    resolve_range_bound,
)


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("2", [2]),
        (" 2", [2]),
        ("1..3", [1, 2, 3]),
        ("1,3,2", [1, 3, 2]),
        ("2,2", [2, 2]),
        ("..3", [0, 1, 2, 3]),
        ("+0", [1]),
        ("+1", [2]),
        ("-1", [3]),
        ("+1..-1", [2, 3]),
        ("-2..-1", [2, 3]),
        ("2000000", [1048574]),
        (" -2", [-2]),
        (" -5.. -3, -1,-1", [-5, -4, -3, -1, 3]),
        (" +2", [2]),
    ],
)
def test_frames_are_those_that_blender_renders(text: str, frames: list[int]) -> None:
    assert resolve_frames(text, 1, 3) == frames


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "incorrect comma use"),
        ("1,,2", "incorrect comma use"),
        ("1,2,", "incorrect comma use"),
        ("abc", "not a number"),
        ("1.5", "not a number"),
        ("1..", "not a number"),
        ("1..2..3", "not a number"),
        ("1 ,2", "not a number"),
        ("3..1", "negative range ignored"),
        ("-1..+1", "negative range ignored"),
    ],
)
def test_what_blender_refuses_is_refused_in_its_words(text: str, message: str) -> None:
    with pytest.raises(FrameArgumentError, match=message):
        resolve_frames(text, 1, 3)


def test_relative_frames_need_the_range_of_the_scene() -> None:
    assert resolve_frames("4..5") == [4, 5]
    with pytest.raises(RelativeFrameError):
        resolve_frames("+1")


@pytest.mark.parametrize(("text", "frame"), [("7", 7), ("+1", 2), ("-1", 2), ("-0", 3)])
def test_a_range_bound_counts_backwards_from_before_the_last_frame(text: str, frame: int) -> None:
    assert resolve_range_bound(text, 1, 3) == frame


@pytest.mark.parametrize("frames", [[1], [1, 2, 3], [1, 3, 4, 9], [5, 2, 3], [7, 7], [-3, -2, -1]])
def test_frames_written_for_blender_are_the_ones_it_renders(frames: list[int]) -> None:
    assert resolve_frames(frames_for_blender(frames), 1, 3) == frames


@given(st.lists(st.integers(-40, 200), min_size=1), st.sampled_from(FrameOrder))
def test_a_range_means_the_same_to_the_manager_and_to_blender(
    frames: list[int], order: FrameOrder
) -> None:
    parsed = parse_frames(f"{order}: {','.join(map(str, frames))}")
    assert resolve_frames(parsed.for_blender(), 1, 3) == list(parsed)
