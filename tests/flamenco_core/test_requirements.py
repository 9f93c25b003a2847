from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.requirements import lacking, meets, requirement_problem

WORKER = {"device": "gpu", "memory_gb": "64", "blender": "4.10.2", "platform": "linux"}


@pytest.mark.parametrize(
    ("key", "wanted", "is_met"),
    [
        ("device", "gpu", True),
        ("device", "=gpu", True),
        ("device", "cpu", False),
        ("device", "!=cpu", True),
        ("memory_gb", ">=64", True),
        ("memory_gb", ">64", False),
        ("memory_gb", ">= 7", True),
        ("blender", ">=4.9", True),
        ("blender", ">=4.10", True),
        ("blender", "<4.10.2", False),
        ("blender", "<5", True),
        ("blender", "<=4.10.2.0", True),
        ("device", ">=1", False),
        ("licence", "!=x", False),
        ("licence", ">=0", False),
    ],
)
def test_a_requirement_is_met_by_value_or_by_comparison(
    key: str, wanted: str, is_met: bool
) -> None:
    assert meets({key: wanted}, WORKER) is is_met


@pytest.mark.parametrize(
    ("wanted", "is_met"),
    [
        ("gpu", True),
        ("cpu", True),
        ("metal", False),
        ("!=gpu", False),
        ("!=metal", True),
        ("cpu, gpu", True),
        (">=4.2", True),
        (">=4.6", False),
        ("<4", True),
    ],
)
def test_where_a_worker_has_several_of_a_kind_one_has_to_fit(wanted: str, is_met: bool) -> None:
    has = "3.6.1, 4.5.2" if wanted[0] in "<>" else "cpu, gpu"
    assert meets({"x": wanted}, {"x": has}) is is_met


def test_everything_that_is_lacking_is_named() -> None:
    assert lacking({"device": "gpu", "memory_gb": ">=128", "rack": "7"}, WORKER) == [
        *("memory_gb >=128", "rack 7")
    ]
    assert meets({}, {})


@pytest.mark.parametrize("wanted", ["", ">=", " ", ">=fast", "<4.x"])
def test_a_requirement_that_says_nothing_is_a_problem(wanted: str) -> None:
    assert requirement_problem(wanted)


@pytest.mark.parametrize("wanted", ["gpu", "!=gpu", ">=4.2", "< 5", "= a b"])
def test_a_requirement_that_can_be_read_is_none(wanted: str) -> None:
    assert requirement_problem(wanted) == ""


VERSIONS = st.lists(st.integers(0, 99), min_size=1, max_size=4)


@given(has=VERSIONS, wanted=VERSIONS)
def test_of_less_and_at_least_exactly_one_holds(has: list[int], wanted: list[int]) -> None:
    capabilities = {"v": ".".join(map(str, has))}
    text = ".".join(map(str, wanted))
    assert meets({"v": f">={text}"}, capabilities) != meets({"v": f"<{text}"}, capabilities)
