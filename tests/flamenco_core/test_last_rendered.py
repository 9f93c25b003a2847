"""Thumbnails of real images: sizes, colours, what cannot be decoded, and the files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from flamenco_core import task_logs
from flamenco_core.last_rendered import (
    MEDIA_TYPES,
    THUMBNAILS,
    UnusableImage,
    has_thumbnails,
    make_thumbnails,
    media_type_of,
    thumbnail_file,
    write_thumbnails,
)
from tests.flamenco_core.images import (
    BLUE,
    GREEN,
    RED,
    bomb,
    colour_of,
    encoded,
    encoded_as,
    exr,
    is_like,
    plain,
    size_of,
)

JOB = "5b9e0a55-6d3f-4b41-a0f8-0d3e1c7c2f10"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3840, 2160), [(1920, 1080), (600, 338), (199, 112)]),
        ((1080, 1920), [(608, 1080), (190, 338), (63, 112)]),
        ((300, 100), [(300, 100), (300, 100), (200, 67)]),
        ((1, 1), [(1, 1)] * 3),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_thumbnails_fit_their_sizes_and_are_never_scaled_up(
    size: tuple[int, int], expected: list[tuple[int, int]], form: str
) -> None:
    thumbnails = make_thumbnails(encoded(Image.new("RGB", size, GREEN), form))
    sizes = [size_of(thumbnail) for thumbnail in thumbnails]
    for found, wanted, limit in zip(sizes, expected, THUMBNAILS, strict=True):
        assert found[0] <= limit.width
        assert found[1] <= limit.height
        # Which way a half is rounded is Pillow's business.
        assert all(abs(one - other) <= 1 for one, other in zip(found, wanted, strict=True))
    assert all(is_like(thumbnail, GREEN) for thumbnail in thumbnails)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_each_format_is_recognised_and_decoded(media_type: str) -> None:
    content = encoded_as(media_type, Image.new("RGB", (40, 30), BLUE))
    assert media_type_of(content[:12]) == media_type
    assert all(is_like(thumbnail, BLUE) for thumbnail in make_thumbnails(content))


IMAGES = {
    "what is transparent, on black": (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG", (0, 0, 0)),
    "half transparent": (Image.new("RGBA", (8, 8), (255, 0, 0, 128)), "PNG", (128, 0, 0)),
    "a palette": (Image.new("RGB", (8, 8), RED).convert("P"), "PNG", RED),
    "grey": (Image.new("L", (8, 8), 100), "PNG", (100, 100, 100)),
    "grey with alpha": (Image.new("LA", (8, 8), (100, 255)), "PNG", (100, 100, 100)),
    "black and white": (Image.new("1", (8, 8), 1), "PNG", (255, 255, 255)),
    "grey of 16 bits": (Image.new("I;16", (8, 8), 128 << 8), "PNG", (128, 128, 128)),
    "floating point": (Image.new("F", (8, 8), 0.5), "TIFF", (127, 127, 127)),
    "inks": (Image.new("CMYK", (8, 8), (255, 255, 0, 0)), "JPEG", (0, 0, 255)),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_of_every_kind_keep_their_colours(kind: str) -> None:
    image, form, colour = IMAGES[kind]
    largest, *_ = make_thumbnails(encoded(image, form))
    assert is_like(largest, colour), colour_of(largest)


def test_a_thumbnail_carries_no_metadata() -> None:
    image = Image.new("RGB", (8, 8), RED)
    content = encoded(image, "JPEG", comment=b"secret project", exif=b"Exif\0\0secret")
    assert b"secret" in content
    assert not any(b"secret" in thumbnail for thumbnail in make_thumbnails(content))


BROKEN = {
    "nothing": b"",
    "a text": b"not an image at all",
    "a format that is not taken": encoded(Image.new("RGB", (8, 8)), "BMP"),
    "only the beginning of a JPEG": encoded(Image.effect_noise((200, 200), 50), "JPEG")[:3000],
    "only the beginning of a PNG": encoded(Image.effect_noise((200, 200), 50), "PNG")[:3000],
    "a signature and rubbish": b"\x89PNG\r\n\x1a\n" + b"\xff" * 500,
    "more pixels than are decoded": bomb(9_000, 9_000),
    "far more pixels than Pillow decodes": bomb(20_000, 20_000),
    "only the beginning of an OpenEXR": exr(Image.new("RGB", (200, 200), RED))[:500],
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_shown_is_one_kind_of_error(what: str) -> None:
    with pytest.raises(UnusableImage):
        make_thumbnails(BROKEN[what])


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"GIF89a"])
def test_other_formats_are_not_taken_for_images(content: bytes) -> None:
    assert media_type_of(content) is None


def test_a_set_takes_the_place_of_the_one_before_in_the_jobs_folder(tmp_path: Path) -> None:
    assert not has_thumbnails(tmp_path, JOB)
    folder = task_logs.job_folder(tmp_path, JOB)
    for colour in (RED, GREEN):
        write_thumbnails(tmp_path, JOB, make_thumbnails(plain(colour)))
        assert has_thumbnails(tmp_path, JOB)
        names = {thumbnail.name for thumbnail in THUMBNAILS}
        assert {file.name for file in folder.iterdir()} == names
        for name in names:
            assert is_like(thumbnail_file(tmp_path, JOB, name).read_bytes(), colour)


def test_what_a_crash_left_is_written_over(tmp_path: Path) -> None:
    folder = task_logs.job_folder(tmp_path, JOB)
    folder.mkdir(parents=True)
    (folder / "last-rendered.jpg.new").write_bytes(b"half")
    write_thumbnails(tmp_path, JOB, make_thumbnails(plain(RED)))
    assert not list(folder.glob("*.new"))
    with Image.open(io.BytesIO((folder / "last-rendered.jpg").read_bytes())) as image:
        assert image.size == (64, 48)
