"""What commands that work with FFmpeg have in common: running it, and decoding what came out."""

from __future__ import annotations

import re
from pathlib import Path

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.programs import find_ffprobe


def run_ffmpeg(context: CommandContext, command: list[str]) -> None:
    """Runs a command line of FFmpeg; the last thing it said is part of the error."""
    said: list[str] = []
    finished = context.run(command, lambda line: said.append(line) if line.strip() else None)
    if finished.exit_code:
        last = f": {said[-1].strip()}" if said else ""
        raise CommandFailed(f"FFmpeg ended with exit code {finished.exit_code}{last}")


def count_frames(context: CommandContext, ffmpeg: str, video: Path) -> int:
    """How many frames can be decoded; fails if one of them cannot."""
    ffprobe = find_ffprobe(ffmpeg)
    if ffprobe is None:
        command = _decoding(ffmpeg, video, "0:v:0")
        return _last_number(context, command, r"frame=(\d+)$", f"The video {video}")
    command = [ffprobe, "-v", "error", "-count_frames", "-select_streams", "v:0"]
    command += ["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", str(video)]
    return _last_number(context, command, r"(\d+),?$", f"The video {video}")


def seconds_of_sound(context: CommandContext, ffmpeg: str, sound: Path) -> float:
    """How long the first sound track is when it is decoded; fails if a part cannot be."""
    command = _decoding(ffmpeg, sound, "0:a:0")
    return _last_number(context, command, r"out_time_us=(\d+)$", f"The sound of {sound}") / 1e6


def _decoding(ffmpeg: str, path: Path, stream: str) -> list[str]:
    command = [ffmpeg, "-nostdin", "-v", "error", "-xerror", "-i", str(path)]
    return [*command, "-map", stream, "-f", "null", "-progress", "pipe:1", "-"]


def _last_number(context: CommandContext, command: list[str], pattern: str, what: str) -> int:
    """The number on the last line that fits; other lines without a `=` are complaints."""
    numbers: list[int] = []
    said: list[str] = []

    def handle(line: str) -> None:
        match = re.match(pattern, line.strip())
        if match:
            numbers.append(int(match[1]))
        elif "=" not in line and line.strip():
            said.append(line.strip())

    finished = context.run(command, handle)
    if finished.exit_code or not numbers or said:
        reason = said[-1] if said else f"exit code {finished.exit_code}"
        raise CommandFailed(f"{what} cannot be decoded: {reason}")
    return numbers[-1]
