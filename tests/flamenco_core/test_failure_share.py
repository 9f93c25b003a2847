"""Of three who say at which share of failed tasks a job fails, the nearest to the job counts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput
from flamenco_core.failure_share import (
    FAILED_TASKS_KEY,
    FailureShare,
    ShareSource,
    check_metadata,
    failure_share,
)
from flamenco_core.time_limits import limits_of_job

PERCENTAGES = st.integers(min_value=1, max_value=100)


@given(farm=PERCENTAGES, of_type=st.none() | PERCENTAGES, of_job=st.none() | PERCENTAGES)
def test_a_job_counts_more_than_its_type_and_that_more_than_the_farm(
    farm: int, of_type: int | None, of_job: int | None
) -> None:
    types = {"other-render": 1} | ({} if of_type is None else {"render": of_type})
    said = None if of_job is None else str(of_job)
    found = failure_share("render", said, of_farm=farm, of_types=types)
    if of_job is not None:
        assert found == FailureShare(of_job, ShareSource.JOB)
    elif of_type is not None:
        assert found == FailureShare(of_type, ShareSource.JOB_TYPE)
    else:
        assert found == FailureShare(farm, ShareSource.FARM)


@given(percentage=PERCENTAGES, failed=st.integers(0, 500), others=st.integers(0, 500))
def test_a_share_is_reached_exactly_from_its_percentage_on(
    percentage: int, failed: int, others: int
) -> None:
    total = failed + others + 1
    share = FailureShare(percentage, ShareSource.FARM)
    assert share.is_reached(failed, total) is (Fraction(failed, total) >= Fraction(percentage, 100))


@pytest.mark.parametrize("said", ["1", "25", "25%", " 25 % ", "100%"])
def test_what_can_be_submitted_is_used(said: str) -> None:
    check_metadata({FAILED_TASKS_KEY: said})
    expected = int(said.strip(" %"))
    found = failure_share("render", said, of_farm=10, of_types={"render": 20})
    assert found == FailureShare(expected, ShareSource.JOB)


@pytest.mark.parametrize("said", ["", "0", "0%", "101", "2.5", "-5", "half", "25 per cent", "%"])
def test_what_is_no_share_is_refused_and_says_nothing_if_it_is_stored(said: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_metadata({FAILED_TASKS_KEY: said})
    (problem,) = refusal.value.problems
    assert problem.where == "metadata.limits.failed_tasks"
    assert "25%" in problem.hint
    found = failure_share("render", said, of_farm=10, of_types={})
    assert found == FailureShare(10, ShareSource.FARM)


def test_a_share_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput):
        check_metadata({FAILED_TASKS_KEY: 25})


def test_workers_never_hear_of_it() -> None:
    metadata = {FAILED_TASKS_KEY: "25%", "limits.total": "3h"}
    assert limits_of_job(metadata) == {"total": "3h"}
