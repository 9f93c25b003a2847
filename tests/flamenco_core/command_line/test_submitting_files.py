"""`flamenco submit FILE.blend` with a real file and a real Manager."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flamenco_core.command_line.conftest import Ended, Program
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def blend(bpy_projects: Callable[[str], Path], tmp_path: Path) -> Path:
    """The scene of `make_project.py`, in a copy that a test may change."""
    copy = shutil.copytree(bpy_projects("plain"), tmp_path / "copy")
    return copy / "show/shots/scene.blend"


def submit(flamenco: Program, farm: RunningManager, blend: Path, *more: object) -> Ended:
    return flamenco(
        "submit", blend, "--type", "simple-blender-render", "--json", *more, manager=farm
    )


def packed_file(farm: RunningManager, ended: Ended) -> Path:
    blendfile: str = ended.json["settings"]["blendfile"]
    return Path(blendfile.replace("{jobs}", str(farm.config.job_storage)))


def test_the_file_and_all_it_uses_are_sent_and_the_job_leads_to_it(
    flamenco: Program, farm: RunningManager, blend: Path
) -> None:
    ended = submit(flamenco, farm, blend)
    assert ended.code == 0, ended.err
    packed = packed_file(farm, ended)
    assert packed.read_bytes().startswith(b"BLENDER")
    assert packed.parent.name == "shots"
    assert (packed.parents[1] / "library/textures/linked.png").exists()
    assert ended.json["storage"] == {"shaman_checkout_id": "scene"}
    settings = ended.json["settings"]
    assert settings["scene"] == "Shot 10 – Größe"
    assert settings["fps"] == pytest.approx(30 / 1.001)
    assert (settings["frames"], settings["format"]) == ("3-7", "OPEN_EXR")
    assert (settings["image_file_extension"], settings["has_previews"]) == (".exr", True)
    root = (farm.config.shared_storage / "renders").as_posix()
    assert settings["render_output_root"] == root
    assert settings["render_output_path"].startswith(f"{root}/scene/")


def test_two_jobs_of_one_name_get_a_checkout_each_and_share_the_files(
    flamenco: Program, farm: RunningManager, blend: Path
) -> None:
    first, second = (submit(flamenco, farm, blend, "--name", "job/1") for _ in range(2))
    assert packed_file(farm, first) != packed_file(farm, second)
    assert packed_file(farm, first).samefile(packed_file(farm, second))


def test_without_shaman_the_file_is_copied_into_the_shared_storage(
    flamenco: Program, blend: Path, tmp_path: Path
) -> None:
    with RunningManager(tmp_path / "farm", shaman_enabled=False) as farm:
        farm.config.shared_storage.mkdir(exist_ok=True)
        ended = submit(flamenco, farm, blend)
        assert ended.code == 0, ended.err
        packed = packed_file(farm, ended)
        assert packed.is_file()
        assert not packed.is_symlink()
        assert (packed.parents[1] / "library/textures/linked.png").exists()
        assert "storage" not in ended.json


def test_missing_files_are_named_before_anything_is_sent(
    flamenco: Program, farm: RunningManager, blend: Path
) -> None:
    texture = blend.parents[1] / "library/textures/linked.png"
    texture.unlink()
    ended = submit(flamenco, farm, blend)
    assert ended.code == 1
    assert f"{texture}: does not exist; used by linked.png in props.blend" in ended.err
    assert not list(farm.config.file_store.rglob("*.blob"))
    assert farm.get("/jobs").json == {"jobs": []}
    allowed = submit(flamenco, farm, blend, "--allow-missing")
    assert allowed.code == 0
    assert "linked.png" in allowed.err


def test_settings_that_the_manager_refuses_stop_the_job_before_anything_is_sent(
    flamenco: Program, farm: RunningManager, blend: Path
) -> None:
    ended = submit(flamenco, farm, blend, "--set", "chunk_size=0")
    assert ended.code == 1
    assert "chunk_size" in ended.err
    assert not list(farm.config.file_store.rglob("*.blob"))


def test_a_broken_file_is_one_sentence(
    flamenco: Program, farm: RunningManager, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.blend"
    broken.write_bytes(b"BLENDER-v405 and then nothing")
    ended = submit(flamenco, farm, broken)
    assert ended.code == 1
    assert "broken.blend" in ended.err
    assert "damaged" in ended.err
    assert ended.err.count("\n") == 1


def test_the_project_can_be_chosen(flamenco: Program, farm: RunningManager, blend: Path) -> None:
    ended = submit(flamenco, farm, blend, "--project", blend.parents[2])
    assert ended.json["settings"]["blendfile"].endswith("/show/shots/scene.blend")
    ended = submit(flamenco, farm, blend, "--project", blend.parents[1] / "library")
    assert ended.code == 1
    assert "is not in the project folder" in ended.err


def test_people_see_where_the_job_is(flamenco: Program, farm: RunningManager, blend: Path) -> None:
    ended = flamenco("submit", blend, "--type", "simple-blender-render", manager=farm)
    job = farm.get("/jobs").json["jobs"][0]["id"]
    assert (ended.code, ended.out, ended.err) == (0, f"Submitted scene as job {job}\n", "")
