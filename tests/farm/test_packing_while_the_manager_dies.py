"""A Manager that is killed while a project is on its way to it, at every request of the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.packing import FailureKind, Host, PackRequest, PackRun, start_packing
from tests.farm.farm import PATIENCE_SECONDS, Farm
from tests.farm.killing_proxy import KillingProxy, Moment
from tests.flamenco_core.shaman.conftest import small_volume

__all__ = ["small_volume"]

MAKE_PROJECT = Path(__file__).parent.parent / "flamenco_core/packing/make_project.py"
REQUESTS = {
    "asking for the storage": "GET .*shared-storage",
    "asking what is needed": "POST .*requirements",
    "sending a file": "POST .*/shaman/files/",
    "making the checkout": "POST .*/checkout/create",
}


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    command = [sys.executable, str(MAKE_PROJECT), "plain", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm", Path("no-blender"), settings={"shaman": {"enabled": True}})
    farm.start_manager()
    try:
        yield farm
    finally:
        farm.stop()


@pytest.fixture
def proxy(farm: Farm) -> Iterator[KillingProxy]:
    proxy = KillingProxy(farm.manager_port)
    yield proxy
    proxy.close()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def packed(show: Path, port: int, cache: Path) -> PackRun:
    """A run that is over."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    request = PackRequest(show / "show/shots/scene.blend", "job", f"http://127.0.0.1:{port}")
    host = Host((sys.executable, "-I"), environment)
    run = start_packing(request, lambda: host, paths=sys.path)
    assert run.wait(PATIENCE_SECONDS)
    return run


QUICK = [
    ("asking what is needed", Moment.RECEIVED),
    ("making the checkout", Moment.RECEIVED),
    ("making the checkout", Moment.ANSWERED),
]
"""The rest waits for a Manager that does not come back, or differs little."""


@pytest.mark.parametrize(
    ("request_line", "moment"),
    [
        pytest.param(
            REQUESTS[name],
            moment,
            id=f"{name}-{moment.name.lower()}",
            marks=() if (name, moment) in QUICK else pytest.mark.thorough,
        )
        for name in REQUESTS
        for moment in Moment
    ],
)
def test_a_manager_that_dies_for_good_is_told_and_the_next_try_goes_on(
    farm: Farm,
    proxy: KillingProxy,
    show: Path,
    scratch: Path,
    tmp_path: Path,
    request_line: str,
    moment: Moment,
) -> None:
    proxy.kill_at(request_line, moment, farm.kill_manager)
    run = packed(show, proxy.port, tmp_path / "cache")
    assert proxy.has_killed.wait(PATIENCE_SECONDS)
    assert run.failure is not None, run.outcome
    assert run.failure.kind is FailureKind.UNREACHABLE
    assert list(scratch.iterdir()) == []
    farm.start_manager()
    again = packed(show, farm.manager_port, tmp_path / "cache")
    assert again.outcome is not None, again.failure
    assert_whole(farm, again.outcome.blendfile)


def test_a_manager_that_comes_back_while_files_are_sent_gets_the_rest(
    farm: Farm, proxy: KillingProxy, show: Path, scratch: Path, tmp_path: Path
) -> None:
    starting = threading.Thread(target=farm.start_manager)

    def restart() -> None:
        farm.kill_manager()
        starting.start()

    proxy.kill_at(REQUESTS["sending a file"], Moment.RECEIVED, restart)
    run = packed(show, proxy.port, tmp_path / "cache")
    starting.join()
    assert run.outcome is not None, run.failure
    assert_whole(farm, run.outcome.blendfile)
    assert list(scratch.iterdir()) == []


def assert_whole(farm: Farm, blendfile: str) -> None:
    folder = farm.folder / "shared/jobs"
    blend = Path(blendfile.replace("{jobs}", str(folder)))
    assert blend.read_bytes().startswith(b"BLENDER")
    checkout = blend.parent.parent
    files = [file for file in checkout.rglob("*.png") if file.is_file()]
    assert len(files) == 5


def test_a_manager_whose_disk_is_full_is_told_as_such(
    show: Path, scratch: Path, tmp_path: Path, small_volume: Path
) -> None:
    settings: dict[str, object] = {
        "shaman": {"enabled": True},
        "shared_storage_path": str(small_volume / "shared"),
    }
    farm = Farm(tmp_path / "farm", Path("no-blender"), settings=settings)
    farm.start_manager()
    try:
        run = packed(show, farm.manager_port, tmp_path / "cache")
    finally:
        farm.stop()
    assert run.failure is not None, run.outcome
    assert run.failure.kind is FailureKind.REFUSED
    assert "make room on the shared storage" in run.failure.message
    assert list((small_volume / "shared/jobs").glob("*")) == []
    assert list(scratch.iterdir()) == []
