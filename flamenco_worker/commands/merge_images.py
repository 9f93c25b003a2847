"""The command `merge-images`: puts the tiles of an image together, or renders of the same image.

Tiles are EXR files with the same channels, placed by their upper left corner. Where they overlap
one fades into the other, so that no edge shows; channels keep their values, in 32 bits. Tiles
without a place are as large as the image. What lies on top of each other counts by weight: with
the numbers of samples as weights, the merged image is the one that has all those samples.

Some passes have no average, such as the number of an object. In those the first tile counts. Those
of Cryptomatte are lists of what a pixel shows; coverages of the same object are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from flamenco_worker.blender.image_files import ImageRefused, ImageSize, read_image
from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.cryptomatte import add_coverage, cryptomatte_sets
from flamenco_worker.commands.parameters import ParameterReader

_BLENDER_FORMAT = "OPEN_EXR"

_WITHOUT_AVERAGE = frozenset(
    {"Depth", "Position", "IndexOB", "IndexMA", "Object Index", "Material Index"}
)
"""Passes in which Blender shows one sample; it has renamed some of them in version 5."""

_PLACE = frozenset({"x", "y", "width", "height"})

_CRYPTOMATTE_NAMES = "cryptomatte/"
"""How entries of the header begin that say which object has which number."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the image; places and sizes are in pixels, counted from the upper left."""

    path: Path
    x: int
    y: int
    width: int
    height: int
    weight: float = 1
    """How much it counts where others lie, too."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What has been read of a tile."""

    channels: list[str]
    pixels: Any
    """By row, column and channel."""
    names: dict[str, str]
    """The entries of the header that belong to the pixels."""

    def averaged(self) -> list[int]:
        """Positions of the channels that hold sums until the end."""
        sets = cryptomatte_sets(self.channels)
        listed = {position for positions in sets for position in positions}
        coverages = {position for positions in sets for position in positions[1::2]}
        return [
            position
            for position, channel in enumerate(self.channels)
            if position in coverages
            or (position not in listed and _pass_of(channel) not in _WITHOUT_AVERAGE)
        ]


