"""Where the frames of a job are, and which task renders which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flamenco_addon.monitor.job_frames import (
    FramesNotFound,
    OutputPath,
    find_frames,
    frames_of_task,
    plan_rendering_again,
    put_aside,
)


def settings(folder: Path, name: str = "######", **more: Any) -> dict[str, Any]:
    return {"render_output_path": str(folder / name), **more}


def fill(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())


@pytest.mark.parametrize(
    ("path", "name", "frame"),
    [
        ("/r/######", "000012.png", 12),
        ("/r/######", "1234567.exr", 1234567),
        ("/r/######", "00012.png", None),
        ("/r/######", "000012.txt", None),
        ("/r/######", "-000012.png", -12),
        ("/r/shot_####_v2", "shot_0007_v2.png", 7),
        ("/r/shot_####_v2", "shot_0007_v3.png", None),
        ("/r/shot_####.png", "shot_0007.png", 7),
        ("/r/shot_", "shot_0007.jpg", 7),
        ("/r/##-####", "##-0007.png", 7),
        ("/r/######", "frames-1-10.mp4", None),
    ],
)
def test_files_of_frames_are_recognised(path: str, name: str, frame: int | None) -> None:
    assert OutputPath.parse(path).frame_of(name) == frame


def test_frames_are_found_with_their_gaps(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{frame:06}.png" for frame in (1, 2, 3, 7, 8)), "scene.mp4", "notes.txt")
    files = find_frames(settings(tmp_path))
    assert list(files.names) == [1, 2, 3, 7, 8]
    assert files.runs == [range(1, 4), range(7, 9)]
    assert files.first == tmp_path / "000001.png"


def test_the_format_of_the_job_counts_more_than_its_previews(tmp_path: Path) -> None:
    fill(tmp_path, "000001.exr", "000001.jpg", "000002.jpg")
    assert find_frames(settings(tmp_path, image_file_extension=".exr")).first.suffix == ".exr"
    assert find_frames(settings(tmp_path)).first.suffix == ".jpg"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "does not say where its frames go"),
        ({"render_output_path": "{renders}/x/####"}, "no value of that variable"),
        ({"render_output_path": "/does/not/exist/####"}, "not mounted here"),
    ],
)
def test_what_cannot_be_found_is_said_in_words(given: dict[str, str], message: str) -> None:
    with pytest.raises(FramesNotFound, match=message):
        find_frames(given)


def test_a_folder_without_frames_says_so(tmp_path: Path) -> None:
    with pytest.raises(FramesNotFound, match="no frames in"):
        find_frames(settings(tmp_path))


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("render-1-10", [*range(1, 11)]),
        ("render-7", [7]),
        ("render-1,5", [1, 5]),
        ("render--10..-8", [-10, -9, -8]),
        ("preview-video", None),
        ("render-nothing", None),
    ],
)
def test_names_of_tasks_tell_their_frames(name: str, frames: list[int] | None) -> None:
    found = frames_of_task(name)
    assert (None if found is None else list(found)) == frames


def test_rendering_again_takes_the_tasks_of_the_frames() -> None:
    tasks = [("a", "render-1-3"), ("b", "render-4-6"), ("c", "render-7-9"), ("v", "preview-video")]
    plan = plan_rendering_again(tasks, [2, 8, 40])
    assert plan.task_ids == ("a", "c")
    assert plan.frames == (1, 2, 3, 7, 8, 9)
    assert plan.missed == (40,)


def test_old_frames_are_put_aside_with_their_previews(tmp_path: Path) -> None:
    fill(tmp_path, "000001.exr", "000002.exr", "000002.jpg", "000003.exr")
    aside = put_aside(settings(tmp_path), [2, 9], "today")
    assert aside == tmp_path / "replaced-today"
    assert sorted(each.name for each in aside.iterdir()) == ["000002.exr", "000002.jpg"]
    assert (tmp_path / "000001.exr").exists()
    assert put_aside(settings(tmp_path), [9], "later") is None
    assert not (tmp_path / "replaced-later").exists()
