"""The job type `video-edit-render` in real Blenders: every frame and the sound are in the video."""

from __future__ import annotations

import math
import struct
import subprocess
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flamenco_core.manager import Manager
from flamenco_worker.commands import CommandFailed
from flamenco_worker.programs import find_ffmpeg
from tests.flamenco_worker.blenders import BlenderProgram
from tests.flamenco_worker.carried_out import carry_out
from tests.flamenco_worker.conftest import RecordedTask

FPS = 12
LAST = 12
RATE = 48_000
TONE = 750
"""Hertz; the tone is heard in frames 4 to 9 only."""

EDIT = """
scene.render.fps = 12
scene.view_settings.view_transform = 'Standard'
scene.render.use_sequencer = False
scene.render.resolution_percentage = 100
scene.render.resolution_x, scene.render.resolution_y = 33, 19
scene.frame_start, scene.frame_end = 1, 12
scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 2, 3
editor = scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, 'strips') else editor.sequences
end = 'length' if bpy.app.version >= (5,) else 'frame_end'
colour = strips.new_effect(name='red', type='COLOR', channel=1, frame_start=1, **{{end: 7}})
colour.color = (1, 0, 0)
colour.frame_final_end = 7
image = strips.new_image('green', {folder!r} + '/green.png', 1, 7)
image.frame_final_end = 13
strips.new_sound('tone', {folder!r} + '/tone.wav', 2, 4)
"""
"""Six frames of red, then six of green. What would be in the way of an edit is set wrong."""

