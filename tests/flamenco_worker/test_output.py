"""Reads what real Blenders have printed; see `recordings`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flamenco_worker.blender.output import (
    Event,
    FrameProgress,
    FrameSaved,
    FrameSkipped,
    OutputParser,
    Trouble,
    TroubleKind,
)

RECORDINGS = Path(__file__).with_name("recordings")
VERSIONS = ("3.4", "4.5", "5.0")


def events_of(name: str) -> list[Event]:
    events: list[Event] = []
    parser = OutputParser(events.append)
    for line in (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        parser.feed(line)
    return events


def troubles_of(name: str) -> list[Trouble]:
    return [event for event in events_of(name) if isinstance(event, Trouble)]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_saved_frame_is_seen(version: str) -> None:
    saved = [
        event.path for event in events_of(f"{version}-two-frames") if type(event) is FrameSaved
    ]
    assert saved == ["/projects/out/000001.png", "/projects/out/000002.png"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_preview_beside_an_exr_is_seen(version: str) -> None:
    events = events_of(f"{version}-exr-with-preview")
    saved = [event.path for event in events if isinstance(event, FrameSaved)]
    assert saved == ["/projects/out/000003.exr", "/projects/out/000003.jpg"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_without_trouble_has_none(version: str) -> None:
    assert troubles_of(f"{version}-two-frames") == []


@pytest.mark.parametrize("version", ["3.4", "4.5"])
def test_sample_progress_of_cycles_is_seen(version: str) -> None:
    assert FrameProgress(2, 4, 4) in events_of(f"{version}-two-frames")


def test_sample_progress_of_eevee_is_seen() -> None:
    assert FrameProgress(6, 2, 2) in events_of("3.4-eevee")


@pytest.mark.parametrize("version", ["3.4", "4.5"])
def test_a_skipped_frame_is_seen(version: str) -> None:
    assert FrameSkipped("/projects/out/000001.png") in events_of(f"{version}-skipped")


@pytest.mark.parametrize("version", VERSIONS)
def test_that_nothing_was_rendered_is_seen(version: str) -> None:
    (trouble,) = troubles_of(f"{version}-skipped")
    assert trouble.kind is TroubleKind.NOTHING_RENDERED


DECISIVE = {
    "wrong-scene": (
        TroubleKind.MISSING_SCENE,
        (
            "There is no scene 'Nope' in /projects/scene.blend; "
            "Blender would have rendered another one"
        ),
    ),
    "missing-file": (
        TroubleKind.CANNOT_OPEN,
        "Blender cannot open /projects/missing.blend: No such file or directory",
    ),
    "damaged-file": (
        TroubleKind.CANNOT_OPEN,
        "Blender cannot read /projects/broken.blend, the file is damaged: Missing DNA block",
    ),
    "no-blend-file": (
        TroubleKind.CANNOT_OPEN,
        "/projects/garbage.blend is not a .blend file that this Blender can read",
    ),
    "python-raises": (
        TroubleKind.PYTHON,
        "Python failed in Blender: ValueError: no such texture",
    ),
    "python-raises-with-exit-code": (
        TroubleKind.PYTHON,
        "Python failed in Blender: ValueError: no such texture",
    ),
    "python-syntax": (
        TroubleKind.PYTHON,
        "Python failed in Blender: SyntaxError: invalid syntax",
    ),
    "bad-frames": (
        TroubleKind.BAD_ARGUMENT,
        "Blender cannot use the frames '1,,2': incorrect comma use",
    ),
    "reversed-frames": (
        TroubleKind.BAD_ARGUMENT,
        "Blender cannot use the frames '3..1': negative range ignored",
    ),
    "no-engine": (TroubleKind.BAD_ARGUMENT, "This Blender has no render engine 'NOPE'"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", DECISIVE)
def test_what_spoils_the_frames_is_decisive_and_has_its_sentence(version: str, name: str) -> None:
    kind, sentence = DECISIVE[name]
    assert troubles_of(f"{version}-{name}")[0] == Trouble(kind, sentence, decisive=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_missing_script_is_decisive(version: str) -> None:
    trouble = troubles_of(f"{version}-python-no-script")[0]
    assert trouble.decisive
    assert "missing.py" in trouble.sentence
    assert "could not be opened" in trouble.sentence


EXPLAINING = {
    "no-camera": (TroubleKind.RENDER_ERROR, "The scene has no camera"),
    "missing-library": (TroubleKind.MISSING_LIBRARY, "/projects/liba.blend is missing"),
    "cannot-save": (TroubleKind.CANNOT_SAVE, "Blender cannot write '?/proc/nope/001.png"),
    "handler-raises": (TroubleKind.PYTHON, "Python failed in Blender: KeyError: 'rig'"),
    "no-format": (TroubleKind.BAD_ARGUMENT, "does not know the format"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", EXPLAINING)
def test_what_only_explains_a_failure_is_not_decisive(version: str, name: str) -> None:
    kind, words = EXPLAINING[name]
    troubles = troubles_of(f"{version}-{name}")
    assert not any(trouble.decisive for trouble in troubles)
    assert any(trouble.kind is kind and re.search(words, trouble.sentence) for trouble in troubles)


def test_a_blender_without_denoiser_is_named_as_such() -> None:
    assert "no OpenImageDenoise" in troubles_of("3.4-no-denoiser")[-1].sentence


def test_a_crash_is_seen() -> None:
    assert troubles_of("3.4-crash")[-1] == Trouble(
        TroubleKind.CRASH, "Blender crashed", decisive=True
    )


@pytest.mark.parametrize(
    "line",
    [
        "System is out of GPU and shared host memory",
        "CUDA error: Out of memory in cuMemAlloc_v2(&device_pointer, size)",
        "Malloc returns null: len=17179869184 in IMB_allocImBuf, total 4294967296",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ],
)
def test_running_out_of_memory_is_seen(line: str) -> None:
    events: list[Event] = []
    OutputParser(events.append).feed(line)
    (trouble,) = events
    assert isinstance(trouble, Trouble)
    assert trouble.kind is TroubleKind.OUT_OF_MEMORY
