"""OpenEXR images as pictures to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from flamenco_core.open_exr import UnreadableExrError, colour_channels, decoded
from tests.flamenco_core.images import GREEN, RED, exr

MOST = 10_000


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["R", "G", "B"], [0, 1, 2]),
        (["A", "B", "G", "R"], [3, 2, 1]),
        (["Y"], [0, 0, 0]),
        (["Depth.V", "View.Combined.A", "View.Combined.B", "View.Combined.G", "View.Combined.R"],
         [4, 3, 2]),
        (["View.Normal.R", "View.Normal.G", "View.Normal.B", "View.Combined.R", "View.Combined.G",
          "View.Combined.B"], [3, 4, 5]),
        (["View.Diffuse.R", "View.Diffuse.G", "View.Diffuse.B"], [0, 1, 2]),
        (["View.Motion.X", "View.Motion.Y"], [1, 1, 1]),
        (["View.Vector.X", "View.Vector.Z"], None),
        ([], None),
    ],
)  # fmt: skip
def test_a_picture_is_made_of_the_combined_colours(
    names: list[str], expected: list[int] | None
) -> None:
    assert colour_channels(names) == expected


def test_a_multilayer_image_shows_its_combined_colours() -> None:
    names = [f"View.Combined.{channel}" for channel in "RGB"] + ["View.Depth.Z"]
    picture = decoded(exr(Image.new("RGB", (8, 6), RED), channels=names), most_pixels=MOST)
    assert (picture.size, picture.getpixel((4, 3))) == ((8, 6), RED)


def test_linear_light_is_shown_as_a_screen_needs_it(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 3), 0.2140, np.float32)
    pixels[0, 0] = np.nan
    pixels[1, 1] = 100
    picture = decoded(written(tmp_path, pixels), most_pixels=MOST)
    assert picture.getpixel((3, 3)) == (127, 127, 127)
    assert picture.getpixel((0, 0)) == (0, 0, 0)
    assert picture.getpixel((1, 1)) == (255, 255, 255)


def test_a_part_stands_in_its_place_on_black(tmp_path: Path) -> None:
    picture = decoded(
        written(tmp_path, np.ones((2, 2, 3), np.float32), at=(5, 3)), most_pixels=MOST
    )
    assert picture.size == (10, 10)
    assert picture.getpixel((5, 3)) == (255, 255, 255)
    assert picture.getpixel((4, 3)) == (0, 0, 0)


def test_too_many_pixels_are_not_decoded() -> None:
    with pytest.raises(UnreadableExrError, match="200 × 100 pixels; 10,000 are allowed"):
        decoded(exr(Image.new("RGB", (200, 100), GREEN)), most_pixels=MOST)


def test_an_image_without_colours_cannot_be_shown() -> None:
    image = exr(Image.new("RGB", (8, 8)), channels=("U.X", "U.Q", "U.Z"))
    with pytest.raises(UnreadableExrError, match="no colours"):
        decoded(image, most_pixels=MOST)


def written(folder: Path, pixels: np.ndarray, *, at: tuple[int, int] | None = None) -> bytes:
    """With `at`, a part of an image of ten by ten pixels, from there on."""
    height, width, channels = pixels.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, OpenImageIO.FLOAT)
    if at is not None:
        (spec.x, spec.y), spec.full_width, spec.full_height = at, 10, 10
    file = folder / "image.exr"
    output = OpenImageIO.ImageOutput.create(str(file))
    assert output.open(str(file), spec)
    assert output.write_image(pixels)
    output.close()
    return file.read_bytes()
