"""Every format that can be verified: whole, cut short at several places, empty, of another kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from flamenco_worker.blender.image_files import FORMATS, ImageRefused, ImageSize, read_image
from flamenco_worker.blender.verify import (
    ExpectedFile,
    FrameRefused,
    move_out_of_the_way,
    verify_file,
)
from flamenco_worker.output_pictures import as_jpeg
from tests.flamenco_worker.blenders import BPY

VARIANTS = {
    "PNG": ("PNG", "8"),
    "PNG with 16 bits": ("PNG", "16"),
    "JPEG": ("JPEG", "8"),
    "TIFF": ("TIFF", "8"),
    "TIFF with 16 bits": ("TIFF", "16"),
    "EXR": ("OPEN_EXR", "16"),
    "EXR with 32 bits": ("OPEN_EXR", "32"),
    "multilayer EXR": ("OPEN_EXR_MULTILAYER", "16"),
    "WebP": ("WEBP", "8"),
    "BMP": ("BMP", "8"),
    "Targa": ("TARGA", "8"),
    "raw Targa": ("TARGA_RAW", "8"),
    "HDR": ("HDR", "32"),
    "JPEG 2000": ("JPEG2000", "8"),
    "DPX": ("DPX", "10"),
    "Cineon": ("CINEON", "10"),
    "Iris": ("IRIS", "8"),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of each variant, rendered by `bpy` in one go."""
    folder = tmp_path_factory.mktemp("images")
    blend = BPY.make_blend(folder / "scene.blend")
    script = f"""
import bpy
scene = bpy.context.scene
settings = scene.render.image_settings
scene.frame_start = scene.frame_end = 1
scene.render.resolution_percentage = 200
for name, (file_format, depth) in {VARIANTS!r}.items():
    settings.file_format = file_format
    settings.color_depth = depth
    scene.render.filepath = {str(folder)!r} + '/' + name + ' #'
    bpy.ops.render.render(animation=True)
"""
    done = BPY.run(str(blend), "--python-expr", script, folder=folder)
    found = {name: next(iter(folder.glob(f"{name} 1.*")), None) for name in VARIANTS}
    assert None not in found.values(), done.stdout
    return {name: path for name, path in found.items() if path is not None}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_whole_file_has_its_size(images: dict[str, Path], name: str) -> None:
    assert read_image(images[name], VARIANTS[name][0]) == ImageSize(128, 96)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_file_that_is_cut_anywhere_is_refused(
    images: dict[str, Path], tmp_path: Path, name: str
) -> None:
    content = images[name].read_bytes()
    for kept in (4, 30, len(content) // 2, len(content) - 40, len(content) - 1):
        cut = tmp_path / f"{kept}{images[name].suffix}"
        cut.write_bytes(content[:kept])
        with pytest.raises(ImageRefused):
            read_image(cut, VARIANTS[name][0])


@pytest.mark.parametrize("name", VARIANTS)
def test_an_empty_file_is_called_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(ImageRefused, match="is empty, it has zero bytes"):
        read_image(tmp_path / "empty", VARIANTS[name][0])


def test_a_poster_is_whole_however_many_pixels_it_has_and_too_large_to_be_shown(
    tmp_path: Path,
) -> None:
    poster = tmp_path / "poster.png"
    with Image.new("1", (20_000, 10_000)) as blank:
        blank.save(poster)
    assert read_image(poster, "PNG") == ImageSize(20_000, 10_000)
    with pytest.raises(OSError, match="pixels"):
        as_jpeg(poster)


@pytest.mark.parametrize("name", VARIANTS)
def test_another_format_is_named(images: dict[str, Path], name: str) -> None:
    file_format = VARIANTS[name][0]
    other = "JPEG" if file_format == "PNG" else "PNG"
    expected = f"is not {other}: its content is {FORMATS[file_format].name}"
    if file_format.startswith("TARGA"):  # begins with nothing to know it by
        expected = f"is not {other}: its content is no known image"
    with pytest.raises(ImageRefused, match=expected):
        read_image(images[name], other)


def test_every_image_format_of_blender_is_covered() -> None:
    assert {file_format for file_format, _depth in VARIANTS.values()} == set(FORMATS)


def expected_png(path: Path, width: int | None = 128, tolerance: int = 0) -> ExpectedFile:
    return ExpectedFile(7, path, path, "PNG", width, 96, tolerance)


def test_the_size_is_compared_within_the_tolerance(images: dict[str, Path]) -> None:
    path = images["PNG"]
    verify_file(expected_png(path), path, probe=None)
    verify_file(expected_png(path, 129, tolerance=1), path, probe=None)
    verify_file(expected_png(path, None), path, probe=None)
    with pytest.raises(FrameRefused, match="wrong size: 128 × 96 pixels instead of 129 × 96"):
        verify_file(expected_png(path, 129), path, probe=None)


def test_a_refused_file_makes_room_under_a_name_that_nobody_renders(tmp_path: Path) -> None:
    torn = tmp_path / "000001.png"
    for content in (b"one", b"two"):
        torn.write_bytes(content)
        assert move_out_of_the_way(torn) == tmp_path / "000001.png.refused"
        assert not torn.exists()
    assert (tmp_path / "000001.png.refused").read_bytes() == b"two"
    assert move_out_of_the_way(torn) is None
