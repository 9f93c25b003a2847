"""Adds up Cryptomatte passes: which objects a pixel shows, and how much of it each one covers.

A set of such passes (`CryptoObject00`, `CryptoObject01`, …) holds a list for each pixel: the number
of an object, what it covers, the number of the next one, and so on, in the order of what they
cover. The numbers are 32 bits written as a float, and may only be compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_CHANNEL = re.compile(r"(?P<set>.*\bCrypto\w*?)(?P<level>\d\d)\.(?P<part>[rgba])", re.IGNORECASE)

_ROWS_AT_ONCE = 64
"""Keeps what is needed in between small beside the image."""


def cryptomatte_sets(channels: Sequence[str]) -> list[list[int]]:
    """The positions of each set's channels: number, coverage, number, coverage …"""
    sets: dict[str, list[tuple[int, int, int]]] = {}
    for position, channel in enumerate(channels):
        if match := _CHANNEL.fullmatch(channel):
            key = (int(match["level"]), "rgba".index(match["part"].lower()), position)
            sets.setdefault(match["set"], []).append(key)
    return [[position for *_, position in sorted(keys)] for keys in sets.values()]


def add_coverage(sums: Any, added: Any, positions: Sequence[int], weight: Any) -> None:
    """Adds what a weighted image covers to the sums so far, in which the largest are kept.

    `sums` and `added` are arrays by row, column and channel, `weight` is one by row and column.
    """
    import numpy as np

    numbers, coverages = list(positions[0::2]), list(positions[1::2])
    for first in range(0, len(sums), _ROWS_AT_ONCE):
        rows = np.s_[first : first + _ROWS_AT_ONCE]
        weighted = added[rows][:, :, coverages] * weight[rows][:, :, np.newaxis]
        number, covered = _added(
            np.concatenate([sums[rows][:, :, numbers], added[rows][:, :, numbers]], axis=2),
            np.concatenate([sums[rows][:, :, coverages], weighted], axis=2),
        )
        sums[rows][:, :, numbers] = number
        sums[rows][:, :, coverages] = covered


def _added(numbers: Any, coverages: Any) -> tuple[Any, Any]:
    """Two lists of each pixel, which stand one behind the other, as one of half the length."""
    import numpy as np

    length = coverages.shape[2] // 2
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    for place in range(length):
        for other in range(length, 2 * length):
            same = bits[:, :, place] == bits[:, :, other]
            coverages[:, :, place] += np.where(same, coverages[:, :, other], 0)
            coverages[:, :, other][same] = 0
    order = np.argsort(-coverages, axis=2, kind="stable")[:, :, :length]
    covered = np.take_along_axis(coverages, order, axis=2)
    number = np.take_along_axis(numbers, order, axis=2)
    return np.where(covered > 0, number, 0), covered
