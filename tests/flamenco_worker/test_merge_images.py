"""Tiles become one image: values, overlaps, weights, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.cancellation import Cancelled
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_worker.conftest import RecordedTask

CHANNELS = ["L.Combined.R", "L.Combined.A", "L.Depth.Z"]
WIDTH, HEIGHT = 30, 20


def whole_image() -> Any:
    """Every pixel is another, in every channel."""
    values = np.arange(WIDTH * HEIGHT * len(CHANNELS), dtype=np.float32) / 7
    return values.reshape(HEIGHT, WIDTH, len(CHANNELS))


def write_exr(path: Path, pixels: Any, channels: list[str] | None = None) -> None:
    height, width, count = pixels.shape
    spec = OpenImageIO.ImageSpec(width, height, count, OpenImageIO.FLOAT)
    spec.channelnames = tuple(channels or CHANNELS)
    image = OpenImageIO.ImageBuf(spec)
    image.set_pixels(spec.roi, np.ascontiguousarray(pixels))
    assert image.write(str(path)), image.geterror()


def read_exr(path: Path) -> tuple[list[str], Any]:
    image = OpenImageIO.ImageBuf(str(path))
    return list(image.spec().channelnames), image.get_pixels(OpenImageIO.FLOAT)


def cut(folder: Path, image: Any, windows: list[tuple[int, int, int, int]]) -> list[dict[str, Any]]:
    """Writes parts (x, y, width, height) of an image as tiles."""
    tiles = []
    for index, (x, y, width, height) in enumerate(windows):
        path = folder / f"tile-{index}.exr"
        write_exr(path, image[y : y + height, x : x + width])
        tiles.append({"path": str(path), "x": x, "y": y, "width": width, "height": height})
    return tiles


def merge(task: RecordedTask, output: Path | str, tiles: list[dict[str, Any]], **more: Any) -> None:
    parameters = {"tiles": tiles, "width": WIDTH, "height": HEIGHT, "output": str(output)} | more
    command = TaskCommand(name="merge-images", parameters=parameters, total_step_count=len(tiles))
    make_command(command).run(task.context())


GRIDS = {
    "one": [(0, 0, 30, 20)],
    "abutting": [(0, 0, 11, 20), (11, 0, 19, 20)],
    "overlapping": [(0, 0, 17, 12), (13, 0, 17, 12), (0, 8, 17, 12), (13, 8, 17, 12)],
    "odd": [(0, 0, 30, 9), (0, 7, 12, 13), (10, 7, 14, 13), (20, 7, 10, 13)],
    "much": [(0, 0, 20, 20), (5, 0, 20, 20), (10, 0, 20, 20)],
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_parts_of_an_image_make_that_image(
    tmp_path: Path, task: RecordedTask, name: str
) -> None:
    tiles = cut(tmp_path, whole_image(), GRIDS[name])
    merge(task, tmp_path / "out" / "merged.exr", tiles)
    channels, pixels = read_exr(tmp_path / "out" / "merged.exr")
    assert sorted(channels) == sorted(CHANNELS)
    order = [channels.index(channel) for channel in CHANNELS]
    np.testing.assert_allclose(pixels[:, :, order], whole_image(), rtol=1e-6)
    assert task.steps == len(tiles)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["merged.exr"]


def test_tiles_fade_into_each_other_without_an_edge(tmp_path: Path, task: RecordedTask) -> None:
    """Two tiles that differ by 1 everywhere: the step is spread over all of the overlap."""
    tiles = [
        *cut(tmp_path, whole_image() * 0, [(0, 0, 20, 20)]),
        {"path": str(tmp_path / "b.exr"), "x": 10, "y": 0, "width": 20, "height": 20},
    ]
    write_exr(tmp_path / "b.exr", (whole_image() * 0 + 1)[:, :20])
    merge(task, tmp_path / "merged.exr", tiles)
    row = read_exr(tmp_path / "merged.exr")[1][5, :, 0]
    assert (row[:10] == 0).all()
    assert (row[20:] == 1).all()
    steps = np.diff(row[9:21])
    assert (steps > 0).all()
    assert steps.max() < 0.12


def renders(folder: Path, images: list[Any], weights: list[float]) -> list[dict[str, Any]]:
    """Writes renders of the same image, as tiles without a place."""
    tiles = []
    for index, (image, weight) in enumerate(zip(images, weights, strict=True)):
        path = folder / f"render-{index}.exr"
        write_exr(path, image)
        tiles.append({"path": str(path), "weight": weight})
    return tiles


def merge_renders(task: RecordedTask, output: Path, tiles: list[dict[str, Any]]) -> Any:
    parameters = {"tiles": tiles, "output": str(output)}
    make_command(TaskCommand(name="merge-images", parameters=parameters, total_step_count=1)).run(
        task.context()
    )
    channels, pixels = read_exr(output)
    return pixels[:, :, [channels.index(channel) for channel in CHANNELS]]


def test_renders_of_the_same_image_count_by_their_weights(
    tmp_path: Path, task: RecordedTask
) -> None:
    images = [whole_image(), whole_image() * 3 - 8, whole_image()[::-1] + 0.5]
    tiles = renders(tmp_path, images, [1, 3, 4.0])
    merged = merge_renders(task, tmp_path / "merged.exr", tiles)
    expected = (images[0] + 3 * images[1] + 4 * images[2]) / 8
    np.testing.assert_allclose(merged[:, :, :2], expected[:, :, :2], rtol=1e-5, atol=1e-5)
    assert (merged[:, :, 2] == images[0][:, :, 2]).all(), "depths have no average"
    assert task.steps == 3


def test_merging_one_after_the_other_is_merging_all_at_once(
    tmp_path: Path, task: RecordedTask
) -> None:
    images = [whole_image() + shift for shift in (0, 5, -2)]
    first, second, third = renders(tmp_path, images, [10, 62, 28])
    merge_renders(task, tmp_path / "two.exr", [first, second])
    two = {"path": str(tmp_path / "two.exr"), "weight": 72}
    step_by_step = merge_renders(task, tmp_path / "three.exr", [two, third])
    at_once = merge_renders(task, tmp_path / "merged.exr", [first, second, third])
    np.testing.assert_allclose(step_by_step, at_once, rtol=1e-6)


def test_tiles_have_weights_too(tmp_path: Path, task: RecordedTask) -> None:
    left, right = cut(tmp_path, whole_image(), [(0, 0, 20, 20), (10, 0, 20, 20)])
    merge(task, tmp_path / "merged.exr", [left | {"weight": 3}, right | {"weight": 5}])
    channels, pixels = read_exr(tmp_path / "merged.exr")
    order = [channels.index(channel) for channel in CHANNELS]
    np.testing.assert_allclose(pixels[:, :, order], whole_image(), rtol=1e-6)


def test_renders_of_different_sizes_are_not_merged(tmp_path: Path, task: RecordedTask) -> None:
    tiles = renders(tmp_path, [whole_image(), whole_image()[1:]], [1, 1])
    with pytest.raises(CommandFailed, match=r"render-1\.exr is 30 × 19 pixels instead of 30 × 20"):
        merge_renders(task, tmp_path / "merged.exr", tiles)


@pytest.mark.parametrize(
    ("tile", "what"),
    [
        ({"path": "a", "weight": 0}, "has the weight 0, which must be more than 0"),
        ({"path": "a", "weight": float("nan")}, "has the weight nan, which must be more"),
        ({"path": "a", "weight": "4"}, "has the weight '4', which is not a number"),
        ({"path": "a", "x": 3}, "has a place in an image whose width and height are not given"),
    ],
)
def test_wrong_weights_are_refused(tile: dict[str, Any], what: str) -> None:
    parameters = {"tiles": [tile], "output": "b"}
    with pytest.raises(InvalidInput, match=what):
        make_command(TaskCommand(name="merge-images", parameters=parameters, total_step_count=1))


def test_only_the_passes_that_are_wanted_are_kept(tmp_path: Path, task: RecordedTask) -> None:
    tiles = cut(tmp_path, whole_image(), GRIDS["abutting"])
    merge(task, tmp_path / "merged.exr", tiles, layers=["Combined"])
    assert sorted(read_exr(tmp_path / "merged.exr")[0]) == ["L.Combined.A", "L.Combined.R"]
    with pytest.raises(CommandFailed, match="none of its passes is wanted"):
        merge(task, tmp_path / "merged.exr", tiles, layers=["Normal"])


def test_passes_may_lie_in_parts_of_the_file(tmp_path: Path, task: RecordedTask) -> None:
    tiles = cut(tmp_path, whole_image(), GRIDS["one"])
    specs = []
    for start, end in ((0, 2), (2, 3)):
        spec = OpenImageIO.ImageSpec(WIDTH, HEIGHT, end - start, OpenImageIO.FLOAT)
        spec.channelnames = tuple(CHANNELS[start:end])
        spec.attribute("name", CHANNELS[start])
        specs.append(spec)
    output = OpenImageIO.ImageOutput.create(tiles[0]["path"])
    assert output.open(tiles[0]["path"], tuple(specs)), output.geterror()
    output.write_image(np.ascontiguousarray(whole_image()[:, :, :2]))
    output.open(tiles[0]["path"], specs[1], "AppendSubimage")
    output.write_image(np.ascontiguousarray(whole_image()[:, :, 2:]))
    output.close()
    merge(task, tmp_path / "merged.exr", tiles)
    channels, pixels = read_exr(tmp_path / "merged.exr")
    assert set(channels) == set(CHANNELS)
    order = [channels.index(channel) for channel in CHANNELS]
    np.testing.assert_allclose(pixels[:, :, order], whole_image(), rtol=1e-6)


def test_tiles_that_do_not_fit_are_named(tmp_path: Path, task: RecordedTask) -> None:
    image, output = whole_image(), tmp_path / "merged.exr"
    left, right = cut(tmp_path, image, GRIDS["abutting"])
    with pytest.raises(CommandFailed, match="180 pixels of the image are in none of the tiles"):
        merge(task, output, [left, right | {"width": 10, "path": str(part(tmp_path, image))}])
    with pytest.raises(CommandFailed, match=r"tile-1\.exr is 19 × 20 pixels instead of 18 × 20"):
        merge(task, output, [left, right | {"width": 18}])
    with pytest.raises(CommandFailed, match=r"missing\.exr cannot be used: No such file"):
        merge(task, output, [left, right | {"path": str(tmp_path / "missing.exr")}])
    content = Path(right["path"]).read_bytes()
    Path(right["path"]).write_bytes(content[: len(content) // 2])
    with pytest.raises(CommandFailed, match=r"tile-1\.exr cannot be used: is a torn"):
        merge(task, output, [left, right])
    write_exr(Path(right["path"]), image[:, 11:], ["L.Combined.R", "L.Combined.A", "L.Mist.Z"])
    with pytest.raises(CommandFailed, match="does not fit the other tiles: its channels are"):
        merge(task, output, [left, right])
    assert not output.exists()


def part(folder: Path, image: Any) -> Path:
    path = folder / "part.exr"
    write_exr(path, image[:, 11:21])
    return path


def test_wrong_parameters_are_named_at_once(tmp_path: Path, task: RecordedTask) -> None:
    tiles: list[Any] = [
        {"path": "a", "x": 0, "y": 0, "width": 31, "height": 1},
        {"path": "a", "x": 0, "y": 0.5, "width": 1, "height": 1},
        {"x": 0},
        "b",
    ]
    with pytest.raises(InvalidInput) as caught:
        merge(task, "", tiles)
    assert [problem.where for problem in caught.value.problems] == [
        "parameters.tiles[0]",
        "parameters.tiles[1]",
        "parameters.tiles[2]",
        "parameters.tiles[3]",
        "parameters.output",
    ]
    with pytest.raises(InvalidInput, match="tiles: is missing or empty"):
        merge(task, tmp_path / "x.exr", [])


def test_a_cancelled_merge_leaves_nothing(tmp_path: Path, task: RecordedTask) -> None:
    tiles = cut(tmp_path, whole_image(), GRIDS["abutting"])
    task.cancellation.cancel("no longer wanted")
    with pytest.raises(Cancelled):
        merge(task, tmp_path / "merged.exr", tiles)
    assert not (tmp_path / "merged.exr").exists()
