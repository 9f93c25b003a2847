"""The page on the link to a Flamenco Server says what the code does."""

from __future__ import annotations

import re

from flamenco_core.config import parse_config
from flamenco_core.rules.upstream import STORED_AS, TOLD_AS
from manager_service.upstream.commands import (
    TASK_TYPES,
    WITHOUT_COUNTERPART,
    translate,
)
from tests.checkouts import ROOT
from tests.manager_service.upstream.test_commands import FLAMENCO_2_COMMANDS

TEXT = (ROOT / "docs" / "upstream.md").read_text("utf-8")


def table(section: str, head: str) -> dict[str, str]:
    """The first table below a heading or sentence, whose cells are names."""
    rows = TEXT.split(section)[1].split(f"{head}\n| --- | --- |\n")[1].split("\n\n")[0]
    names = (re.findall(r"`([a-z_-]+)`", row) for row in rows.splitlines())
    return {row[0]: row[1] for row in names}


def test_statuses_from_the_server() -> None:
    found = table("from the server:", "| Flamenco 2 | here |")
    assert found == {theirs.value: ours.value for theirs, ours in STORED_AS.items()}


def test_statuses_to_the_server() -> None:
    found = table("to the server:", "| here | Flamenco 2 |")
    assert found == {ours.value: theirs.value for ours, theirs in TOLD_AS.items()}


def test_commands() -> None:
    found = table("## What its commands become", "| Flamenco 2 | here |")
    made = {
        name: translate([(name, settings)]).commands[0].name
        for name, settings in FLAMENCO_2_COMMANDS.items()
        if name not in WITHOUT_COUNTERPART
    }
    assert found == made
    listed = TEXT.split("These have no counterpart:")[1].split(".")[0]
    assert set(re.findall(r"`([a-z_]+)`", listed)) == set(WITHOUT_COUNTERPART)


def test_task_types_are_all_named() -> None:
    for theirs, ours in TASK_TYPES.items():
        assert f"`{theirs}`" in TEXT
        assert f"`{ours}`" in TEXT


def test_the_settings_of_the_example_switch_the_link_on() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert parse_config(example, name="", home=ROOT).upstream.is_linked
