"""The command `merge-images`: puts the tiles of an image together.

Tiles are EXR files with the same channels, placed by their upper left corner. Where they overlap
one fades into the other, so that no edge shows; channels keep their values, in 32 bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from flamenco_worker.blender.image_files import ImageRefused, read_image
from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader

_BLENDER_FORMAT = "OPEN_EXR"


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the image; places and sizes are in pixels, counted from the upper left."""

    path: Path
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MergeImages:
    """Merges tiles that cover a whole image into one EXR file."""

    tiles: list[Tile]
    width: int
    height: int
    layers: list[str]
    """Only passes of these names are kept; all if there are none."""
    output: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("merge-images", parameters)
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

        canvas: Any = None
        channels: list[str] = []
        weights = np.zeros((self.height, self.width, 1), dtype=np.float32)
        for tile in self.tiles:
            context.cancellation.check()
            names, pixels = self._read(tile)
            if canvas is None:
                channels = names
                shape = (self.height, self.width, len(channels))
                canvas = np.zeros(shape, dtype=np.float32)
            elif names != channels:
                what = f"its channels are {', '.join(names)} instead of {', '.join(channels)}"
                raise CommandFailed(f"{tile.path} does not fit the other tiles: {what}")
            weight = self._weight(tile)
            place = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            canvas[place] += pixels * weight
            weights[place] += weight
            context.log(f"merged {tile.path}")
            context.step()
        uncovered = int(np.count_nonzero(weights == 0))
        if uncovered:
            raise CommandFailed(f"{uncovered} pixels of the image are in none of the tiles")
        canvas /= weights
        self._write(canvas, channels)
        context.log(f"the merged image is {self.output}, {self.width} × {self.height}")

    def _read(self, tile: Tile) -> tuple[list[str], Any]:
        """The names of the channels that are kept, and their pixels."""
        import numpy as np
        import OpenImageIO

        _check_tile(tile)
        names: list[str] = []
        parts: list[Any] = []
        # Blender 5 may put each pass into a part of its own.
        for subimage in range(OpenImageIO.ImageBuf(str(tile.path)).nsubimages):
            image = OpenImageIO.ImageBuf(str(tile.path), subimage, 0)
            channels = list(image.spec().channelnames)
            kept = [index for index, name in enumerate(channels) if self._is_kept(name)]
            if not kept:
                continue
            pixels = image.get_pixels(OpenImageIO.FLOAT)
            if image.has_error or pixels is None:
                raise CommandFailed(f"The tile {tile.path} cannot be used: {image.geterror()}")
            names += [channels[index] for index in kept]
            parts.append(pixels[:, :, kept])
        if not parts:
            what = "none of its passes is wanted"
            raise CommandFailed(f"The tile {tile.path} cannot be used: {what}")
        return names, np.concatenate(parts, axis=2)

    def _is_kept(self, channel: str) -> bool:
        """Channels of Blender are called `ViewLayer.Pass.R`."""
        layer = channel.rpartition(".")[0].rpartition(".")[2]
        return not self.layers or layer in self.layers

    def _weight(self, tile: Tile) -> Any:
        """How much each pixel of a tile counts: less towards the edges that others overlap."""
        import numpy as np

        across = _fade(
            tile.x, tile.width, [(other.x, other.width) for other in self.tiles if other != tile]
        )
        down = _fade(
            tile.y, tile.height, [(other.y, other.height) for other in self.tiles if other != tile]
        )
        product = np.outer(np.array(down), np.array(across)).astype(np.float32)
        return product[:, :, np.newaxis]

    def _write(self, canvas: Any, channels: Sequence[str]) -> None:
        import OpenImageIO

        spec = OpenImageIO.ImageSpec(self.width, self.height, len(channels), OpenImageIO.FLOAT)
        spec.channelnames = tuple(channels)
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


def _check_tile(tile: Tile) -> None:
    """Decodes the whole file."""
    try:
        size = read_image(tile.path, _BLENDER_FORMAT)
    except (ImageRefused, OSError) as error:
        reason = error.message if isinstance(error, ImageRefused) else error.strerror
        raise CommandFailed(f"The tile {tile.path} cannot be used: {reason}") from error
    if (size.width, size.height) != (tile.width, tile.height):
        found, wanted = f"{size.width} × {size.height}", f"{tile.width} × {tile.height}"
        raise CommandFailed(f"The tile {tile.path} is {found} pixels instead of {wanted}")


def _read_tiles(reader: ParameterReader, value: object, width: int, height: int) -> list[Tile]:
    if not isinstance(value, list) or not value:
        reader.wrong("tiles", "is missing or empty")
        return []
    tiles: list[Tile] = []
    for index, item in enumerate(value):
        name = f"tiles[{index}]"
        numbers: list[Any] = [
            item.get(key) if isinstance(item, dict) else None
            for key in ("x", "y", "width", "height")
        ]
        path = item.get("path") if isinstance(item, dict) else None
        if not isinstance(path, str) or not path:
            reader.wrong(name, "has no path")
        elif not all(isinstance(number, int) for number in numbers):
            reader.wrong(name, "needs whole numbers for x, y, width and height")
        else:
            tile = Tile(Path(path), *numbers)
            fits = tile.x >= 0 and tile.y >= 0 and tile.width > 0 and tile.height > 0
            if not fits or tile.x + tile.width > width or tile.y + tile.height > height:
                reader.wrong(name, f"lies outside of the image of {width} × {height} pixels")
            tiles.append(tile)
    return tiles


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
