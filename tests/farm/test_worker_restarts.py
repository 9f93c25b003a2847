"""Workers that are restarted, in good order or not, and what becomes of what they were doing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.farm.farm import Farm, request
from tests.farm.faulty_jobs import Command, Task, python, submit_tasks
from tests.farm.frames import decoded_size, frames_in
from tests.farm.slow_scene import RESOLUTION, make_slow_scene

FRAMES = 3
RESTART_CODE = 47


@contextmanager
def supervised_worker(farm: Farm) -> Iterator[list[int]]:
    """Started again whenever it ends with the restart exit code, as service managers do it.

    Yields the exit codes so far.
    """
    codes: list[int] = []
    is_over = threading.Event()

    def supervise() -> None:
        while not is_over.is_set():
            farm.start_worker("--restart-exit-code", str(RESTART_CODE))
            assert farm.worker is not None
            codes.append(farm.worker.wait())
            if codes[-1] != RESTART_CODE:
                return

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield codes
    finally:
        is_over.set()
        ended = None
        while thread.is_alive():  # which may be about to start one more
            if farm.worker is not ended:
                assert farm.worker is not None
                farm.worker.terminate()
                ended = farm.worker
            thread.join(0.1)


@pytest.mark.parametrize("is_lazy", [False, True], ids=["at once", "after the task"])
def test_a_restart_in_mid_render_loses_no_frame(
    farm: Farm, blender: Path, tmp_path: Path, is_lazy: bool
) -> None:
    gate = tmp_path / "the last frame may begin"
    scene = make_slow_scene(blender, tmp_path, gate, waits_at=FRAMES)
    job_id = farm.submit_file(scene, frames=f"1-{FRAMES}", chunk_size=FRAMES, fps=0)
    folder = Path(farm.job(job_id)["settings"]["render_output_path"]).parent
    farm.configure_worker(may_i_run_interval_seconds=0.5)
    with supervised_worker(farm) as codes:
        first = folder / "000001.png"
        eventually(first.exists, "the first frame is done")
        rendered = first.stat().st_mtime_ns
        (worker,) = farm.get("/api/v3/worker-mgt/workers")["workers"]
        change = {"status": "restart", "is_lazy": is_lazy}
        where = f"{farm.url}/api/v3/worker-mgt/workers/{worker['id']}/setstatus"
        status, answer = request(where, change)
        assert status == 204, answer
        if is_lazy:
            gate.touch()
        eventually(lambda: codes == [RESTART_CODE], "the restart")
        gate.touch()
        assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
        eventually(
            lambda: farm.get(f"/api/v3/worker-mgt/workers/{worker['id']}")["status"] == "awake",
            "the worker is back",
        )
        (after,) = farm.get("/api/v3/worker-mgt/workers")["workers"]
        assert after["id"] == worker["id"]
    frames = [f"{frame:06d}.png" for frame in range(1, FRAMES + 1)]
    assert frames_in(folder) == frames
    assert {decoded_size(folder / name) for name in frames} == {RESOLUTION}
    assert first.stat().st_mtime_ns == rendered
    attempts = farm.get(f"/api/v3/jobs/{job_id}/attempts")["attempts"]
    assert [each["outcome"] for each in attempts].count("completed") == 1
    assert len(attempts) == (1 if is_lazy else 2)


def gate(folder: Path, name: str) -> Command:
    """Says that the commands before it are done, and ends when it may."""
    return python(
        "import pathlib, time\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        f"(folder / '{name} is done').touch()\n"
        f"while not (folder / '{name} may end').exists(): time.sleep(0.02)"
    )


def commands_in(folder: Path) -> dict[str, Command]:
    """A command of each kind that changes files, which all work on the same folder in turn."""
    work = folder / "work"
    audio = {"exe": "ffmpeg", "codec": "flac", "bitrate": "192k"}
    video = {"exe": "ffmpeg", "fps": 12, "inputGlob": f"{work}/shot/*.png", "args": ["-y"]}
    make_picture = (
        "from PIL import Image\n"
        f"Image.new('RGB', (64, 48)).save({str(work / 'shot' / '1.png')!r})\n"
        f"Image.new('RGB', (64, 48)).save({str(work / 'shot' / '2.png')!r})"
    )
    make_sound = (
        "import wave\n"
        f"with wave.open({str(work / 'tone.wav')!r}, 'wb') as sound:\n"
        "    sound.setparams((1, 2, 8000, 0, 'NONE', ''))\n"
        "    sound.writeframes(bytes(16000))"
    )
    moved = {"src": f"{work}/shot.mkv", "dest": f"{work}/final.mkv"}
    return {
        "make-directory": ("make-directory", {"path": f"{work}/shot"}, 0),
        "exec": python(make_picture),
        "sound": python(make_sound),
        "encode-audio": (
            "encode-audio",
            {**audio, "inputFile": f"{work}/tone.wav", "outputFile": f"{work}/tone.flac"},
            0,
        ),
        "frames-to-video": ("frames-to-video", {**video, "outputFile": f"{work}/shot.mkv"}, 0),
        "copy-file": ("copy-file", {"src": f"{work}/shot.mkv", "dest": f"{work}/copy.mkv"}, 0),
        "move-with-counter": ("move-with-counter", moved, 0),
        "move-directory": ("move-directory", {"src": f"{work}/shot", "dest": f"{work}/old"}, 0),
        "move-to-final": ("move-to-final", {"src": f"{work}/old", "dest": f"{work}/kept"}, 0),
        "create-python-file": (
            "create-python-file",
            {"filepath": f"{work}/note.py", "contents": "print(1)\n"},
            0,
        ),
        "remove-file": ("remove-file", {"path": f"{work}/tone.wav"}, 0),
        "remove-tree": ("remove-tree", {"path": f"{work}/kept"}, 0),
    }


SOME = {"exec", "frames-to-video", "copy-file", "move-with-counter", "move-directory"}


@pytest.mark.parametrize(
    "killed_at", [SOME, pytest.param(None, marks=pytest.mark.thorough)], ids=["some", "each"]
)
def test_a_worker_killed_at_a_command_does_it_again_without_harm(
    farm: Farm, tmp_path: Path, killed_at: set[str] | None
) -> None:
    commands = commands_in(tmp_path)
    tasks: list[Task] = [
        (name, "misc", [command, gate(tmp_path, name)]) for name, command in commands.items()
    ]
    job_id = submit_tasks(farm, *tasks)
    farm.start_worker()
    for name in commands:
        eventually((tmp_path / f"{name} is done").exists, f"{name}\n{farm.logs()}")
        if killed_at is None or name in killed_at:
            farm.kill_worker()
            (tmp_path / f"{name} may end").touch()
            farm.start_worker()
        else:
            (tmp_path / f"{name} may end").touch()
    assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
    left = sorted(path.name for path in (tmp_path / "work").iterdir())
    assert left == ["copy.mkv", "final_001.mkv", "note.py", "tone.flac"]
    attempts = farm.get(f"/api/v3/jobs/{job_id}/attempts")["attempts"]
    assert [each["outcome"] for each in attempts].count("completed") == len(commands)
    assert len(farm.get("/api/v3/worker-mgt/workers")["workers"]) == 1
