"""What log lines look like on a terminal, in a file, and in systemd's journal."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from flamenco_core.log_lines import LogForm, TextLines, WithPriority, form_for


def logged(form: LogForm, level: int = logging.WARNING, *, failure: bool = False) -> str:
    record = logging.LogRecord("farm", level, __file__, 1, "a %s thing", ("strange",), None)
    if failure:
        try:
            raise RuntimeError("first line\nsecond line")
        except RuntimeError:
            record.exc_info = sys.exc_info()
    lines = TextLines(form)
    return (WithPriority(lines) if form.is_for_journal else lines).format(record)


def test_text_has_the_time_with_its_zone() -> None:
    text = logged(LogForm())
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
    assert re.fullmatch(rf"{time} WARNING farm: a strange thing", text)


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
    ],
)
def test_the_journal_gets_priorities_and_no_second_time(level: int, priority: int) -> None:
    text = logged(LogForm(is_for_journal=True), level)
    assert text == f"<{priority}>{logging.getLevelName(level)} farm: a strange thing"


def test_each_line_of_a_traceback_has_its_priority_in_the_journal() -> None:
    lines = logged(LogForm(is_for_journal=True), logging.ERROR, failure=True).splitlines()
    assert len(lines) > 4
    assert all(line.startswith("<3>") for line in lines)


def test_a_stream_is_the_journal_only_if_systemd_says_that_of_this_very_stream(
    tmp_path: Path,
) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "file").open("w") as file:
        status = os.fstat(journal.fileno())
        environment = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert form_for(journal, environment, as_json=False).is_for_journal
        assert not form_for(file, environment, as_json=False).is_for_journal
        assert not form_for(journal, {}, as_json=False).is_for_journal


def test_only_a_terminal_gets_colours() -> None:
    assert not form_for(io.StringIO(), {}, as_json=False).has_colours
    ours, theirs = pty.openpty()
    with os.fdopen(ours), os.fdopen(theirs, "w") as terminal:
        assert form_for(terminal, {}, as_json=False).has_colours
        assert not form_for(terminal, {}, as_json=True).has_colours
        for told in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            assert not form_for(terminal, told, as_json=False).has_colours
    assert "\x1b[33m" in logged(LogForm(has_colours=True))
    assert "\x1b" not in logged(LogForm())
