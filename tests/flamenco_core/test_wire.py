"""JSON to dataclasses and back: strict, complete in its complaints, and without nulls."""

from __future__ import annotations

import contextlib
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core import model, wire
from flamenco_core.errors import InvalidInput
from flamenco_core.statuses import JobStatus

JOB = {"name": "shot", "type": "echo-sleep-test", "submitter_platform": "linux"}


def problems(data: object, cls: type) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        wire.from_json(data, cls)
    return {problem.where: problem.what for problem in caught.value.problems}


def test_all_problems_are_named_at_once_with_their_places() -> None:
    data = {"name": 2, "priority": 101, "metadata": {"user": 1}, "initial_status": "done"}
    assert set(problems(data, model.SubmittedJob)) == {
        *("name", "type", "priority", "metadata.user", "submitter_platform", "initial_status")
    }


def test_places_in_lists_are_numbered() -> None:
    data = {"files": [{"sha": "0" * 64, "size": 1, "path": "a"}, {"sha": 5, "size": "1"}, 3]}
    assert set(problems(data, model.ShamanRequirementsRequest)) == {
        *("files[1].sha", "files[1].size", "files[1].path", "files[2]")
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 1),
        ("name", None),
        ("priority", "50"),
        ("priority", 50.0),
        ("priority", True),
        ("settings", []),
        ("metadata", "text"),
        ("submitter_platform", ["linux"]),
        ("name", "\ud800"),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_converted(field: str, value: object) -> None:
    assert set(problems({**JOB, field: value}, model.SubmittedJob)) == {field}


@pytest.mark.parametrize("data", [None, [], "text", 1])
def test_something_other_than_an_object_is_refused(data: object) -> None:
    assert "must be an object" in problems(data, model.SubmittedJob)[""]


def test_an_unknown_status_is_answered_with_the_known_ones() -> None:
    assert (
        "under-construction, queued"
        in problems({**JOB, "initial_status": "done"}, model.SubmittedJob)["initial_status"]
    )


def test_keys_of_newer_programs_are_ignored() -> None:
    assert wire.from_json({**JOB, "colour": "red"}, model.SubmittedJob).name == "shot"


def test_bad_json_is_placed_by_line_and_column() -> None:
    with pytest.raises(InvalidInput, match="line 2, column 3"):
        wire.from_json_text('{"name":\n  }', model.SubmittedJob)


@pytest.mark.parametrize("text", ["NaN", "[" * 100_000, b"\xff", ""])
def test_json_that_cannot_be_read_is_a_problem_and_no_crash(text: str | bytes) -> None:
    with pytest.raises(InvalidInput, match="not valid JSON"):
        wire.from_json_text(text, model.SubmittedJob)


def test_absent_is_left_out_and_never_null() -> None:
    job = wire.from_json(JOB, model.SubmittedJob)
    assert wire.to_json(job) == {**JOB, "priority": 50, "settings": {}, "metadata": {}}


def test_times_are_utc_with_microseconds() -> None:
    time = datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert wire.format_time(time) == "2026-02-03T04:05:06.000007Z"
    assert wire.parse_time("2026-02-03T05:05:06.000007+01:00") == time
    with pytest.raises(ValueError, match="offset"):
        wire.parse_time("2026-02-03T05:05:06")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(data=JSON)
def test_arbitrary_json_is_taken_or_refused_and_never_crashes(data: Any) -> None:
    for cls in (model.SubmittedJob, model.TaskUpdate, model.ShamanCheckout):
        with contextlib.suppress(InvalidInput):
            value: object = wire.from_json(data, cls)
            assert wire.from_json(wire.to_json(value), cls) == value


@given(name=st.text(), settings=st.dictionaries(st.text(), JSON), status=st.sampled_from(JobStatus))
def test_a_submission_survives_the_round_trip(
    name: str, settings: dict[str, Any], status: JobStatus
) -> None:
    job = model.SubmittedJob(
        name=name, type="t", submitter_platform="linux", settings=settings, initial_status=status
    )
    assert wire.from_json(wire.to_json(job), model.SubmittedJob) == job


def test_constraints_of_the_model_are_ones_that_reading_knows() -> None:
    classes = [cls for cls in vars(model).values() if isinstance(cls, type) and is_dataclass(cls)]
    names = {name for cls in classes for field in fields(cls) for name in field.metadata}
    assert names <= set(wire._CONSTRAINTS)
