from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core.config import Config, parse_config
from flamenco_core.config.worker_settings_section import rule_as_written
from flamenco_core.errors import InvalidInput
from flamenco_core.provisioning import WorkerRule

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"


def parsed(text: str) -> Config:
    return parse_config(text, name="f.yaml", home=Path("/farm"))


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        parsed(text)
    return [str(problem) for problem in refused.value.problems]


def test_the_documented_rules_are_read_and_written_as_they_were() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Settings of workers")[2]
    rules = parsed(section.partition("```yaml\n")[2].partition("```")[0]).worker_rules
    assert rules[1] == WorkerRule(
        platform="windows", programs={"ffmpeg": r"{storage}\tools\ffmpeg.exe"}
    )
    assert [rule_as_written(rule) for rule in rules[2:]] == [
        {"tag": "workstations", "limits": {"threads": 8, "oom_score_adjust": 500}},
        {"worker": "render-07", "slots": 2},
    ]


def test_every_mistake_is_named_with_its_line() -> None:
    nothing = "says nothing about workers (add programs, slots or limits)"
    unknown = "is not a known setting (did you mean"
    found = problems(
        "worker_settings:\n"
        "  - slots: 0\n"
        "  - {tag: GPU, slot: 2}\n"
        "  - limits: {thread: 4}\n"
        "  - {limits: {threads: many}, programs: [a]}\n"
        "  - tag: GPU\n"
        "  - 12\n"
    )
    assert [text.removeprefix("f.yaml, line ") for text in found] == [
        "2, worker_settings[0].slots: must be a whole number from 1 to 64",
        f"3, worker_settings[1].slot: {unknown} slots?)",
        f"3, worker_settings[1]: {nothing}",
        f"4, worker_settings[2].limits.thread: {unknown} threads?)",
        f"4, worker_settings[2]: {nothing}",
        "5, worker_settings[3].programs: must be a list of names with values",
        "5, worker_settings[3].limits.threads: must be a whole number from 1 to 1024",
        f"5, worker_settings[3]: {nothing}",
        f"6, worker_settings[4]: {nothing}",
        "7, worker_settings[5]: must have some of platform, tag, worker, programs, slots, limits",
    ]


def test_what_is_no_list_is_refused() -> None:
    assert problems("worker_settings: {slots: 2}\n") == [
        "f.yaml, line 1, worker_settings: must be a list of rules (begin each with a dash)"
    ]


def test_an_unknown_platform_is_warned_of() -> None:
    config = parsed("worker_settings:\n  - {platform: linus, slots: 2}\n")
    assert [warning.hint for warning in config.warnings] == ["did you mean linux?"]
