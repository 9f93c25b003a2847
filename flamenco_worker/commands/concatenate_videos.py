"""The command `concatenate-videos`: joins videos without encoding them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.ffmpeg import count_frames, run_ffmpeg
from flamenco_worker.commands.parameters import ParameterReader
from flamenco_worker.commands.partial_file import partial_file
from flamenco_worker.programs import find_ffmpeg


@dataclass(frozen=True, slots=True)
class ConcatenateVideos:
    """Joins all videos that a glob finds, in the order of their names; no frame may get lost."""

    exe: str
    exe_args: list[str]
    input_glob: str
    output: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        also = {"inputGlob": "input_files", "outputFile": "output_file"}
        reader = ParameterReader("concatenate-videos", parameters, also)
        exe, exe_args = reader.program(default="ffmpeg", other="ffmpeg_cmd")
        command = cls(
            exe=exe,
            exe_args=exe_args,
            input_glob=reader.text("inputGlob"),
            output=Path(reader.text("outputFile")),
        )
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        videos = sorted(glob(self.input_glob))  # noqa: PTH207 - the pattern may be absolute
        if not videos:
            raise CommandFailed(f"There are no videos to join: {self.input_glob}")
        ffmpeg = find_ffmpeg(self.exe, context.ffmpeg)
        wanted = sum(count_frames(context, ffmpeg, Path(video)) for video in videos)
        with partial_file(context, self.output) as partial:
            with _index(self.output.parent, videos) as index:
                command = [ffmpeg, *self.exe_args, "-nostdin", "-f", "concat", "-safe", "0"]
                run_ffmpeg(context, [*command, "-i", str(index), "-c", "copy", "-y", str(partial)])
            count = count_frames(context, ffmpeg, partial)
            if count != wanted:
                raise CommandFailed(f"The video has {count} frames instead of {wanted}")
        context.log(f"the video is verified: {self.output}, {wanted} frames")


@contextmanager
def _index(folder: Path, videos: list[str]) -> Iterator[Path]:
    """The list that FFmpeg's concat demuxer reads."""
    index = folder / f".{uuid4().hex[:8]}-videos.txt"
    lines = [f"file '{_quoted(Path(video).absolute().as_posix())}'\n" for video in videos]
    index.write_text("".join(lines), encoding="utf-8")
    try:
        yield index
    finally:
        index.unlink(missing_ok=True)


def _quoted(path: str) -> str:
    return path.replace("'", r"'\''")
