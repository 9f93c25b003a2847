"""What is written about job types is so."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from flamenco_core.frames import FrameOrder, parse_frames
from flamenco_core.job_types.library import JobTypeLibrary
from manager_service.api import all_operations
from manager_service.routing import API

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "job-types.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_examples_run_as_they_stand() -> None:
    result = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert result.attempted > 5
    assert result.failed == 0


def test_every_built_in_job_type_is_described() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE)
    assert set(rows) == {job_type.name for job_type in JobTypeLibrary().available()}


def test_every_order_of_frames_is_described_and_every_notation_is_understood() -> None:
    table = TEXT.partition("| written | means |")[2].partition("\n\n")[0]
    written = [text for row in table.splitlines()[2:] for text in re.findall(r"`(.+?)`", row)]
    assert len(written) > 7
    orders = {parse_frames(text).order for text in written}
    assert orders == set(FrameOrder)


def test_every_operation_on_scripts_exists() -> None:
    table = TEXT.partition("## Looking at them")[2].partition("\n\n## ")[0]
    known = {(each.method, each.path.removeprefix(API)) for each in all_operations()}
    listed = re.findall(r"^\| `([A-Z]+) (/[^`]+)` \|", table, re.MULTILINE)
    assert len(listed) == 6
    assert set(listed) <= known
