"""The periodic check of a farm: it never holds up the end of a Manager."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from flamenco_core.manager import Finding, Manager
from flamenco_core.store import consistency
from manager_service.background.integrity import MOST_TOLD, IntegrityCheck, tell
from tests.flamenco_core.farms import compiled_job, store

TIME_LIMIT = 30


@pytest.fixture
def farm_file(tmp_path: Path) -> Path:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        store(manager, compiled_job(2))
    return file


def test_a_sound_farm_adds_up(farm_file: Path) -> None:
    assert IntegrityCheck(farm_file).run() == []


def test_a_check_that_takes_long_is_cut_off(
    farm_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = threading.Event()

    def read_for_ever(db: sqlite3.Connection) -> list[str]:
        reading.set()
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
        ).fetchall()
        raise AssertionError("it never ends by itself")

    monkeypatch.setattr(consistency, "differences", read_for_ever)
    check = IntegrityCheck(farm_file)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(check.run()))
    thread.start()
    assert reading.wait(TIME_LIMIT)
    while thread.is_alive():  # the query may not have begun at the first time
        check.interrupt()
        thread.join(0.05)
    assert found == [[]]
    assert check.run() == [], "none begins any more"


def test_what_is_wrong_is_logged_but_not_without_end(caplog: pytest.LogCaptureFixture) -> None:
    findings = [Finding(f"thing {number}") for number in range(MOST_TOLD + 5)]
    assert tell(findings) == "25 things are wrong with the farm, the first: thing 0"
    assert len(caplog.records) == MOST_TOLD + 1
    assert "check --repair" in caplog.text
