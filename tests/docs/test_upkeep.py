"""What the documentation says of looking after a farm can be done."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from flamenco_core.config import Config
from flamenco_core.manager import Manager
from flamenco_core.store.host_statistics import ROWS_PER_WORKER
from manager_service.cli import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "upkeep.md").read_text(encoding="utf-8")

OTHER_COMMANDS = {"user"}
"""Those that have nothing to do with upkeep."""


def commands() -> list[str]:
    return re.findall(r"^ {4}flamenco-manager (.*)$", TEXT, re.MULTILINE)


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    home, backups = tmp_path / "farm", tmp_path / "backups"
    home.mkdir()
    backups.mkdir()
    Manager.open(config=Config(home=home)).close()
    assert len(commands()) == 3
    for command in commands():
        here = command.replace("/srv/farm", str(home)).replace("/backups", str(backups))
        assert main(shlex.split(here)) == 0, command


def test_every_command_and_option_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    offered = capsys.readouterr().out
    instead = offered.partition("instead of running, as in")[2].partition("commands, instead")
    options = set(re.findall(r"^  (--[a-z-]+)", instead[0], re.MULTILINE)) - {"--yes"}
    commands = set(re.findall(r"^    ([a-z-]+) ", instead[2], re.MULTILINE)) - OTHER_COMMANDS
    documented = set(re.findall(r"^\| `([a-z-]+)", TEXT, re.MULTILINE))
    assert options | commands == documented
    assert "`--yes`" in TEXT


def test_the_bound_of_host_statistics_is_as_documented() -> None:
    assert f"at most {ROWS_PER_WORKER} rows" in TEXT
