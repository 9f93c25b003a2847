"""What the documentation says of the configuration is so."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core import wire
from flamenco_core.config import Config, load_config
from flamenco_core.config.descriptions import MEANINGS
from flamenco_core.config.keys import BY_OLD_NAME, KEYS, WITHOUT_MEANING
from flamenco_core.durations import format_duration
from flamenco_core.model import Audience
from flamenco_core.model.configuration import ConfigurationChange
from flamenco_core.variables import VariableTable
from manager_service.api import all_operations
from manager_service.routing import API

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
EXAMPLE = TEXT.partition("```yaml\n")[2].partition("```")[0]


def rows(after: str) -> list[list[str]]:
    """The cells of the table below a text."""
    table = TEXT.partition(after)[2].partition("| ---")[2].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]
    ]


def default(field: str) -> str:
    """A field's default as the file would say it."""
    value: Any = Config()
    for name in field.split("."):
        value = getattr(value, name)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value in (None, {}) else str(value)


def test_every_setting_is_documented_once_with_its_default() -> None:
    documented = {
        name: defaults.strip("`")
        for names, defaults, _meaning in rows("## Settings")
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert documented == {key.path: default(key.field) for key in KEYS}


def test_every_setting_is_explained_by_the_program_as_it_is_documented() -> None:
    documented = {
        name: meaning
        for names, _default, meaning in rows("## Settings")
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert documented == MEANINGS


def test_the_settings_that_count_at_once_are_listed() -> None:
    listed = TEXT.partition("These count at once:")[2].partition("`variables`")[0]
    assert re.findall(r"`([^`]+)`", listed) == [key.path for key in KEYS if key.is_live]


def test_every_operation_on_settings_exists_and_the_example_can_be_sent() -> None:
    table = TEXT.partition("## Over HTTP")[2]
    known = {(each.method, each.path.removeprefix(API)) for each in all_operations()}
    listed = re.findall(r"`([A-Z]+) (/[a-z/]+)`", table.partition("\n\n- ")[0])
    assert len(listed) > 7
    assert set(listed) <= known
    example = table.partition("```json\n")[2].partition("```")[0]
    change = wire.from_json_text(example, ConfigurationChange)
    assert set(change.settings) <= {key.path for key in KEYS}
    assert change.variables


def test_every_old_name_is_documented_with_its_new_one() -> None:
    documented = {
        old: new.strip("`")
        for olds, new in rows("## Files of Flamenco 2")
        for old in re.findall(r"`([^`]+)`", olds)
    }
    for old_name, key in BY_OLD_NAME.items():
        assert documented[old_name] == key.path
    section = TEXT.partition("These have no meaning here")[2].partition("\n\n")[0]
    assert re.findall(r"`([^`]+)`", section) == list(WITHOUT_MEANING)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The documentation's file, as that of a Manager on Linux, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("flamenco-manager.yaml").write_text(EXAMPLE, encoding="utf-8")
    return replace(load_config("flamenco-manager.yaml", environment={}), platform="linux")


def test_the_examples_of_variables_are_so(example: Config) -> None:
    def of(platform: str) -> VariableTable:
        return example.variables_for(Audience.WORKERS, platform)

    found = dict(rows("## Variables"))
    assert of("windows").abbreviate(r"f:/shots\a.blend") == "{storage}/shots/a.blend"
    assert found[r"`f:/shots\a.blend`, submitted on Windows"] == "`{storage}/shots/a.blend`"
    for text, platform in [
        ("{storage}/shots/a.blend", "windows"),
        ("{storage}/shots/a.blend", "linux"),
        ("{jobs}/a.blend", "windows"),
        ("-P {storage}/a.py -- 7//2", "windows"),
    ]:
        name = "that" if text.startswith("{storage}/shots") else f"`{text}`"
        shown = found[f"{name}, for a worker on {platform.capitalize()}"]
        assert shown.startswith(f"`{of(platform).expand(text)}`")
    assert of("linux").abbreviate("/mnt/farm2/a.blend") == "/mnt/farm2/a.blend"


def test_the_examples_in_python_run_as_they_stand(example: Config) -> None:
    result = doctest.testfile(
        str(DOCUMENT), module_relative=False, encoding="utf-8", raise_on_error=False
    )
    assert result.attempted > 8
    assert result.failed == 0


def test_the_documented_file_is_read(example: Config) -> None:
    assert example.shared_storage == Path("/mnt/farm/flamenco")
    assert example.warnings == ()