NESTED_EDIT = """
def strips_of(owner):
    return owner.strips if hasattr(owner, 'strips') else owner.sequences
def gone(owner, name, channel, first):
    return strips_of(owner).new_image(name, '/none/' + name + '.png', channel, first)
editor = scene.sequence_editor_create()
gone(editor, 'muted', 1, 1).mute = True
gone(editor, 'in_muted_channel', 2, 1)
editor.channels[2].mute = True
gone(editor, 'later', 3, 40)
meta = strips_of(editor).new_meta('meta', 4, 1)
gone(meta, 'in_meta', 1, 1).frame_final_end = 9
meta.frame_final_end = 9
other = bpy.data.scenes.new('other')
gone(other.sequence_editor_create(), 'in_scene', 1, 1)
strips_of(editor).new_scene('scene', other, 5, 1).scene_input = 'SEQUENCER'
strips_of(other.sequence_editor).new_scene('circle', scene, 5, 1).scene_input = 'SEQUENCER'
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


@pytest.fixture(scope="module")
def edit(blender: BlenderProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"edit-{blender.name}")
    Image.new("RGB", (33, 19), (0, 160, 40)).save(folder / "green.png")
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        wanted = (math.sin(2 * math.pi * TONE * index / RATE) for index in range(RATE // 2))
        file.writeframes(b"".join(struct.pack("<h", round(16_000 * value)) for value in wanted))
    return blender.make_blend(folder / "edit.blend", EDIT.format(folder=str(folder)))


def settings_for(edit: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    settings = {
        "frames": f"1-{LAST}",
        "chunk_size": 5,
        "fps": FPS,
        "blendfile": str(edit),
        "scene": "Scene",
        "render_output_root": str(folder),
        "render_output_path": f"{folder}/out/######",
    }
    return settings | changes


def test_frames_and_sound_of_the_edit_are_in_the_video(
    manager: Manager,
    blender: BlenderProgram,
    edit: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    logs = carry_out(manager, blender, new_task, "video-edit-render", settings_for(edit, tmp_path))
    assert set(logs) == {
        *("render-1-5", "render-6-10", "render-11,12", "mix-sound", "encode-sound"),
        *("encode-video", "mux"),
    }
    rendered = sorted((tmp_path / "out").glob("*.png"))
    assert [path.name for path in rendered] == [f"{number:06}.png" for number in range(1, 13)]
    for number, path in enumerate(rendered, start=1):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGB", (33, 19))
            check_colour(np.asarray(image), number)

    video = tmp_path / "out/edit.mp4"
    pixels = decoded(video, "-map", "0:v:0", "-f", "rawvideo", "-pix_fmt", "rgb24")
    frames = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 20, 34, 3)
    assert len(frames) == LAST
    for number, frame in enumerate(frames, start=1):
        check_colour(frame[:18, :32], number)
    assert seconds_of_video(video) == pytest.approx(LAST / FPS)
    check_sound(video)
    assert {path.name for path in (tmp_path / "out/parts").iterdir()} == {
        *("picture.mp4", "sound.flac", "sound.m4a"),
    }


def test_a_part_of_an_edit_has_its_part_of_the_sound(
    manager: Manager,
    blender: BlenderProgram,
    edit: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    changes = {"frames": "8-11", "format": "JPEG"}
    settings = settings_for(edit, tmp_path, **changes)
    carry_out(manager, blender, new_task, "video-edit-render", settings)
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 4
    sound = sound_of(tmp_path / "out/edit.mp4")
    assert len(sound) / RATE == pytest.approx(4 / FPS, abs=0.05)
    # Frames 8 and 9 sound, 10 and 11 do not.
    assert loudness(sound[2000:6000]) > 0.2
    assert loudness(sound[9500:15000]) < 0.01


def test_an_edit_may_have_no_sound(
    manager: Manager,
    blender: BlenderProgram,
    edit: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    settings = settings_for(edit, tmp_path, frames="6-7", sound=False)
    logs = carry_out(manager, blender, new_task, "video-edit-render", settings)
    assert set(logs) == {"render-6,7", "encode-video"}
    with pytest.raises(subprocess.CalledProcessError):
        sound_of(tmp_path / "out/edit.mp4")


@pytest.mark.parametrize("name", ["green.png", "tone.wav"])
def test_an_edit_with_a_missing_file_is_not_rendered_without_it(
    manager: Manager,
    blender: BlenderProgram,
    edit: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
    name: str,
) -> None:
    source = edit.parent / name
    hidden = source.rename(edit.parent / "hidden")
    settings = settings_for(edit, tmp_path, frames="5-8", chunk_size=4)
    try:
        with pytest.raises(CommandFailed, match=rf"1 files of the edit are missing: .*{name}"):
            carry_out(manager, blender, new_task, "video-edit-render", settings)
    finally:
        hidden.rename(source)
    assert not list((tmp_path / "out").glob("*.png"))


def test_missing_files_are_looked_for_where_the_edit_reaches(
    manager: Manager,
    blender: BlenderProgram,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    nested = blender.make_blend(tmp_path / "nested.blend", NESTED_EDIT)
    settings = settings_for(nested, tmp_path, frames="5")
    missing = "2 files of the edit are missing: /none/in_meta.png, /none/in_scene.png$"
    with pytest.raises(CommandFailed, match=missing):
        carry_out(manager, blender, new_task, "video-edit-render", settings)


def test_a_scene_without_an_edit_is_refused(
    manager: Manager,
    blender: BlenderProgram,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    empty = blender.make_blend(tmp_path / "empty.blend", "scene.sequence_editor_create()")
    settings = settings_for(empty, tmp_path)
    with pytest.raises(CommandFailed, match="the sequencer of the scene 'Scene' is empty"):
        carry_out(manager, blender, new_task, "video-edit-render", settings)


def test_another_frame_rate_than_the_scene_has_is_refused(
    manager: Manager,
    blender: BlenderProgram,
    edit: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    settings = settings_for(edit, tmp_path, frames="1-2", fps=25)
    with pytest.raises(CommandFailed, match="has 12 frames a second, and the job has 25"):
        carry_out(manager, blender, new_task, "video-edit-render", settings)
    assert not (tmp_path / "out/parts").exists()


def check_colour(pixels: Any, frame: int) -> None:
    wanted = (255, 0, 0) if frame < 7 else (0, 160, 40)
    assert np.abs(pixels.astype(int) - wanted).max() < 12, f"frame {frame}"


def check_sound(video: Path) -> None:
    sound = sound_of(video)
    assert len(sound) / RATE == pytest.approx(LAST / FPS, abs=0.05)
    silent = [sound[2000:10_000], sound[38_000:46_000]]
    assert all(loudness(part) < 0.01 for part in silent)
    heard = sound[16_000:32_000]
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * RATE / len(heard) == pytest.approx(TONE, abs=3)
    assert loudness(heard) > 0.2


def sound_of(video: Path) -> Any:
    """The left channel."""
    samples = decoded(video, "-map", "0:a:0", "-f", "f32le", "-ar", str(RATE), "-ac", "2")
    return np.frombuffer(samples, dtype=np.float32)[::2]


def loudness(samples: Any) -> float:
    return float(np.sqrt((samples**2).mean()))


def seconds_of_video(video: Path) -> float:
    text = decoded(video, "-map", "0:v:0", "-f", "framecrc", "-c", "copy").decode()
    (base,) = (line.split()[2] for line in text.splitlines() if line.startswith("#tb 0"))
    unit = int(base.partition("/")[0]) / int(base.partition("/")[2])
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return sum(int(row[3]) for row in rows) * unit


def decoded(video: Path, *arguments: str) -> bytes:
    command = [find_ffmpeg("ffmpeg", ""), "-nostdin", "-v", "error", "-i", str(video)]
    return subprocess.run([*command, *arguments, "-"], check=True, capture_output=True).stdout
