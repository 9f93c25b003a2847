"""The path that a job gets for its .blend file leads to it, with and without Shaman."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient
from flamenco_core.errors import NotFound, StorageError
from flamenco_core.model import Audience, JobStorageInfo, SharedStorageLocation
from flamenco_core.packing import (
    Delivery,
    FileDigests,
    Packer,
    PackingCancelled,
    PackingError,
    PackProgress,
    Stage,
    default_output_folder,
)
from flamenco_core.packing.folder_pack import pack_into_folder
from tests.flamenco_core.packing.conftest import SCRIPT, run
from tests.flamenco_core.packing.scripted_manager import ScriptedManager
from tests.flamenco_core.shaman.conftest import small_volume

__all__ = ["small_volume"]

NOW = datetime(2026, 11, 21, 16, 12, 52, tzinfo=UTC)

OPEN_IN_BLENDER = """
import os, sys
import bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
for library in bpy.data.libraries:
    print("USES", bpy.path.abspath(library.filepath))
for image in bpy.data.images:
    path = bpy.path.abspath(image.filepath, library=image.library)
    print("USES", path.replace("<UDIM>", "1001"), tuple(image.size))
sys.stdout.flush()
os._exit(0)
"""


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


def deliver(manager: ScriptedManager, blend: Path, *, project: Path | None = None) -> Delivery:
    packer = Packer(blend, project=project)
    plan = packer.prepare()
    plan.require_nothing_missing()
    with ManagerClient(manager.url) as client, FileDigests() as digests:
        return packer.deliver(plan, client, "my job", digests=digests, now=lambda: NOW)


@pytest.mark.parametrize("variant", ["plain", "compressed"])
def test_a_pack_in_a_folder_opens_in_blender_with_all_its_files(
    manager: ScriptedManager,
    storage: Path,
    bpy_projects: Callable[[str], Path],
    variant: str,
    tmp_path: Path,
) -> None:
    root = bpy_projects(variant)
    delivery = deliver(manager, root / "show/shots/scene.blend")
    assert delivery.storage is None
    assert delivery.files_sent == delivery.files_total == 7
    packed = Path(delivery.blendfile.replace("{jobs}", str(storage)))
    assert packed.parent.parent.name == f"{NOW.astimezone():%Y-%m-%d-%H%M%S}-my job"
    script = tmp_path / "open.py"
    script.write_text(OPEN_IN_BLENDER)
    lines = run([sys.executable, str(script), str(packed)]).splitlines()
    used = [line.removeprefix("USES ") for line in lines if line.startswith("USES ")]
    assert len(used) == 5
    for line in used:
        path = Path(line.partition(" (")[0])
        assert path.resolve().is_relative_to(packed.parent.parent)
        assert path.exists()
        assert "(0, 0)" not in line


def test_with_shaman_the_path_leads_into_the_checkout_and_the_job_knows_it(
    manager: ScriptedManager, bpy_projects: Callable[[str], Path]
) -> None:
    root = bpy_projects("plain")
    delivery = deliver(manager, root / "show/shots/scene.blend")
    assert delivery.blendfile == "{jobs}/my job-x1y2/shots/scene.blend"
    assert delivery.storage == JobStorageInfo(shaman_checkout_id="my job-x1y2")
    (checkout,) = manager.checkouts
    outside = root.as_posix().lstrip("/") + "/elsewhere/outside.png"
    assert {file["path"] for file in checkout["files"]} == {
        f"_outside_project/{outside}",
        "library/props.blend",
        "library/textures/linked.png",
        "shots/scene.blend",
        "textures/absolute.png",
        "textures/tile.1001.png",
        "textures/tile.1002.png",
    }


def test_the_caller_can_choose_the_project(
    manager: ScriptedManager, bpy_projects: Callable[[str], Path]
) -> None:
    root = bpy_projects("plain")
    delivery = deliver(manager, root / "show/shots/scene.blend", project=root)
    assert delivery.blendfile == "{jobs}/my job-x1y2/show/shots/scene.blend"


def test_a_file_in_the_shared_storage_is_used_where_it_is_with_all_that_it_uses(
    manager: ScriptedManager, storage: Path
) -> None:
    root = storage / "shows"
    run([sys.executable, str(SCRIPT), "plain", str(root)])
    delivery = deliver(manager, root / "show/shots/scene.blend")
    assert delivery.blendfile == "{jobs}/shows/show/shots/scene.blend"
    assert delivery.files_sent == 0
    assert [path.name for path in storage.iterdir()] == ["shows"]


def test_a_file_in_the_shared_storage_that_uses_others_is_packed(
    manager: ScriptedManager, storage: Path, bpy_projects: Callable[[str], Path]
) -> None:
    shutil.copytree(bpy_projects("plain") / "show", storage / "show")
    delivery = deliver(manager, storage / "show/shots/scene.blend")
    packed = Path(delivery.blendfile.replace("{jobs}", str(storage)))
    assert packed.is_file()
    assert list((packed.parents[1] / "_outside_project").rglob("outside.png"))


def test_a_storage_that_is_not_mounted_here_is_named(
    manager: ScriptedManager, storage: Path, bpy_projects: Callable[[str], Path]
) -> None:
    storage.rmdir()
    with pytest.raises(StorageError, match=r"storage does not exist on this computer"):
        deliver(manager, bpy_projects("plain") / "show/shots/scene.blend")


def test_two_packs_of_one_second_get_a_folder_each(
    manager: ScriptedManager, storage: Path, bpy_projects: Callable[[str], Path]
) -> None:
    blend = bpy_projects("plain") / "show/shots/scene.blend"
    folders = {deliver(manager, blend).blendfile for _ in range(3)}
    assert len(folders) == len(list(storage.iterdir())) == 3


def test_cancelling_a_copy_removes_what_was_copied(
    storage: Path, bpy_projects: Callable[[str], Path]
) -> None:
    cancel = threading.Event()

    def report(progress: PackProgress) -> None:
        if progress.stage is Stage.COPYING and progress.files_done == 2:
            cancel.set()

    plan = Packer(bpy_projects("plain") / "show/shots/scene.blend").prepare()
    with pytest.raises(PackingCancelled):
        pack_into_folder(plan, storage, "x", now=lambda: NOW, progress=report, cancel=cancel)
    assert list(storage.iterdir()) == []


def test_a_blend_file_that_is_saved_between_tracing_and_sending_is_refused(
    manager: ScriptedManager, storage: Path, project: Path
) -> None:
    library = project / "show/library/props.blend"
    packer = Packer(project / "show/shots/scene.blend")
    plan = packer.prepare()
    library.write_bytes(library.read_bytes())
    for with_shaman in (False, True):
        manager.shaman_enabled = with_shaman
        with (
            ManagerClient(manager.url) as client,
            FileDigests() as digests,
            pytest.raises(PackingError, match=r"props\.blend was saved while it was packed"),
        ):
            packer.deliver(plan, client, "my job", digests=digests)
    assert list(storage.iterdir()) == []
    assert manager.uploads == []


def test_a_file_that_vanishes_before_it_is_copied_is_named_and_nothing_is_left(
    manager: ScriptedManager, storage: Path, project: Path
) -> None:
    packer = Packer(project / "show/shots/scene.blend")
    plan = packer.prepare()
    (project / "show/library/textures/linked.png").unlink()
    with (
        ManagerClient(manager.url) as client,
        pytest.raises(PackingError, match=r"linked\.png: No such file"),
    ):
        packer.deliver(plan, client, "my job")
    assert list(storage.iterdir()) == []


def test_a_storage_that_is_full_is_named_and_nothing_is_left(
    bpy_projects: Callable[[str], Path], small_volume: Path
) -> None:
    plan = Packer(bpy_projects("plain") / "show/shots/scene.blend").prepare()
    (small_volume / "ballast").write_bytes(bytes(900_000))
    with pytest.raises(StorageError, match="No space left on device"):
        pack_into_folder(plan, small_volume, "x", now=lambda: NOW)
    assert [path.name for path in small_volume.iterdir()] == ["ballast"]


def test_tracing_can_be_cancelled(bpy_projects: Callable[[str], Path]) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(PackingCancelled):
        Packer(bpy_projects("plain") / "show/shots/scene.blend", cancel=cancel).prepare()


def test_a_file_or_project_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no file .*nothing\.blend"):
        Packer(tmp_path / "nothing.blend")
    (tmp_path / "scene.blend").write_bytes(b"BLENDER")
    with pytest.raises(NotFound, match="no project folder"):
        Packer(tmp_path / "scene.blend", project=tmp_path / "nothing")


@pytest.mark.parametrize(
    ("location", "is_shaman", "folder"),
    [
        ("/farm/jobs", True, "/farm/renders"),
        ("/farm", False, "/farm/renders"),
        ("F:\\farm\\jobs\\", True, "F:/farm/renders"),
    ],
)
def test_frames_go_beside_the_farms_files_by_default(
    location: str, is_shaman: bool, folder: str
) -> None:
    storage = SharedStorageLocation(
        location=location, audience=Audience.USERS, platform="linux", shamanEnabled=is_shaman
    )
    assert default_output_folder(storage) == folder


def test_importing_the_packing_does_not_load_heavy_packages() -> None:
    script = (
        "import sys, flamenco_core.packing\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('blender_asset_tracer', 'zstandard', 'requests', 'cattrs', 'sqlite_utils', 'yaml')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
