"""The examples for people who embed the engine run as they stand in the documentation."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import flamenco_core
from tests.manager_service.running_manager import RunningManager

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "embedding.md"


def test_the_examples_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RunningManager(tmp_path / "manager") as manager:
        url = f"http://127.0.0.1:{manager.port}/"
        result = doctest.testfile(
            str(DOCUMENT),
            module_relative=False,
            globs={"manager_url": url},
            encoding="utf-8",
            raise_on_error=False,
        )
    assert result.attempted > 40
    assert result.failed == 0


def test_the_documented_names_are_the_public_ones() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text.partition("## What is public")[2].partition("| --- |")[2]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(flamenco_core.__all__)


def test_the_examples_need_nothing_that_is_not_public() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:from|import) (flamenco_core[\w.]*)", text)) == {"flamenco_core"}
