"""What objects cover is added up, whatever the order in which each image names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_worker.commands.cryptomatte import add_coverage, cryptomatte_sets

LEVELS = 3
"""How many objects a pixel has room for."""

COVERAGES = st.dictionaries(st.sampled_from([1.5, -2.8e-14, 7.25]), st.integers(1, 9))


def as_pixels(objects: dict[float, int]) -> Any:
    """An image of 100 × 2 pixels that all show these objects."""
    ordered = sorted(objects.items(), key=lambda item: -item[1])
    ordered += [(0.0, 0)] * (LEVELS - len(ordered))
    row = np.array([value for pair in ordered for value in pair], dtype=np.float32)
    return np.tile(row, (100, 2, 1))


@given(COVERAGES, COVERAGES, st.integers(1, 5))
def test_coverages_of_the_same_object_are_added(
    before: dict[float, int], more: dict[float, int], weight: int
) -> None:
    sums = as_pixels(before)
    weights = np.full(sums.shape[:2], weight, dtype=np.float32)
    add_coverage(sums, as_pixels(more), range(2 * LEVELS), weights)
    expected = {
        np.float32(number): before.get(number, 0) + weight * more.get(number, 0)
        for number in before.keys() | more.keys()
    }
    for pixel in sums.reshape(-1, 2 * LEVELS)[[0, 99, 199]]:
        found = {number: covered for number, covered in pixel.reshape(-1, 2) if covered}
        assert found == expected
        assert list(pixel[1::2]) == sorted(pixel[1::2], reverse=True)


def test_the_largest_coverages_are_kept_where_there_is_no_room_for_all() -> None:
    sums = as_pixels({1.0: 5, 2.0: 3, 3.0: 1})
    add_coverage(sums, as_pixels({4.0: 4, 5.0: 2}), range(2 * LEVELS), np.ones((100, 2)))
    assert list(sums[50, 1]) == [1.0, 5, 4.0, 4, 2.0, 3]


@pytest.mark.parametrize("case", [str, str.upper])
def test_channels_are_found_by_set_and_level(case: Any) -> None:
    channels = ["L.Combined.R", "L.Depth.Z"]
    for level in ("01", "00"):
        channels += [f"L.CryptoObject{level}.{case(part)}" for part in "abgr"]
    channels += [f"L.CryptoAsset00.{case(part)}" for part in "rgba"]
    assert cryptomatte_sets(channels) == [[9, 8, 7, 6, 5, 4, 3, 2], [10, 11, 12, 13]]
