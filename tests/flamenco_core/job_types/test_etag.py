"""Etags, as a Manager written in Go computes them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from flamenco_core.job_types.etag import etag_of
from flamenco_core.model import (
    AvailableJobSetting,
    AvailableJobType,
    SettingEvalInfo,
    SettingType,
)


def with_default(value: object) -> AvailableJobType:
    setting = AvailableJobSetting(key="k", type=SettingType.FLOAT, default=value)
    return AvailableJobType(name="n", label="l", settings=[setting], etag="")


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def test_the_text_is_compact_sorted_escaped_and_without_what_is_not_set() -> None:
    setting = AvailableJobSetting(
        key="k",
        type=SettingType.STRING,
        choices=["ä", "b"],
        propargs={"max": 2, "a": {"c": None}},
        eval="a < b & 'c' > \"d\"\n\u2028",
        evalInfo=SettingEvalInfo(showLinkButton=True, description="x"),
        required=False,
    )
    job_type = AvailableJobType(
        name="n", label="l", description="d", settings=[setting], etag="whatever"
    )
    assert etag_of(job_type) == sha1(
        '{"description":"d","etag":"","label":"l","name":"n","settings":[{"choices":["ä","b"],'
        '"eval":"a \\u003c b \\u0026 \'c\' \\u003e \\"d\\"\\n\\u2028",'
        '"evalInfo":{"description":"x","showLinkButton":true},"key":"k",'
        '"propargs":{"a":{"c":null},"max":2},"required":false,"type":"string"}]}'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.5, "0.5"),
        (-0.0, "-0"),
        (0.00001, "0.00001"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (2.5e300, "2.5e+300"),
        (True, "true"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value: object, text: str) -> None:
    setting = f'{{"default":{text},"key":"k","type":"float"}}'
    expected = sha1(f'{{"etag":"","label":"l","name":"n","settings":[{setting}]}}')
    assert etag_of(with_default(value)) == expected


def test_any_change_of_the_definition_changes_the_etag() -> None:
    job_type = with_default(1)
    others = [with_default(2), replace(job_type, label="m"), replace(job_type, description="")]
    assert len({etag_of(job_type), *map(etag_of, others)}) == 4
