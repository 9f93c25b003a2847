"""The command `frames-to-video`: joins frames with FFmpeg, and counts what came out."""

from __future__ import annotations

import re
import sys
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

INDEX_NAME = "ffmpeg-file-index.txt"
"""The list of frames, on Windows, where FFmpeg cannot expand a glob."""

_CHANGES_FRAME_COUNT = re.compile(
    r"^-(?:t|to|ss|sseof|frames(?::v)?|vframes|fs|filter_complex|loop|stream_loop)$"
    r"|\b(?:fps|framerate|minterpolate|select|setpts|trim|loop|tpad|decimate|tile)="
)
"""Arguments that make a video with another number of frames than it was made from."""


@dataclass(frozen=True, slots=True)
class FramesToVideo:
    """Makes a video of all files that a glob finds, in the order of their names."""

    exe: str
    exe_args: list[str]
    args_before: list[str]
    input_glob: str
    args: list[str]
    fps: float
    output: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("frames-to-video", parameters)
        command = cls(
            exe=reader.text("exe"),
            exe_args=reader.shell_words("exeArgs"),
            args_before=reader.texts("argsBefore"),
            input_glob=reader.text("inputGlob"),
            args=reader.texts("args"),
            fps=reader.number("fps", above=0),
            output=Path(reader.text("outputFile")),
        )
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        frames = sorted(glob(self.input_glob))  # noqa: PTH207 - the pattern may be absolute
        if not frames:
            raise CommandFailed(f"There are no frames to make a video of: {self.input_glob}")
        ffmpeg = find_ffmpeg(self.exe, context.ffmpeg)
        with partial_file(context, self.output) as partial:
            with self._input_arguments(frames) as input_arguments:
                self._encode(context, ffmpeg, input_arguments, partial)
            self._verify(context, ffmpeg, partial, len(frames))
        context.log(f"the video is verified: {self.output}, {len(frames)} frames went in")

    def _encode(
        self, context: CommandContext, ffmpeg: str, input_arguments: list[str], output: Path
    ) -> None:
        # Without -nostdin FFmpeg would look for keys; -y since the partial name is ours alone.
        command = [ffmpeg, *self.exe_args, "-nostdin", *self.args_before, *input_arguments]
        run_ffmpeg(context, [*command, *self.args, "-r", f"{self.fps:g}", "-y", str(output)])

    @contextmanager
    def _input_arguments(self, frames: list[str]) -> Iterator[list[str]]:
        """Names the frames and their rate; without a rate FFmpeg takes 25 a second."""
        if sys.platform == "win32":
            index = Path(frames[0]).with_name(f"{uuid4().hex[:8]}-{INDEX_NAME}")
            index.write_text(frame_index(frames, self.fps), encoding="utf-8")
            try:
                yield ["-f", "concat", "-safe", "0", "-i", index.as_posix()]
            finally:
                index.unlink(missing_ok=True)
        else:
            yield ["-r", f"{self.fps:g}", "-pattern_type", "glob", "-i", self.input_glob]

    def _verify(
        self, context: CommandContext, ffmpeg: str, video: Path, frames_expected: int
    ) -> None:
        """Decodes the whole video and counts its frames."""
        count = count_frames(context, ffmpeg, video)
        arguments = [*self.exe_args, *self.args_before, *self.args]
        rates = {arguments[i + 1] for i, arg in enumerate(arguments[:-1]) if arg == "-r"}
        is_changed = any(_CHANGES_FRAME_COUNT.search(argument) for argument in arguments)
        if not is_changed and rates <= {f"{self.fps:g}"} and count != frames_expected:
            raise CommandFailed(f"The video has {count} frames instead of {frames_expected}")
        if count == 0:
            raise CommandFailed("The video has no frames")


def frame_index(frames: list[str], fps: float) -> str:
    """The list of frames in the form that FFmpeg's concat demuxer reads."""
    lines = []
    for frame in frames:
        name = Path(frame).name.replace("'", r"'\''")
        lines.append(f"file '{name}'\nduration {1 / fps:f}\n")
    return "".join(lines)
