"""What is said of running a Manager is so, and the service files can be used."""

from __future__ import annotations

import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from manager_service.cli import main
from tests.manager_service.running_manager import RunningManager

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "docs" / "services" / "systemd").glob("*.service"))
WHO = ("manager", "worker")


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_option_for_running_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    offered = capsys.readouterr().out.partition("options:")[2].partition("instead of running")[0]
    options = set(re.findall(r"(?<![-\w])(--[a-z-]+)", offered)) - {"--help"}
    documented = set(re.findall(r"`(--[a-z-]+)", section("Options").partition("\n\nWhat")[0]))
    assert documented == options


def test_background_work_is_as_documented(shared_manager: RunningManager) -> None:
    chores = {c["name"]: c for c in shared_manager.get("/background").json["chores"]}
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.*?) \|", section("What it does by itself"), re.MULTILINE
    )
    assert {name for name, _ in rows} == set(chores)
    seconds = {"s": 1, "min": 60, "h": 3600}
    for name, interval in rows:
        told = re.fullmatch(r"(\d+) (s|min|h)", interval)
        if told:
            assert chores[name]["interval_seconds"] == int(told[1]) * seconds[told[2]], name


def test_metrics_are_as_documented(shared_manager: RunningManager) -> None:
    shared_manager.get("/background")  # so that one request was counted
    sent = set(re.findall(r"^# TYPE (flamenco_\w+)", metrics(shared_manager), re.MULTILINE))
    told = set(re.findall(r"`(flamenco_\w+)", section("Metrics")))
    of_background = {name for name in sent if name.startswith("flamenco_background_")}
    # Of each counter and histogram there is a second one that says when it began.
    sent = {name for name in sent - of_background if not name.endswith("_created")}
    assert sent - {"flamenco_manager_info"} == told - {"flamenco_background_"}


def metrics(manager: RunningManager) -> str:
    return manager.get("/metrics").content.decode()


@pytest.fixture(scope="module")
def shared_manager(tmp_path_factory: pytest.TempPathFactory) -> object:
    with RunningManager(tmp_path_factory.mktemp("farm")) as running:
        yield running


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / unit.stem
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = unit.read_text(encoding="utf-8").replace(f"/opt/flamenco/{unit.stem}", str(program))
    copy = tmp_path / unit.name
    copy.write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_managers_unit_leaves_little_to_attack() -> None:
    (unit,) = (unit for unit in UNITS if unit.stem == "flamenco-manager")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(unit)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("who", WHO)
def test_launchd_can_read_its_files(who: str) -> None:
    file = ROOT / "docs" / "services" / "launchd" / f"org.flamenco.{who}.plist"
    job = plistlib.loads(file.read_bytes())
    assert job["Label"] == file.stem
    assert job["ProgramArguments"][:2] == [f"/opt/flamenco/flamenco-{who}", "--home"]
    assert job["KeepAlive"] == {"SuccessfulExit": False}


@pytest.mark.parametrize("who", WHO)
def test_the_task_scheduler_can_read_its_files(who: str) -> None:
    file = ROOT / "docs" / "services" / "windows" / f"flamenco-{who}.xml"
    text = file.read_text(encoding="utf-8")
    # PowerShell passes a text: a declaration would name another encoding than the text's.
    assert not text.startswith("<?xml")
    task = ElementTree.fromstring(text)
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert task.findtext(f".//{space}Command") == rf"C:\Flamenco\flamenco-{who}.exe"
    assert task.findtext(f".//{space}ExecutionTimeLimit") == "PT0S"


def test_the_container_file_is_one_and_starts_the_manager() -> None:
    """No container can be built in a test."""
    file = ROOT / "docs" / "services" / "container" / "Containerfile"
    hadolint = Path(sys.executable).with_name("hadolint")
    checked = subprocess.run(
        [str(hadolint), "--no-color", str(file)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    text = file.read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["/opt/flamenco/bin/flamenco-manager", "--home", "/data"]' in text
    assert "/api/v3/health/live" in text.partition("HEALTHCHECK")[2]
    assert "[manager,javascript]" in text
