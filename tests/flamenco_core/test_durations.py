"""Durations in Go's notation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.durations import LONGEST_DURATION, format_duration, parse_duration
from flamenco_core.errors import InvalidInput


@given(st.timedeltas(min_value=-LONGEST_DURATION, max_value=LONGEST_DURATION))
def test_what_is_written_reads_as_the_same_duration(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "duration", "written"),
    [
        ("10m", timedelta(minutes=10), "10m0s"),
        ("1h30m", timedelta(minutes=90), "1h30m0s"),
        ("1m30s", timedelta(seconds=90), "1m30s"),
        ("10m0s", timedelta(minutes=10), "10m0s"),
        ("1.5h", timedelta(minutes=90), "1h30m0s"),
        ("500ms", timedelta(milliseconds=500), "500ms"),
        ("1500ms", timedelta(seconds=1.5), "1.5s"),
        ("744h", timedelta(days=31), "744h0m0s"),
        ("0", timedelta(0), "0s"),
        ("0s", timedelta(0), "0s"),
        ("-90s", timedelta(seconds=-90), "-1m30s"),
        (".5s", timedelta(milliseconds=500), "500ms"),
        ("1.s", timedelta(seconds=1), "1s"),
        ("12us", timedelta(microseconds=12), "12µs"),
        ("12µs", timedelta(microseconds=12), "12µs"),
        ("12μs", timedelta(microseconds=12), "12µs"),
        ("2000ns", timedelta(microseconds=2), "2µs"),
        ("1.25ms", timedelta(microseconds=1250), "1.25ms"),
        ("1m1h", timedelta(minutes=61), "1h1m0s"),
        (" 10m ", timedelta(minutes=10), "10m0s"),
    ],
)
def test_durations_are_read_and_written_as_in_go(
    text: str, duration: timedelta, written: str
) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == written


@pytest.mark.parametrize("value", ["10", 10, 10.5, "1.5", 0])
def test_a_number_without_a_unit_is_refused_with_how_to_write_it(value: str | float) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_duration(value, where="task_timeout")
    (problem,) = caught.value.problems
    assert problem.where == "task_timeout"
    assert problem.hint == f"write {value}s, {value}m or {value}h"


@pytest.mark.parametrize("text", ["", "m", "10 m", "1d", "10mm", "--1s", "ten", "1h30", "1" * 200])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"1h30m|write"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "reason"), [("1ns", "finer than"), ("3000000h", "longer than 292 years")]
)
def test_durations_that_cannot_be_kept_exactly_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse_duration(text)