@dataclass(frozen=True, slots=True)
class MergeImages:
    """Merges tiles that cover a whole image into one EXR file."""

    tiles: list[Tile]
    width: int
    height: int
    """Zero if this and the width are those of the first tile."""
    layers: list[str]
    """Only passes of these names are kept; all if there are none."""
    output: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("merge-images", parameters)
        width = height = 0
        if "width" in parameters or "height" in parameters:
            width, height = (int(reader.number(name, least=1)) for name in ("width", "height"))
        command = cls(
            tiles=_read_tiles(reader, parameters.get("tiles"), width, height),
            width=width,
            height=height,
            layers=reader.texts("layers"),
            output=Path(reader.text("output")),
        )
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        import numpy as np

        if not self.width:
            self._as_large_as_the_first_tile().run(context)
            return
        read: list[_Content] = []
        canvas: Any = None
        weights = np.zeros((self.height, self.width), dtype=np.float32)
        for tile in self.tiles:
            context.cancellation.check()
            content = self._read(tile)
            if not read:
                shape = (self.height, self.width, len(content.channels))
                canvas = np.zeros(shape, dtype=np.float32)
            elif content.channels != read[0].channels:
                found, wanted = ", ".join(content.channels), ", ".join(read[0].channels)
                what = f"its channels are {found} instead of {wanted}"
                raise CommandFailed(f"{tile.path} does not fit the other tiles: {what}")
            self._add(tile, content, canvas, weights)
            # Pixels are not to stay in memory.
            read.append(replace(content, pixels=None))
            context.log(f"merged {tile.path}, which counts {tile.weight:g}")
            context.step()
        uncovered = int(np.count_nonzero(weights == 0))
        if uncovered:
            raise CommandFailed(f"{uncovered} pixels of the image are in none of the tiles")
        for position in read[0].averaged():
            canvas[:, :, position] /= weights
        self._write(canvas, read[0])
        context.statistics.add_outputs([self.output])
        context.log(f"the merged image is {self.output}, {self.width} × {self.height}")

    def _as_large_as_the_first_tile(self) -> Self:
        size = _decoded(self.tiles[0].path)
        tiles = [replace(tile, width=size.width, height=size.height) for tile in self.tiles]
        return replace(self, tiles=tiles, width=size.width, height=size.height)

    def _add(self, tile: Tile, content: _Content, canvas: Any, weights: Any) -> None:
        """Adds a tile's weighted pixels to the sums so far."""
        import numpy as np

        weight = self._weight(tile)
        place = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        is_first = weights[place] == 0
        averaged, sets = set(content.averaged()), cryptomatte_sets(content.channels)
        for positions in sets:
            add_coverage(canvas[place], content.pixels, positions, weight)
        done = {position for positions in sets for position in positions}
        for position in set(range(len(content.channels))) - done:
            sums, added = canvas[place][:, :, position], content.pixels[:, :, position]
            if position in averaged:
                sums += added * weight
            else:
                np.copyto(sums, added, where=is_first)
        weights[place] += weight

    def _read(self, tile: Tile) -> _Content:
        """The channels of a tile that are kept."""
        import numpy as np
        import OpenImageIO

        _check_tile(tile)
        channels: list[str] = []
        parts: list[Any] = []
        names: dict[str, str] = {}
        # Blender 5 may put each pass into a part of its own.
        for subimage in range(OpenImageIO.ImageBuf(str(tile.path)).nsubimages):
            image = OpenImageIO.ImageBuf(str(tile.path), subimage, 0)
            found = list(image.spec().channelnames)
            kept = [index for index, name in enumerate(found) if self._is_kept(name)]
            if not kept:
                continue
            pixels = image.get_pixels(OpenImageIO.FLOAT)
            if image.has_error or pixels is None:
                raise CommandFailed(f"The tile {tile.path} cannot be used: {image.geterror()}")
            channels += [found[index] for index in kept]
            parts.append(pixels[:, :, kept])
            for entry in image.spec().extra_attribs:
                if entry.name.startswith(_CRYPTOMATTE_NAMES):
                    names[entry.name] = str(entry.value)
        if not parts:
            what = "none of its passes is wanted"
            raise CommandFailed(f"The tile {tile.path} cannot be used: {what}")
        return _Content(channels, np.concatenate(parts, axis=2), names)

    def _is_kept(self, channel: str) -> bool:
        """Channels of Blender are called `ViewLayer.Pass.R`."""
        return not self.layers or _pass_of(channel) in self.layers

    def _weight(self, tile: Tile) -> Any:
        """How much each pixel of a tile counts: less towards the edges that others overlap."""
        import numpy as np

        across = _fade(
            tile.x, tile.width, [(other.x, other.width) for other in self.tiles if other != tile]
        )
        down = _fade(
            tile.y, tile.height, [(other.y, other.height) for other in self.tiles if other != tile]
        )
        product = np.outer(np.array(down), np.array(across)) * tile.weight
        return product.astype(np.float32)

    def _write(self, canvas: Any, content: _Content) -> None:
        import OpenImageIO

        channels = content.channels
        spec = OpenImageIO.ImageSpec(self.width, self.height, len(channels), OpenImageIO.FLOAT)
        spec.channelnames = tuple(channels)
        for name, value in content.names.items():
            spec.attribute(name, value)
        spec.attribute("compression", "zip")
        # Nobody sees half a file under the final name.
        partial = self.output.with_name(f".{self.output.stem}-{uuid4().hex[:8]}.exr")
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            image = OpenImageIO.ImageBuf(spec)
            image.set_pixels(spec.roi, canvas)
            if not image.write(str(partial)):
                raise CommandFailed(f"Cannot write {self.output}: {image.geterror()}")
            read_image(partial, _BLENDER_FORMAT)
            partial.replace(self.output)
        except (OSError, ImageRefused) as error:
            raise CommandFailed(f"Cannot write {self.output}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)


def _pass_of(channel: str) -> str:
    """The pass that a channel belongs to; Blender calls channels `ViewLayer.Pass.R`."""
    return channel.rpartition(".")[0].rpartition(".")[2]


def _check_tile(tile: Tile) -> None:
    size = _decoded(tile.path)
    if (size.width, size.height) != (tile.width, tile.height):
        found, wanted = f"{size.width} × {size.height}", f"{tile.width} × {tile.height}"
        raise CommandFailed(f"The tile {tile.path} is {found} pixels instead of {wanted}")


def _decoded(path: Path) -> ImageSize:
    """The size of a tile, whose whole file has been decoded."""
    try:
        return read_image(path, _BLENDER_FORMAT)
    except (ImageRefused, OSError) as error:
        reason = error.message if isinstance(error, ImageRefused) else error.strerror
        raise CommandFailed(f"The tile {path} cannot be used: {reason}") from error


def _read_tiles(reader: ParameterReader, value: object, width: int, height: int) -> list[Tile]:
    if not isinstance(value, list) or not value:
        reader.wrong("tiles", "is missing or empty")
        return []
    tiles: list[Tile] = []
    for index, item in enumerate(value):
        tile = _read_tile(item, width, height)
        if isinstance(tile, Tile):
            tiles.append(tile)
        else:
            reader.wrong(f"tiles[{index}]", tile)
    return tiles


def _read_tile(item: object, width: int, height: int) -> Tile | str:
    """A tile, or what is wrong with it."""
    values = item if isinstance(item, dict) else {}
    path, weight = values.get("path"), values.get("weight", 1)
    if not isinstance(path, str) or not path:
        return "has no path"
    if isinstance(weight, bool) or not isinstance(weight, (int, float)):
        return f"has the weight {weight!r}, which is not a number"
    if not 0 < weight < math.inf:
        return f"has the weight {weight:g}, which must be more than 0"
    if not _PLACE & values.keys():
        return Tile(Path(path), 0, 0, width, height, weight)
    if not width:
        return "has a place in an image whose width and height are not given"
    numbers: list[Any] = [values.get(key) for key in ("x", "y", "width", "height")]
    if not all(isinstance(number, int) for number in numbers):
        return "needs whole numbers for x, y, width and height"
    x, y, tile_width, tile_height = numbers
    tile = Tile(Path(path), x, y, tile_width, tile_height, weight)
    fits = tile.x >= 0 and tile.y >= 0 and tile.width > 0 and tile.height > 0
    if not fits or tile.x + tile.width > width or tile.y + tile.height > height:
        return f"lies outside of the image of {width} × {height} pixels"
    return tile


def _fade(start: int, length: int, others: Sequence[tuple[int, int]]) -> list[float]:
    """Weights along one side of a tile; they fall off where neighbours reach into it."""
    end = start + length
    reaches_in = [e for s, n in others if s < start < (e := s + n) < end]
    begins_within = [s for s, n in others if start < s < end < s + n]
    left = max(reaches_in, default=start) - start
    right = end - min(begins_within, default=end)
    return [
        min(1.0, (place + 0.5) / left if left else math.inf)
        * min(1.0, (length - place - 0.5) / right if right else math.inf)
        for place in range(length)
    ]
