"""The command `denoise`: takes the noise out of EXR files that are rendered already.

Blender's compositor does it with OpenImageDenoise, and with the denoising passes where a file has
them. Everything else in the file stays as it is, also the other passes and their precision. With
`frames`, `input` and `output` have `#` signs for the frame number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from flamenco_core.errors import FlamencoError, InvalidInput
from flamenco_core.frames import frame_in_file_name, parse_frames
from flamenco_worker.blender import in_blender_denoise
from flamenco_worker.blender.image_files import ImageRefused, ImageSize, read_image
from flamenco_worker.blender.in_blender_denoise import DONE_PREFIX
from flamenco_worker.blender.output import Event, OutputParser, Trouble
from flamenco_worker.blender.render_arguments import PYTHON_EXIT_CODE
from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader
from flamenco_worker.commands.partial_file import partial_file

_EXR = "OPEN_EXR"
_COMBINED = "Combined"


@dataclass(frozen=True, slots=True)
class _Image:
    source: Path
    output: Path


@dataclass(frozen=True, slots=True)
class Denoise:
    """Denoises one EXR file, or one for each frame."""

    executable: list[str]
    images: list[_Image]

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("denoise", parameters)
        executable = [reader.text("exe"), *reader.shell_words("exeArgs")]
        source, output = reader.text("input"), reader.text("output")
        frames = reader.text("frames", default="")
        images = [_Image(Path(source), Path(output))]
        if frames:
            images = _of_frames(reader, source, output, frames)
        reader.check()
        return cls(executable, images)

    def run(self, context: CommandContext) -> None:
        waiting = [image for image in self.images if not _is_there(context, image)]
        sizes = [_size(image.source) for image in waiting]
        if not waiting:
            context.log("every file is there already, whole; nothing is left to denoise")
            return
        with tempfile.TemporaryDirectory(prefix="flamenco-denoise-") as folder:
            self._denoise(context, waiting, sizes, Path(folder))

    def _denoise(
        self, context: CommandContext, images: list[_Image], sizes: list[ImageSize], folder: Path
    ) -> None:
        layers = [
            {layer: str(folder / f"{number}-{place}.exr") for place, layer in enumerate(found)}
            for number, found in enumerate(_layers(image.source) for image in images)
        ]
        requests = [
            {"image": str(image.source), "size": [size.width, size.height], "layers": found}
            for image, size, found in zip(images, sizes, layers, strict=True)
        ]
        troubles: list[Trouble] = []

        def on_event(event: Event) -> None:
            if isinstance(event, Trouble):
                troubles.append(event)

        parser = OutputParser(on_event)
        done: list[int] = []
        failures: list[FlamencoError] = []

        def on_line(line: str) -> None:
            parser.feed(line)
            if line.startswith(DONE_PREFIX):
                number = int(line.removeprefix(DONE_PREFIX))
                try:
                    _put_together(context, images[number], layers[number])
                except FlamencoError as error:
                    failures.append(error)
                else:
                    done.append(number)
                    context.step()

        context.statistics.blender_starts()
        finished = context.run(self._command_line(folder, requests), on_line, hidden=DONE_PREFIX)
        if failures:
            raise failures[0]
        if finished.exit_code or len(done) < len(images):
            # The first is the cause; the others are what came of it.
            said = [trouble.sentence for trouble in troubles[:1]]
            what = f"Blender denoised {len(done)} of {len(images)} files"
            raise CommandFailed(". ".join([what, *said]))

    def _command_line(self, folder: Path, requests: list[dict[str, Any]]) -> list[str]:
        # In a file, since many frames would be too much for a command line of Windows.
        script = folder / "denoise.py"
        script.write_text(
            "import runpy\n"
            f"runpy.run_path({in_blender_denoise.__file__!r}, "
            f"init_globals={{'REQUEST': {requests!r}}})\n",
            encoding="utf-8",
        )
        background = [] if {"-b", "--background"} & {*self.executable} else ["--background"]
        return [
            *self.executable,
            *background,
            "--factory-startup",
            *("--python-exit-code", str(PYTHON_EXIT_CODE)),
            *("--python", str(script)),
        ]


def _of_frames(reader: ParameterReader, source: str, output: str, frames: str) -> list[_Image]:
    for name, path in (("input", source), ("output", output)):
        if "#" not in path:
            reader.wrong(name, f"is {path!r}, which has no # for the number of the frame")
    try:
        numbers = [*parse_frames(frames)]
    except InvalidInput as error:
        reader.wrong("frames", f"are {frames!r}: {error.message}")
        return []
    return [
        _Image(Path(_with_frame(source, number)), Path(_with_frame(output, number)))
        for number in numbers
    ]


def _with_frame(path: str, frame: int) -> str:
    head, _, rest = path.partition("#")
    digits = 1 + len(rest) - len(rest.lstrip("#"))
    return f"{head}{frame_in_file_name(frame, digits)}{rest.lstrip('#')}"


def _is_there(context: CommandContext, image: _Image) -> bool:
    """Whether the output is there, whole and as large as the input."""
    if image.source == image.output:
        return False
    try:
        if read_image(image.output, _EXR) != read_image(image.source, _EXR):
            return False
    except (ImageRefused, OSError):
        return False
    context.log(f"{image.output} is there already, whole")
    context.step()
    return True


def _size(path: Path) -> ImageSize:
    """Of a file that has been decoded whole."""
    try:
        return read_image(path, _EXR)
    except (ImageRefused, OSError) as error:
        reason = error.message if isinstance(error, ImageRefused) else error.strerror
        raise CommandFailed(f"The image {path} cannot be denoised: {reason}") from error


def _layers(path: Path) -> list[str]:
    """The layers that have a picture; an empty name for a file without layers."""
    names = [name for spec in _specs(path) for name in spec.channelnames]
    found = [
        name.removesuffix(f".{_COMBINED}.R") for name in names if name.endswith(f".{_COMBINED}.R")
    ]
    return list(dict.fromkeys(found)) or [""]


def _specs(path: Path) -> list[Any]:
    import OpenImageIO

    image = OpenImageIO.ImageInput.open(str(path))
    specs: list[Any] = []
    while image.seek_subimage(len(specs), 0):
        specs.append(image.spec())
    image.close()
    return specs


def _put_together(context: CommandContext, image: _Image, layers: Mapping[str, str]) -> None:
    """Writes the input with the colours of its pictures replaced."""
    import OpenImageIO

    denoised = {
        layer: OpenImageIO.ImageBuf(path).get_pixels(OpenImageIO.FLOAT)
        for layer, path in layers.items()
    }
    specs = _specs(image.source)
    source = OpenImageIO.ImageInput.open(str(image.source))
    with partial_file(context, image.output) as partial:
        target = OpenImageIO.ImageOutput.create(str(partial))
        is_open = target.open(str(partial), tuple(specs))
        for number, spec in enumerate(specs):
            pixels = source.read_image(number, 0, 0, spec.nchannels, OpenImageIO.FLOAT)
            for layer, colours in denoised.items() if pixels is not None else ():
                _replace_colours(pixels, list(spec.channelnames), layer, colours)
            if number:
                is_open = is_open and target.open(str(partial), spec, "AppendSubimage")
            if pixels is None or not is_open or not target.write_image(pixels):
                raise CommandFailed(f"Cannot write {image.output}: {target.geterror()}")
        target.close()
        source.close()
        _size(partial)
    context.log(f"{image.output} is denoised and verified")


def _replace_colours(pixels: Any, channels: list[str], layer: str, colours: Any) -> None:
    before = f"{layer}.{_COMBINED}." if layer else ""
    for place, colour in enumerate("RGB"):
        if f"{before}{colour}" in channels:
            pixels[:, :, channels.index(f"{before}{colour}")] = colours[:, :, place]
