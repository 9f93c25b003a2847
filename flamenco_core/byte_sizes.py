"""Sizes in bytes, as people write them: `48 GB`, `512 MiB`, `1000000`."""

from __future__ import annotations

import re

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)")


def parse_byte_size(text: str) -> int:
    """Raises `ValueError` with the end of a sentence."""
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(match["unit"].upper()) if match else None
    if match is None or unit is None:
        raise ValueError("must be a number of bytes, or a size such as 2 GB or 512 MiB")
    return round(float(match["number"]) * unit)
