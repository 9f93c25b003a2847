"""Packing in a process of its own: what it answers, and that no end of it leaves anything behind.

A file that is a pipe without a writer stands for storage that does not answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flamenco_core.packing import (
    FailureKind,
    Host,
    PackOutcome,
    PackRequest,
    PackRun,
    PackTask,
    Stage,
    start_packing,
)
from tests.checkouts import ROOT
from tests.eventually import PATIENCE, eventually
from tests.flamenco_core.packing.scripted_manager import ScriptedManager
from tests.flamenco_core.shaman.conftest import small_volume
from tests.processes import is_alive

__all__ = ["small_volume"]

BLEND = "show/shots/scene.blend"
LARGE = 2 << 30
"""Bytes of a file without content, which takes seconds to hash or copy and no space itself."""

START_AND_WAIT = """
import sys, time
from pathlib import Path
from flamenco_core.packing import Host, PackRequest, start_packing
blend, url = sys.argv[1:]
host = Host((sys.executable, "-I"))
run = start_packing(PackRequest(Path(blend), "job", url), lambda: host, paths=sys.path)
while run.progress is None or run.progress.progress.stage != "copying":
    time.sleep(0.01)
print(run._process.pid, flush=True)
run.wait()
"""


DONE_ALL_THE_SAME = """
import json, os, sys
outcome = json.loads(sys.argv[1])
os.mkdir(outcome["folder"])
sys.stdin.read()
print(json.dumps({"kind": "outcome", "outcome": outcome}), flush=True)
"""
"""A program that is done at the very moment when it is cancelled."""


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def storage(manager: ScriptedManager, tmp_path: Path) -> Path:
    """The shared storage of a farm without Shaman."""
    folder = tmp_path / "storage"
    folder.mkdir()
    manager.shaman_enabled = False
    manager.storage_location = str(folder)
    return folder


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


Pack = Callable[..., PackRun]


@pytest.fixture
def pack(manager: ScriptedManager, scratch: Path, tmp_path: Path) -> Iterator[Pack]:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    host = Host((sys.executable, "-I"), environment)
    runs: list[PackRun] = []

    def start(blend: Path, **more: object) -> PackRun:
        asked = {"job_name": "my job", "manager_url": manager.url, **more}
        runs.append(start_packing(PackRequest(blend, **asked), lambda: host, paths=sys.path))  # type: ignore[arg-type]
        return runs[-1]

    yield start
    for run in runs:
        run.cancel()
        assert run.wait(PATIENCE)
    assert list(scratch.iterdir()) == []


def has_reached(run: PackRun, stage: Stage) -> bool:
    assert not run.is_over, run.failure
    return run.progress is not None and run.progress.progress.stage is stage


def cancel_at(run: PackRun, stage: Stage) -> None:
    eventually(lambda: has_reached(run, stage), f"the run is {stage}")
    run.cancel()
    assert run.wait(PATIENCE)
    assert (run.is_cancelled, run.outcome, run.failure) == (True, None, None)


def cancelled_when(pack: Pack, project: Path, at: Callable[[Callable[[], None]], None]) -> PackRun:
    """A run that is over; `at` is given what cancels it."""
    runs: list[PackRun] = []

    def cancel() -> None:
        runs[0].cancel()

    at(cancel)
    runs.append(pack(project / BLEND))
    assert runs[0].wait(PATIENCE)
    return runs[0]


def files_of(project: Path) -> list[Path]:
    """What the scene needs; the image it has by an absolute path has the content of the others."""
    kept = (file for file in project.glob("show/**/*") if file.suffix != ".blend1")
    return [file for file in kept if file.is_file()]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def add_large_texture(project: Path) -> None:
    """In place of a tile of the project."""
    os.truncate(project / "show/textures/tile.1001.png", LARGE)


def test_looking_names_what_is_missing_and_asks_no_manager(pack: Pack, project: Path) -> None:
    (project / "show/library/textures/linked.png").unlink()
    run = pack(project / BLEND, task=PackTask.LOOK, manager_url="")
    assert run.wait(PATIENCE)
    assert run.outcome is not None, run.failure
    (missing,) = run.outcome.missing
    assert missing.where.endswith("linked.png")
    assert "linked.png in props.blend" in missing.what
    assert run.outcome.outside_project


def test_nothing_is_sent_while_files_are_missing(
    pack: Pack, manager: ScriptedManager, project: Path
) -> None:
    (project / "show/library/textures/linked.png").unlink()
    run = pack(project / BLEND)
    assert run.wait(PATIENCE)
    assert run.failure is not None
    assert run.failure.kind is FailureKind.MISSING_FILES
    assert [Path(problem.where).name for problem in run.failure.problems] == ["linked.png"]
    assert manager.requirement_requests == 0
    allowed = pack(project / BLEND, allow_missing=True)
    assert allowed.wait(PATIENCE)
    assert allowed.outcome is not None
    assert len(manager.checkouts) == 1


def test_a_second_submission_sends_nothing(
    pack: Pack, manager: ScriptedManager, project: Path
) -> None:
    different = len({digest(file) for file in files_of(project)})
    for sent in (different, 0):
        run = pack(project / BLEND)
        assert run.wait(PATIENCE)
        assert run.outcome is not None, run.failure
        assert (run.outcome.files_sent, run.outcome.files_total) == (sent, 7)
        assert run.outcome.blendfile == "{jobs}/my job-x1y2/shots/scene.blend"
        assert run.outcome.shaman_checkout_id == "my job-x1y2"


def test_progress_tells_files_bytes_and_the_time_that_is_left(
    pack: Pack, storage: Path, project: Path
) -> None:
    add_large_texture(project)
    run = pack(project / BLEND)

    def timed() -> bool:
        assert not run.is_over, run.failure
        return run.progress is not None and run.progress.seconds_left is not None

    eventually(timed)
    assert run.progress is not None
    progress = run.progress.progress
    assert 0 < progress.bytes_done < progress.bytes_total
    assert progress.bytes_total > LARGE
    assert progress.files_total == 7
    assert progress.file == "textures/tile.1001.png"
    run.cancel()
    assert run.wait(PATIENCE)
    assert list(storage.iterdir()) == []


def test_cancelled_before_it_began(pack: Pack, manager: ScriptedManager, project: Path) -> None:
    run = pack(project / BLEND)
    run.cancel()
    assert run.wait(PATIENCE)
    assert run.is_cancelled
    assert manager.checkouts == []


def test_cancelled_while_tracing_storage_that_does_not_answer(pack: Pack, project: Path) -> None:
    """The process hangs in the operating system, and has to be killed."""
    library = project / "show/library/props.blend"
    library.unlink()
    os.mkfifo(library)
    run = pack(project / BLEND)

    def hangs() -> bool:
        return run.progress is not None and run.progress.progress.file == "props.blend"

    eventually(hangs, "the library is opened")
    cancel_at(run, Stage.TRACING)


def test_cancelled_while_hashing(pack: Pack, manager: ScriptedManager, project: Path) -> None:
    add_large_texture(project)
    cancel_at(pack(project / BLEND), Stage.HASHING)
    assert manager.uploads == []


def test_cancelled_while_copying(pack: Pack, storage: Path, project: Path) -> None:
    add_large_texture(project)
    cancel_at(pack(project / BLEND), Stage.COPYING)
    assert list(storage.iterdir()) == []


def test_cancelled_while_sending(pack: Pack, manager: ScriptedManager, project: Path) -> None:
    run = cancelled_when(pack, project, lambda cancel: setattr(manager, "on_upload", cancel))
    assert run.is_cancelled
    assert run.outcome is None
    # On a busy machine everything may be there before the process hears of it.
    assert len(manager.erased_checkouts) == len(manager.checkouts)


def test_what_was_delivered_before_the_process_heard_of_it_is_taken_back(
    storage: Path, project: Path, scratch: Path
) -> None:
    delivered = storage / "delivered"
    outcome = PackOutcome(blendfile="{jobs}/delivered/x.blend", folder=str(delivered)).as_json()
    host = Host((sys.executable, "-c", DONE_ALL_THE_SAME, json.dumps(outcome)))
    run = start_packing(PackRequest(project / BLEND), lambda: host)
    eventually(delivered.exists)
    run.cancel()
    assert run.wait(PATIENCE)
    assert (run.is_cancelled, run.outcome, run.failure) == (True, None, None)
    assert list(storage.iterdir()) == []


def test_cancelled_while_the_manager_makes_the_checkout_it_is_erased_again(
    pack: Pack, manager: ScriptedManager, project: Path
) -> None:
    run = cancelled_when(pack, project, lambda cancel: setattr(manager, "on_checkout", cancel))
    assert run.is_cancelled
    assert manager.erased_checkouts == ["my job-x1y2"]


def test_what_a_killed_process_has_left_is_removed(
    pack: Pack, storage: Path, project: Path
) -> None:
    add_large_texture(project)
    run = pack(project / BLEND)
    eventually(lambda: has_reached(run, Stage.COPYING))
    assert run._process is not None
    psutil.Process(run._process.pid).kill()
    assert run.wait(PATIENCE)
    assert run.failure is not None
    assert run.failure.kind is FailureKind.PROCESS
    assert "ended unexpectedly" in run.failure.message
    assert list(storage.iterdir()) == []


def test_the_process_ends_and_tidies_up_when_blender_is_killed(
    storage: Path, manager: ScriptedManager, project: Path, scratch: Path
) -> None:
    add_large_texture(project)
    command = [sys.executable, "-c", START_AND_WAIT, str(project / BLEND), manager.url]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as blender:
        assert blender.stdout is not None
        child = psutil.Process(int(blender.stdout.readline()))
        eventually(lambda: any(storage.iterdir()), "the folder of the copy is there")
        blender.send_signal(signal.SIGKILL)
    eventually(lambda: not is_alive(child))
    assert list(storage.iterdir()) == []
    assert list(scratch.iterdir()) == []


def test_a_copy_takes_the_place_of_the_file_and_is_removed(
    pack: Pack, storage: Path, project: Path, tmp_path: Path
) -> None:
    original = project / BLEND
    before = original.read_bytes()
    copy = tmp_path / "copy-of-mine/scene.blend"
    copy.parent.mkdir()
    copy.write_bytes(before.replace(b"own material\0", b"OWN MATERIAL\0"))
    run = pack(copy, stands_for=original, blend_is_temporary=True)
    assert run.wait(PATIENCE)
    assert run.outcome is not None, run.failure
    assert run.outcome.missing == ()
    packed = Path(run.outcome.folder) / "shots/scene.blend"
    assert b"OWN MATERIAL\0" in packed.read_bytes()
    assert not copy.parent.exists()
    assert original.read_bytes() == before


def test_a_full_disk_is_named_and_left_as_it_was(
    pack: Pack, manager: ScriptedManager, storage: Path, project: Path, small_volume: Path
) -> None:
    manager.storage_location = str(small_volume)
    add_large_texture(project)
    run = pack(project / BLEND)
    assert run.wait(PATIENCE)
    assert run.failure is not None
    assert run.failure.kind is FailureKind.STORAGE
    assert "No space left on device" in run.failure.message
    assert list(small_volume.iterdir()) == []


def test_a_project_that_cannot_be_written_is_packed_all_the_same(
    pack: Pack, storage: Path, project: Path, read_only: Callable[[Path], Path]
) -> None:
    frozen = read_only(project)
    run = pack(frozen / BLEND)
    assert run.wait(PATIENCE)
    assert run.outcome is not None, run.failure
    assert (storage / run.outcome.folder / "shots/scene.blend").is_file()


def test_a_file_in_the_shared_storage_is_used_where_it_is(
    pack: Pack, manager: ScriptedManager, project: Path, scratch: Path
) -> None:
    manager.shaman_enabled = False
    manager.storage_location = str(project.parent)
    for use in (project / "elsewhere", project / "show"):
        assert use.is_dir()
    run = pack(project / "show/library/props.blend")
    assert run.wait(PATIENCE)
    assert run.outcome is not None, run.failure
    assert run.outcome.blendfile == "{jobs}/copy/show/library/props.blend"
    assert (run.outcome.folder, run.outcome.files_sent) == ("", 0)


@pytest.mark.parametrize("is_shaman", [True, False])
def test_two_blenders_submit_the_same_project_at_once(
    pack: Pack, manager: ScriptedManager, storage: Path, project: Path, is_shaman: bool
) -> None:
    manager.shaman_enabled = is_shaman
    runs = [pack(project / BLEND) for _ in range(2)]
    for run in runs:
        assert run.wait(PATIENCE)
        assert run.outcome is not None, run.failure
        assert run.outcome.files_total == 7
    if is_shaman:
        assert len(manager.checkouts) == 2
        assert len(manager.stored) == len({digest(file) for file in files_of(project)})
    else:
        folders = {run.outcome.folder for run in runs if run.outcome}
        assert len(folders) == 2
        assert {str(folder) for folder in storage.iterdir()} == folders


def test_a_host_that_cannot_be_started_is_told(project: Path, scratch: Path) -> None:
    run = start_packing(PackRequest(project / BLEND), lambda: Host(("/no/such/python",)))
    assert run.wait(PATIENCE)
    assert run.failure is not None
    assert run.failure.kind is FailureKind.PROCESS
    assert "/no/such/python" in run.failure.message
    assert list(scratch.iterdir()) == []
