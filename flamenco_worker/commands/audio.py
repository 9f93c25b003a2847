"""The commands `encode-audio` and `mux`: sound for videos, decoded again once it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.ffmpeg import count_frames, run_ffmpeg, seconds_of_sound
from flamenco_worker.commands.parameters import ParameterReader
from flamenco_worker.commands.partial_file import partial_file
from flamenco_worker.programs import find_ffmpeg

LENGTH_TOLERANCE = timedelta(seconds=0.1)
"""Encoders work in blocks, and fill up the last one: AAC with up to 43 ms at 24 kHz."""


@dataclass(frozen=True, slots=True)
class EncodeAudio:
    """Encodes the sound of a file; what comes out has to be as long as what went in."""

    exe: str
    exe_args: list[str]
    input: Path
    codec: str
    bitrate: str
    """As FFmpeg takes it: `192k`."""
    output: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        also = {"inputFile": "input_file", "outputFile": "output_file"}
        reader = ParameterReader("encode-audio", parameters, also)
        exe, exe_args = reader.program(default="ffmpeg", other="ffmpeg_cmd")
        command = cls(
            exe=exe,
            exe_args=exe_args,
            input=Path(reader.text("inputFile")),
            codec=reader.text("codec"),
            bitrate=reader.text("bitrate"),
            output=Path(reader.text("outputFile")),
        )
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        ffmpeg = find_ffmpeg(self.exe, context.ffmpeg)
        wanted = seconds_of_sound(context, ffmpeg, self.input)
        with partial_file(context, self.output) as partial:
            command = [ffmpeg, *self.exe_args, "-nostdin", "-i", str(self.input)]
            command += ["-map", "0:a:0", "-c:a", self.codec, "-b:a", self.bitrate]
            run_ffmpeg(context, [*command, "-y", str(partial)])
            _check_length(context, ffmpeg, partial, wanted)
        context.log(f"the sound is verified: {self.output}, {wanted:.3f} seconds")


@dataclass(frozen=True, slots=True)
class Mux:
    """Puts a video and a sound into one file without encoding them again."""

    exe: str
    exe_args: list[str]
    video: Path
    audio: Path
    output: Path
    args: list[str]
    frames: int | None
    """How many the video has to have; None if only none may get lost."""
    fps: float | None
    """Together with `frames` it says how long the sound has to be."""

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        also = {"videoFile": "video_file", "audioFile": "audio_file", "outputFile": "output_file"}
        reader = ParameterReader("mux", parameters, also)
        exe, exe_args = reader.program(default="ffmpeg", other="ffmpeg_cmd")
        command = cls(
            exe=exe,
            exe_args=exe_args,
            video=Path(reader.text("videoFile")),
            audio=Path(reader.text("audioFile")),
            output=Path(reader.text("outputFile")),
            args=reader.texts("args"),
            frames=int(reader.number("frames", least=1)) if "frames" in parameters else None,
            fps=reader.number("fps", above=0) if "fps" in parameters else None,
        )
        if (command.frames is None) is not (command.fps is None):
            reader.wrong("frames", "and fps go together")
        reader.check()
        return command

    def run(self, context: CommandContext) -> None:
        ffmpeg = find_ffmpeg(self.exe, context.ffmpeg)
        frames = self.frames or count_frames(context, ffmpeg, self.video)
        with partial_file(context, self.output) as partial:
            command = [ffmpeg, *self.exe_args, "-nostdin"]
            command += ["-i", str(self.video), "-i", str(self.audio)]
            command += ["-map", "0:v:0", "-map", "1:a:0", "-c", "copy", *self.args]
            run_ffmpeg(context, [*command, "-y", str(partial)])
            count = count_frames(context, ffmpeg, partial)
            if count != frames:
                raise CommandFailed(f"The video has {count} frames instead of {frames}")
            if self.fps is not None:
                wanted = frames / self.fps
            else:
                wanted = seconds_of_sound(context, ffmpeg, self.audio)
            _check_length(context, ffmpeg, partial, wanted)
        context.log(f"the video with sound is verified: {self.output}, {frames} frames")


def _check_length(context: CommandContext, ffmpeg: str, path: Path, wanted: float) -> None:
    """`wanted` is in seconds."""
    found = seconds_of_sound(context, ffmpeg, path)
    if abs(found - wanted) > LENGTH_TOLERANCE.total_seconds():
        raise CommandFailed(f"The sound lasts {found:.3f} seconds instead of {wanted:.3f}")
