"""What the Manager's log looks like to a program."""

from __future__ import annotations

import json
import logging
import re
import sys

from manager_service.logs import LogForm, formatter


def logged(form: LogForm, *, failure: bool = False) -> str:
    record = logging.LogRecord(
        "farm", logging.WARNING, __file__, 1, "a %s thing", ("strange",), None
    )
    if failure:
        try:
            raise RuntimeError("first line\nsecond line")
        except RuntimeError:
            record.exc_info = sys.exc_info()
    record.request_id = "1234abcd"
    return formatter(form).format(record)


def test_json_is_one_object_a_line_with_whatever_else_is_known() -> None:
    line = logged(LogForm(is_json=True), failure=True)
    assert "\n" not in line
    said = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", said.pop("time"))
    assert "RuntimeError: first line\nsecond line" in said.pop("traceback")
    assert said == {
        "level": "WARNING",
        "logger": "farm",
        "message": "a strange thing",
        "request_id": "1234abcd",
    }


def test_json_in_the_journal_has_priorities_too() -> None:
    text = logged(LogForm(is_json=True, is_for_journal=True))
    assert text.startswith("<4>{")
    assert json.loads(text[3:])["message"] == "a strange thing"
