"""Images with numbers are told as sequences."""

from __future__ import annotations

import pytest

from manager_service.files.sequences import grouped, ranges_of, read_pattern


def test_images_that_differ_by_a_number_are_one_sequence() -> None:
    names = [f"shot-{frame:04d}.png" for frame in (1, 2, 3, 7, 9, 10)]
    single, (sequence,) = grouped([*names, "notes.txt", "shot-0001.blend"])
    assert single == ["notes.txt", "shot-0001.blend"]
    assert (sequence.name, sequence.ranges) == ("shot-####.png", "1-3,7,9,10")
    assert [sequence.file_name(frame) for frame in sequence.frames] == names


def test_sequences_differ_by_name_by_digits_and_by_extension() -> None:
    names = ["a1.png", "a2.png", "a01.png", "a02.png", "a1.exr", "a2.exr", "b1.png", "00.PNG"]
    single, sequences = grouped(names)
    assert sorted(single) == ["00.PNG", "b1.png"]
    assert {each.name for each in sequences} == {"a#.exr", "a#.png", "a##.png"}


def test_a_name_that_has_marks_itself_is_no_sequence() -> None:
    assert grouped(["#1.png", "#2.png"]) == (["#1.png", "#2.png"], [])


def test_a_pattern_finds_its_images() -> None:
    names = ["x-001.jpg", "x-003.jpg", "x-1.jpg", "y-001.jpg", "x-001.jpg.txt", "x-٠٠١.jpg"]
    found = read_pattern("x-###.jpg", names)
    assert found is not None
    assert found.frames == (1, 3)


@pytest.mark.parametrize("name", ["x-##.jpg", "x.jpg", "x-###.txt", "#-###.jpg", "x-.*.jpg", ""])
def test_a_pattern_without_images_is_none(name: str) -> None:
    assert read_pattern(name, ["x-001.jpg", "x-001.txt"]) is None


def test_no_frames_have_no_ranges() -> None:
    assert ranges_of([]) == ""
