"""Images whose names differ by a number only, as one thing with frames."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flamenco_core.frames import FrameRange

IMAGE_EXTENSIONS = frozenset(
    (
        *("bmp", "cin", "dpx", "exr", "hdr", "j2c", "jp2", "jpeg", "jpg"),
        *("png", "rgb", "sgi", "tga", "tif", "tiff", "webp"),
    )
)

_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>[0-9]{1,9})\.(?P<extension>[^.]+)", re.DOTALL)
_PATTERN = re.compile(r"(?P<prefix>[^#]*)(?P<marks>#{1,9})\.(?P<extension>[^.#]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sequence:
    """At least two images with the same name but for a number of so many digits."""

    name: str
    """With a `#` for each digit."""
    frames: tuple[int, ...]
    """In ascending order."""

    @property
    def ranges(self) -> str:
        """The frames in the usual notation, such as `1-10,12`."""
        return ranges_of(self.frames)

    def file_name(self, frame: int) -> str:
        """The name of the image of a frame."""
        digits = self.name.count("#")
        return self.name.replace("#" * digits, f"{frame:0{digits}d}")


def grouped(names: Iterable[str]) -> tuple[list[str], list[Sequence]]:
    """What is in no sequence, and the sequences."""
    single: list[str] = []
    numbered: dict[str, dict[int, str]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None or match["extension"].lower() not in IMAGE_EXTENSIONS or "#" in name:
            single.append(name)
        else:
            marks = "#" * len(match["number"])
            key = f"{match['prefix']}{marks}.{match['extension']}"
            numbered.setdefault(key, {})[int(match["number"])] = name
    sequences = []
    for key, files in numbered.items():
        if len(files) == 1:
            single += files.values()
        else:
            sequences.append(Sequence(key, tuple(sorted(files))))
    return single, sequences


def read_pattern(name: str, names: Iterable[str]) -> Sequence | None:
    """The sequence that a name with `#` means, of the files there are; None if it means none."""
    wanted = _PATTERN.fullmatch(name)
    if wanted is None or wanted["extension"].lower() not in IMAGE_EXTENSIONS:
        return None
    image = re.compile(
        f"{re.escape(wanted['prefix'])}([0-9]{{{len(wanted['marks'])}}})"
        f"\\.{re.escape(wanted['extension'])}",
        re.DOTALL,
    )
    found = (image.fullmatch(each) for each in names)
    frames = sorted({int(match[1]) for match in found if match})
    return Sequence(name, tuple(frames)) if frames else None


def ranges_of(frames: Iterable[int]) -> str:
    """Ascending frames in the usual notation, such as `1-10,12`; empty if there are none."""
    spans: list[range] = []
    for frame in frames:
        if spans and spans[-1].stop == frame:
            spans[-1] = range(spans[-1].start, frame + 1)
        else:
            spans.append(range(frame, frame + 1))
    return str(FrameRange(tuple(spans))) if spans else ""
