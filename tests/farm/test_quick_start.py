"""The first command of the README, on a clean clone, with what a machine may have or lack."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pythons import find_python
from tests.checkouts import copy_source
from tests.eventually import PATIENCE, eventually
from tests.farm.farm import request, run_blender
from tests.farm.frames import decoded_size, files_below, frames_in
from tests.farm.quick_start import INSTALLATION_SECONDS, QuickStart, faults_of_demo, path_without
from tests.farm.slow_scene import make_slow_scene

pytestmark = pytest.mark.timeout(INSTALLATION_SECONDS)

INTERRUPTED = 130


@dataclass(frozen=True)
class FreshMachine:
    """A machine on which the quick start has run once, with `bpy` only."""

    clone: Path
    path: str
    first: QuickStart
    exit_code: int
    printed: str


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> FreshMachine:
    folder = tmp_path_factory.mktemp("fresh")
    clone = copy_source(folder / "clone")
    path = path_without(folder / "bin", "blender", "ffmpeg", "ffprobe", "node", "npm")
    first = QuickStart(clone, folder / "farm", path, builds_pages=True)
    return FreshMachine(clone, path, first, *first.run())


@pytest.fixture
def quick_start(machine: FreshMachine, tmp_path: Path) -> QuickStart:
    """A further run on that machine, with a farm of its own."""
    return QuickStart(machine.clone, tmp_path / "farm", machine.path)


def test_a_clean_clone_renders_with_python_and_nothing_else(machine: FreshMachine) -> None:
    assert machine.exit_code == 0, machine.printed
    assert "Installing" in machine.printed
    assert "flamenco-blender" in machine.printed
    # With a Node that came as a requirement of building.
    assert (machine.clone / "manager_service" / "web" / "dist" / "index.html").exists()
    folder = machine.first.output()
    assert str(folder) in machine.printed
    assert str(folder / "demo-1-12.mp4") in machine.printed
    assert faults_of_demo(folder) == []


def test_the_clone_stays_clean(machine: FreshMachine) -> None:
    git = ["git", "status", "--porcelain"]
    answer = subprocess.run(git, cwd=machine.clone, check=True, capture_output=True, text=True)
    assert answer.stdout == ""


def test_a_second_run_installs_nothing_and_renders_again(machine: FreshMachine) -> None:
    again = machine.first
    before = again.output()
    exit_code, printed = again.run()
    assert exit_code == 0, printed
    assert "Installing" not in printed
    (folder,) = set(before.parent.iterdir()) - {before}
    assert faults_of_demo(folder) == []


def test_a_clean_clone_renders_with_the_blender_on_path(tmp_path: Path) -> None:
    assert shutil.which("blender"), "install Blender, on Debian with `apt-get install blender`"
    clone = copy_source(tmp_path / "clone")
    run = QuickStart(clone, tmp_path / "farm", path_without(tmp_path / "bin", "ffprobe", "node"))
    for word in ("Installing", "Rendering"):
        exit_code, printed = run.run()
        assert exit_code == 0, printed
        assert word in printed
        assert "flamenco-blender" not in printed
        assert faults_of_demo(run.output()) == []
        shutil.rmtree(run.home / "output")


@pytest.mark.thorough
def test_python_3_13_renders_with_the_newest_bpy(tmp_path: Path) -> None:
    python = find_python([(3, 13)])
    assert python, "install Python 3.13 with venv"
    clone = copy_source(tmp_path / "clone")
    path = path_without(tmp_path / "bin", "blender", "ffmpeg")
    run = QuickStart(clone, tmp_path / "farm", path, python=Path(python))
    exit_code, printed = run.run()
    assert exit_code == 0, printed
    assert "Rendering with Blender 5" in printed
    assert faults_of_demo(run.output()) == []


def test_it_renders_the_frames_of_a_file_of_ones_own(
    quick_start: QuickStart, demo: Path, blender: Path, tmp_path: Path
) -> None:
    blend = saved_as(blender, demo, "JPEG")
    exit_code, printed = quick_start.run(
        f"--blend={blend}", "--frames=2,4-5", f"--output={tmp_path / 'mine'}"
    )
    assert exit_code == 0, printed
    (folder,) = (tmp_path / "mine").glob("*/*")
    frames = ["000002.jpg", "000004.jpg", "000005.jpg"]
    assert frames_in(folder) == [*frames, "jpeg-2-5.mp4"]
    assert {decoded_size(folder / name) for name in frames} == {(320, 180)}


def test_a_video_format_is_refused_with_a_sentence(
    quick_start: QuickStart, demo: Path, blender: Path
) -> None:
    exit_code, printed = quick_start.run(f"--blend={saved_as(blender, demo, 'FFMPEG')}")
    assert exit_code == 1
    assert "is a video format" in printed
    assert "Traceback" not in printed


def saved_as(blender: Path, demo: Path, image_format: str) -> Path:
    """The demo scene with another output format, beside the original."""
    blend = demo / "shots" / f"{image_format.lower()}.blend"
    expression = (
        "import bpy\n"
        "settings = bpy.context.scene.render.image_settings\n"
        "if hasattr(settings, 'media_type') and {0!r} == 'FFMPEG': settings.media_type = 'VIDEO'\n"
        "settings.file_format = {0!r}\n"
        "bpy.ops.wm.save_as_mainfile(filepath={1!r})\n"
    )
    run_blender(
        blender,
        demo / "shots" / "demo.blend",
        "--python-expr",
        expression.format(image_format, str(blend)),
    )
    return blend


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"BLENDER-v405" + bytes(600), "broken.blend"),
        (b"\x28\xb5\x2f\xfd" + b"cut off", "broken.blend"),
    ],
    ids=["zeros", "cut off"],
)
def test_a_broken_file_is_refused_with_a_sentence(
    quick_start: QuickStart, tmp_path: Path, content: bytes, sentence: str
) -> None:
    broken = tmp_path / "broken.blend"
    broken.write_bytes(content)
    exit_code, printed = quick_start.run(f"--blend={broken}")
    assert exit_code == 1
    assert sentence in printed
    assert "Traceback" not in printed


def test_wrong_frames_are_refused_with_a_sentence(quick_start: QuickStart) -> None:
    exit_code, printed = quick_start.run("--frames=10-1")
    assert exit_code == 1
    assert "10-1" in printed
    assert "Traceback" not in printed


def test_a_job_that_fails_says_why_and_leaves_its_log(
    quick_start: QuickStart, blender: Path, tmp_path: Path
) -> None:
    blend = tmp_path / "no-camera.blend"
    expression = (
        "import bpy\n"
        "bpy.data.objects.remove(bpy.context.scene.camera)\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(blend)!r})\n"
    )
    run_blender(blender, "--python-expr", expression)
    exit_code, printed = quick_start.run(f"--blend={blend}", "--frames=1-60")
    assert exit_code == 1
    assert "camera" in printed
    assert "Traceback" not in printed
    assert "Blender" in (quick_start.home / "logs" / "render-1.log").read_text(encoding="utf-8")


@contextmanager
def heard(number: signal.Signals) -> Iterator[None]:
    """Programs started meanwhile hear a signal that this one may have been told to ignore."""
    previous = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, previous)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, blender: Path) -> Path:
    return make_slow_scene(blender, tmp_path_factory.mktemp("slow"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_it_stops_all_that_it_started(
    quick_start: QuickStart, slow: Path, stop: signal.Signals
) -> None:
    with heard(stop), quick_start.start(f"--blend={slow}", "--frames=1-500") as process:
        eventually(lambda: files_below(quick_start.home / "output", "*.png"), "a frame is there")
        process.send_signal(stop)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED, printed
    assert "Traceback" not in printed
    quick_start.wait_until_nothing_runs()
    if stop is not signal.SIGINT:
        return
    # The job that was interrupted does not stand in the way of the next one.
    shutil.rmtree(quick_start.home / "output")
    exit_code, printed = quick_start.run()
    assert exit_code == 0, printed
    assert faults_of_demo(quick_start.output()) == []


def test_keep_running_leaves_the_farm_up_until_ctrl_c(quick_start: QuickStart) -> None:
    with quick_start.start("--frames=1", "--keep-running") as process:
        assert process.stdout is not None
        printed = ""
        while "Ctrl+C stops it" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        assert request(f"http://localhost:{quick_start.port}/api/v3/version")[0] == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    quick_start.wait_until_nothing_runs()
