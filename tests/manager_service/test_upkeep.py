"""The commands of `flamenco-manager` that look after a farm."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest

from flamenco_core.config import Config, load_config
from flamenco_core.manager import Manager
from manager_service.cli import main
from tests.flamenco_core.farms import compiled_job, store
from tests.manager_service.running_manager import RunningManager

FIRST_FARM = Path(__file__).parents[1] / "flamenco_core" / "store" / "farm_of_first_schema.sql"


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
    assert main(["--home", str(home), "check"]) == 0
    assert capsys.readouterr().out == "Everything adds up.\n"


def test_a_check_says_what_is_wrong_and_changes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_counts(home)
    for _ in range(2):
        assert main(["--home", str(home), "check"]) == 1
        printed = capsys.readouterr().out
        assert "wrong: job" in printed
        assert "counts 5 tasks as queued, but has 2" in printed
        assert printed.endswith("1 found, 0 mended\n")


def test_a_repair_mends_and_the_next_check_is_content(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_counts(home)
    assert main(["--home", str(home), "check", "--repair"]) == 0
    assert capsys.readouterr().out.startswith("mended: job")
    assert main(["--home", str(home), "check"]) == 0


def test_a_running_farm_can_be_checked_and_backed_up_but_not_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, target = tmp_path / "farm", tmp_path / "backup.sqlite"
    with RunningManager(home) as manager:
        manager.submit()
        assert main(["--home", str(home), "check"]) == 0
        assert main(["--home", str(home), "backup", str(target)]) == 0
        assert "1 jobs, 2 tasks, 0 workers\nEverything adds up.\n" in capsys.readouterr().out
        assert main(["--home", str(home), "check", "--repair"]) == 1
        assert "is run by process" in capsys.readouterr().err
    assert main(["verify-backup", str(target)]) == 0


@pytest.mark.parametrize(
    "option",
    [["check"], ["check", "--repair"], ["migrate"], ["-cleanslate"], ["backup", "copy.sqlite"]],
)
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
    assert main(["--home", str(home), "backup", str(target)]) == 1
    assert "wrong: job" in capsys.readouterr().out
    target.write_bytes(b"no farm at all")
    assert main(["verify-backup", str(target)]) == 1
    assert str(target) in capsys.readouterr().err


def test_a_backup_that_cannot_be_written_is_one_plain_sentence(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "no such folder" / "farm.sqlite"
    assert main(["--home", str(home), "backup", str(target)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"flamenco-manager: The backup {target} cannot be written: ")
    assert "Errno" not in said
    assert ".partial" not in said


@pytest.mark.parametrize("arguments", [["check", "migrate"], ["-cleanslate", "-shaman-gc-show"]])
def test_only_one_thing_is_done_at_a_time(home: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--home", str(home), *arguments])


def test_a_backup_is_put_back(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backup.sqlite"
    assert main(["--home", str(home), "backup", str(target)]) == 0
    break_counts(home)
    assert main(["--home", str(home), "restore", str(target)]) == 0
    assert "What was there is at" in capsys.readouterr().out
    assert main(["--home", str(home), "check"]) == 0


def test_a_farm_that_is_up_to_date_is_migrated_without_a_copy(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--home", str(home)]) == 0
    assert capsys.readouterr().out.endswith("is up to date.\n")
    assert not list(home.glob("*.backup"))


def test_a_farm_of_an_older_schema_is_migrated_after_a_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "older"
    home.mkdir()
    file = Config(home=home).database_file
    db = sqlite3.connect(file)
    db.executescript(FIRST_FARM.read_text(encoding="utf-8"))
    db.close()
    assert main(["--home", str(home), "check"]) == 1
    assert "older version" in capsys.readouterr().err
    assert main(["--home", str(home), "migrate"]) == 0
    backup = file.with_name(f"{file.name}.schema-1.backup")
    assert f"The farm as it was is at {backup}\n" in capsys.readouterr().out
    assert main(["--home", str(home), "check"]) == 0


def test_all_jobs_go_after_a_backup_and_a_yes(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-home", str(home), "-cleanslate", "-yes"]) == 0
    assert "1 jobs were deleted." in capsys.readouterr().out
    with Manager.open(config=Config(home=home)) as manager, manager.reader() as reader:
        assert reader.jobs() == []
        assert manager.check(whole_file=True) == []
    (backup,) = home.glob("*.before-cleanslate-*.backup")
    assert main(["--home", str(home), "restore", str(backup)]) == 0
    with Manager.open(config=Config(home=home)) as manager, manager.reader() as reader:
        assert len(reader.jobs()) == 1


def test_what_a_server_was_not_told_is_forgotten_after_a_backup(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "-purgequeue"]) == 0
    assert "Nothing waits" in capsys.readouterr().out
    db = sqlite3.connect(Config(home=home).database_file)
    with db:
        for number in range(3):
            db.execute(
                """INSERT INTO upstream_updates (update_id, upstream_task_id, body, send_after)
                   VALUES (?, 'task', '{}', 0)""",
                [f"update-{number}"],
            )
    db.close()
    assert main(["--home", str(home), "-purgequeue", "-yes"]) == 0
    assert "3 updates were forgotten." in capsys.readouterr().out
    assert len(list(home.glob("*.before-purgequeue-*.backup"))) == 1
    assert main(["--home", str(home), "-purgequeue"]) == 0
    assert "Nothing waits" in capsys.readouterr().out


def test_all_jobs_go_if_a_person_says_yes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.StringIO("yes\n")
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["--home", str(home), "--cleanslate"]) == 0
    with Manager.open(config=Config(home=home)) as manager, manager.reader() as reader:
        assert reader.jobs() == []


def test_without_a_yes_no_job_is_deleted(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for typed, is_terminal in (("no\n", True), ("yes\n", False)):
        stdin = io.StringIO(typed)
        monkeypatch.setattr(stdin, "isatty", lambda is_terminal=is_terminal: is_terminal)
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["--home", str(home), "--cleanslate"]) == 1
    assert "add --yes" in capsys.readouterr().err
    with Manager.open(config=Config(home=home)) as manager, manager.reader() as reader:
        assert len(reader.jobs()) == 1


@pytest.mark.parametrize(
    ("show", "delete"),
    [
        (["-shaman-gc-show"], ["-shaman-gc-delete"]),
        (["-gc", "-mode", "production"], ["-gc", "-i-know-what-i-am-doing"]),
    ],
    ids=["Flamenco 3", "Flamenco 2"],
)
def test_uploaded_files_that_nobody_uses_are_shown_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], show: list[str], delete: list[str]
) -> None:
    home = tmp_path / "farm"
    home.mkdir()
    (home / "flamenco-manager.yaml").write_text(
        "_meta: {version: 3}\nshaman: {garbageCollect: {maxAge: 0s}}\n"
    )
    blob = Config(home=home).file_store / "stored" / "ab" / ("c" * 62) / "3.blob"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"old")
    assert main(["--home", str(home), *show]) == 0
    assert "1 of 1 stored files" in capsys.readouterr().out
    assert blob.exists()
    assert main(["--home", str(home), *delete]) == 0
    assert "1 files" not in capsys.readouterr().out
    assert not blob.exists()


def test_a_configuration_is_written_that_means_what_it_did(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "flamenco-manager.yaml"
    file.write_text("_meta: {version: 3}\n# the studio's\nmanager_name: Studio\n")
    before = load_config(file)
    assert main(["--home", str(home), "-write-config"]) == 0
    assert load_config(file) == before
    text = file.read_text()
    assert "# the studio's" in text
    assert "task_timeout: 10m0s" in text
