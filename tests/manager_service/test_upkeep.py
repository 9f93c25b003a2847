"""`flamenco-manager --check`, `--repair`, `--backup` and `--verify-backup`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flamenco_core.config import Config
from flamenco_core.manager import Manager
from manager_service.cli import main
from tests.flamenco_core.farms import compiled_job, store
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A farm with one job that nobody runs now."""
    home = tmp_path / "farm"
    home.mkdir()
    with Manager.open(config=Config(home=home)) as manager:
        store(manager, compiled_job(2))
    return home


def break_counts(home: Path) -> None:
    db = sqlite3.connect(Config(home=home).database_file)
    with db:
        db.execute("UPDATE jobs SET tasks_queued = 5")
    db.close()


def test_a_sound_farm_is_said_to_add_up(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home), "--check"]) == 0
    assert capsys.readouterr().out == "Everything adds up.\n"


def test_a_check_says_what_is_wrong_and_changes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_counts(home)
    for _ in range(2):
        assert main(["--home", str(home), "--check"]) == 1
        printed = capsys.readouterr().out
        assert "wrong: job" in printed
        assert "counts 5 tasks as queued, but has 2" in printed
        assert printed.endswith("1 found, 0 mended\n")


def test_a_repair_mends_and_the_next_check_is_content(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_counts(home)
    assert main(["--home", str(home), "--repair"]) == 0
    assert capsys.readouterr().out.startswith("mended: job")
    assert main(["--home", str(home), "--check"]) == 0


def test_a_running_farm_can_be_checked_and_backed_up_but_not_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, target = tmp_path / "farm", tmp_path / "backup.sqlite"
    with RunningManager(home) as manager:
        manager.submit()
        assert main(["--home", str(home), "--check"]) == 0
        assert main(["--home", str(home), "--backup", str(target)]) == 0
        assert "1 jobs, 2 tasks, 0 workers\nEverything adds up.\n" in capsys.readouterr().out
        assert main(["--home", str(home), "--repair"]) == 1
        assert "is run by process" in capsys.readouterr().err
    assert main(["--verify-backup", str(target)]) == 0


@pytest.mark.parametrize("option", [["--check"], ["--repair"], ["--backup", "copy.sqlite"]])
def test_where_there_is_no_farm_none_is_made(
    tmp_path: Path, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "nowhere"
    assert main(["--home", str(home), *option]) == 1
    assert "There is no farm at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_is_not_good_is_an_error(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_counts(home)
    target = tmp_path / "backup.sqlite"
    assert main(["--home", str(home), "--backup", str(target)]) == 1
    assert "wrong: job" in capsys.readouterr().out
    target.write_bytes(b"no farm at all")
    assert main(["--verify-backup", str(target)]) == 1
    assert str(target) in capsys.readouterr().err


def test_only_one_thing_is_done_at_a_time(home: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--home", str(home), "--check", "--repair"])


def test_a_backup_is_put_back(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backup.sqlite"
    assert main(["--home", str(home), "--backup", str(target)]) == 0
    break_counts(home)
    assert main(["--home", str(home), "--restore", str(target)]) == 0
    assert "What was there is at" in capsys.readouterr().out
    assert main(["--home", str(home), "--check"]) == 0
