"""What is said about building and handing out the extension is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from extension_editions import EDITIONS, PLATFORMS
from tests.checkouts import ROOT
from tests.manager_service.running_manager import RunningManager

TEXT = (ROOT / "docs" / "extension.md").read_text(encoding="utf-8")


def test_every_option_is_told_and_no_other() -> None:
    command = [sys.executable, "scripts/build_extension.py", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    options = shown.partition("options:")[2]
    there = set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", options, re.MULTILINE)) - {"--help"}
    told = set(re.findall(r"`(--[a-z-]+)(?: |`)", TEXT)) - {"--home"}
    assert told == there


def test_all_platforms_and_editions_are_named() -> None:
    for name in [*(each.name for each in PLATFORMS), *(each.name for each in EDITIONS)]:
        assert f"`{name}`" in TEXT


def test_the_addresses_are_served(tmp_path: Path) -> None:
    addresses = re.findall(r"`(/(?:flamenco|api)[^`]*)`", TEXT)
    assert addresses == ["/flamenco-addon.zip", "/api/v3/extension/index.json"]
    with RunningManager(tmp_path) as manager:
        assert "No extension" in manager.get(addresses[0]).json["message"]
        assert manager.get(addresses[1]).status == 200
