"""Looks at rendered frames and videos with programs of others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

import demo_scene

TOLERANCE = 3  # of 255, per channel: rounding differs between versions of Blender


def frames_in(folder: Path) -> list[str]:
    """The names of all files in a folder, hidden ones too, and folders."""
    return sorted(file.name for file in folder.iterdir())


def files_below(folder: Path, pattern: str) -> list[Path]:
    """What is there while folders come and go, as those of attempts do; in doubt nothing."""
    try:
        return list(folder.rglob(pattern))
    except FileNotFoundError:
        return []


def decoded_size(frame: Path) -> tuple[int, int]:
    """The size in pixels, after decoding the whole file."""
    with Image.open(frame) as image:
        image.load()
        return image.size


def pixel_faults(frame: Path) -> list[str]:
    """What in a frame of the demo scene is not as it must be; decodes the whole file."""
    with Image.open(frame) as image:
        image.load()
        faults = []
        if image.size != demo_scene.RESOLUTION:
            faults.append(f"{frame.name} has {image.size} pixels")
        for what, place, colour in (
            ("texture", demo_scene.TEXTURE_AT, demo_scene.TEXTURE_COLOUR),
            ("linked object", demo_scene.LINKED_AT, demo_scene.LINKED_COLOUR),
        ):
            seen = image.convert("RGB").getpixel(place)
            assert isinstance(seen, tuple)
            if max(abs(is_ - should) for is_, should in zip(seen, colour, strict=True)) > TOLERANCE:
                faults.append(f"{frame.name}: the {what} shows {seen} instead of {colour}")
    return faults


def probe_video(video: Path) -> dict[str, Any]:
    """What ffprobe says of the first video stream; the frames are counted by decoding them."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames", "-of", "json"]
    answer = subprocess.run(
        [*command, "-show_streams", video], check=True, capture_output=True, text=True
    )
    (stream,) = json.loads(answer.stdout)["streams"]
    return {
        "frames": int(stream["nb_read_frames"]),
        "size": (stream["width"], stream["height"]),
        "rate": stream["r_frame_rate"],
        "codec": stream["codec_name"],
    }
