"""Whose expressions may run in an artist's Blender."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_addon.trust import (
    FarmIdentity,
    TrustedFarms,
    foreign_expressions,
    is_known,
    known_expressions,
)
from flamenco_core.job_types.builtin import simple_blender_render
from flamenco_core.model import AvailableJobSetting, AvailableJobType, SettingType

FARM = FarmIdentity("http://farm:8080", "one")


def test_trust_lasts_and_can_be_withdrawn(tmp_path: Path) -> None:
    file = tmp_path / "not yet there" / "trusted.json"
    farms = TrustedFarms(file)
    assert not farms.trusts(FARM)
    farms.trust(FARM)
    assert TrustedFarms(file).trusts(FARM)
    farms.forget(FARM)
    assert not TrustedFarms(file).trusts(FARM)


@pytest.mark.parametrize(
    "other",
    [
        FarmIdentity("http://farm:8080", "two"),
        FarmIdentity("http://other:8080", "one"),
        FarmIdentity("http://farm:8080"),
    ],
)
def test_another_farm_is_not_trusted_neither_at_the_same_address_nor_with_the_same_name(
    tmp_path: Path, other: FarmIdentity
) -> None:
    farms = TrustedFarms(tmp_path / "trusted.json")
    farms.trust(FARM)
    assert not farms.trusts(other)


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"url": "x"}]', "{}", "null"])
def test_a_damaged_file_is_no_trust(tmp_path: Path, content: str) -> None:
    file = tmp_path / "trusted.json"
    file.write_text(content, encoding="utf-8")
    assert not TrustedFarms(file).trusts(FARM)


def job_type(*expressions: str) -> AvailableJobType:
    settings = [
        AvailableJobSetting(key=f"s{number}", type=SettingType.STRING, eval=expression)
        for number, expression in enumerate(expressions)
    ]
    return AvailableJobType(name="own", label="Own", settings=settings, etag="1")


def test_expressions_of_the_built_in_job_types_are_known() -> None:
    for setting in simple_blender_render.JOB_TYPE.settings:
        assert setting.eval is None or is_known(setting.eval)
    assert len(known_expressions()) > 5


def test_everything_else_is_to_be_seen_first() -> None:
    own = "__import__('os').system('x')"
    found = foreign_expressions([job_type("C.scene.name", own, "C.scene.name  ")])
    assert [(each.job_type, each.setting, each.text) for each in found] == [("own", "s1", own)]
