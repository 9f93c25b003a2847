"""Reads what real Blenders have printed.

Each file in `recordings` says how it was made; `scripts/record_blender_output.py` makes them again.
3.4, 4.3 and 5.2 are executables, 4.2, 4.5 and 5.0 the `bpy` modules behind our command line.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flamenco_worker.blender.output import (
    Event,
    FrameProgress,
    FrameSaved,
    FrameSkipped,
    FrameTimed,
    OutputParser,
    Trouble,
    TroubleKind,
)
from record_blender_output import CASES

RECORDINGS = Path(__file__).with_name("recordings")
VERSIONS = ("3.4", "4.2", "4.3", "4.5", "5.0", "5.2")


def events_of(name: str) -> list[Event]:
    events: list[Event] = []
    parser = OutputParser(events.append)
    how, *lines = (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert how.startswith("# recorded by scripts/record_blender_output.py, case ")
    for line in lines:
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


@pytest.mark.parametrize("version", VERSIONS)
def test_sample_progress_of_cycles_is_seen(version: str) -> None:
    assert FrameProgress(2, 4, 4) in events_of(f"{version}-two-frames")


@pytest.mark.parametrize("version", VERSIONS)
def test_progress_of_eevee_is_seen(version: str) -> None:
    progress = [event for event in events_of(f"{version}-eevee") if type(event) is FrameProgress]
    assert {event.frame for event in progress} == {6}
    assert (version != "3.4") or progress[-1].samples == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_how_long_a_frame_took_is_seen(version: str) -> None:
    timed = [event for event in events_of(f"{version}-two-frames") if type(event) is FrameTimed]
    assert len(timed) == 2
    assert all(event.total >= event.saving for event in timed)


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
        "Blender cannot read /projects/scene.blend, the file is damaged: Missing DNA block",
    ),
    "no-blend-file": (
        TroubleKind.CANNOT_OPEN,
        "/projects/garbage.blend is not a .blend file that this Blender can read",
    ),
    "python-raises-with-exit-code": (
        TroubleKind.PYTHON,
        "Python failed in Blender: ValueError: no such texture",
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
    troubles = troubles_of(f"{version}-{name}")
    assert next(each for each in troubles if each.decisive) == Trouble(
        kind, sentence, decisive=True
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("python-raises", "Python failed in Blender: ValueError: no such texture"),
        ("python-syntax", "Python failed in Blender: SyntaxError: invalid syntax"),
        (
            "python-no-module",
            "Python failed in Blender: ModuleNotFoundError: No module named 'studio_tools'",
        ),
    ],
)
def test_python_that_failed_is_quoted(version: str, name: str, sentence: str) -> None:
    # From 4.3 on a script's failure looks like that of an add-on, unless there is an exit code.
    is_decisive = version not in ("4.3", "5.2")
    assert troubles_of(f"{version}-{name}")[0] == Trouble(
        TroubleKind.PYTHON, sentence, decisive=is_decisive
    )


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


@pytest.mark.parametrize("version", ["3.4", "4.3"])
def test_a_blender_without_denoiser_is_named_as_such(version: str) -> None:
    assert "no OpenImageDenoise" in troubles_of(f"{version}-no-denoiser")[-1].sentence


@pytest.mark.parametrize("version", ["3.4", "4.3", "5.2"])
def test_a_crash_is_seen(version: str) -> None:
    assert troubles_of(f"{version}-crash")[-1] == Trouble(
        TroubleKind.CRASH, "Blender crashed", decisive=True
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_that_memory_ran_out_is_seen(version: str) -> None:
    trouble = next(each for each in troubles_of(f"{version}-out-of-memory") if each.decisive)
    assert trouble.kind is TroubleKind.OUT_OF_MEMORY
    assert trouble.sentence.startswith("The machine ran out of memory: Malloc returns null")


@pytest.mark.parametrize(
    "line",
    [
        "CUDA error: Illegal address in cuMemcpyDtoH(host_pointer, device_pointer, size), line 970",
        "CUDA error at cuCtxCreate: Illegal address",
        "Error: Illegal address in CUDA queue copy_from_device (integrator_shade_surface)",
        "00:12.513  reports          | ERROR Launch failed in HIP queue synchronize",
        "Failed to create CUDA context (Unknown error)",
        "Failed to create OptiX device context",
        "Vulkan: VK_ERROR_DEVICE_LOST in submit",
    ],
)
def test_a_graphics_card_that_is_lost_is_seen(line: str) -> None:
    """Recorded by others: there is no graphics card where these tests are written."""
    events: list[Event] = []
    OutputParser(events.append).feed(line)
    (trouble,) = events
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, trouble.decisive) == (TroubleKind.GPU_LOST, True)
    assert trouble.sentence.startswith("The graphics card failed while it rendered: ")


def test_a_machine_without_the_graphics_card_asked_for_is_seen() -> None:
    events: list[Event] = []
    OutputParser(events.append).feed("Error: Found no Cycles device of the specified type")
    assert [type(event) is Trouble and event.kind for event in events] == [TroubleKind.NO_GPU]


def test_what_is_recorded_is_what_the_script_records() -> None:
    recorded = {path.stem.partition("-")[2] for path in RECORDINGS.glob("*.txt")}
    assert recorded == CASES.keys()


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
