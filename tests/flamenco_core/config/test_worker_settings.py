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
    not_a_count = "must be a whole number from 1 to 64 (or a list with what each slot takes)"
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
        f"2, worker_settings[0].slots: {not_a_count}",
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


def test_slots_can_be_given_with_what_each_takes(tmp_path: Path) -> None:
    written = [
        {"name": "card", "task_types": ["blender"], "devices": ["optix:0"], "threads": 8},
        {"name": "rest", "task_types": ["ffmpeg", "misc"], "memory_limit": 4_000_000_000},
    ]
    text = (
        "worker_settings: [{worker: w, slots: ["
        "{name: card, task_types: [blender], devices: OptiX:0, threads: 8}, "
        "{name: rest, task_types: [ffmpeg, misc], memory_limit: 4 GB}]}]\n"
    )
    (rule,) = parsed(text).worker_rules
    assert rule.slots == 2
    assert rule_as_written(rule) == {"worker": "w", "slots": written}
    assert parsed(f"worker_settings: [{rule_as_written(rule)}]").worker_rules == (rule,)


def test_every_mistake_in_slots_is_named() -> None:
    found = problems(
        "worker_settings:\n"
        "  - slots:\n"
        "      - {device: cpu, threads: 0}\n"
        "      - {devices: [optix, cpu, hip]}\n"
        "      - {memory_limit: lots}\n"
        "      - blender\n"
        "  - {tag: GPU, slots: []}\n"
        "  - {slots: [{name: a}, {name: a}]}\n"
    )
    slots, size = "worker_settings[0].slots", "must be a number of bytes, or a size such as 2 GB"
    assert [text.removeprefix("f.yaml, line ") for text in found] == [
        f"3, {slots}[0].device: is not a known setting (did you mean devices?)",
        f"3, {slots}[0].threads: must be a whole number from 1 to 1024",
        f"4, {slots}[1].devices: must be of one kind, not optix, cpu, hip",
        f"5, {slots}[2].memory_limit: {size} or 512 MiB",
        f"6, {slots}[3]: must have some of name, task_types, devices, threads, memory_limit",
        "7, worker_settings[1].slots: must have from 1 to 64 slots",
        "8, worker_settings[2].slots: must have different names",
    ]


def test_what_is_no_list_is_refused() -> None:
    assert problems("worker_settings: {slots: 2}\n") == [
        "f.yaml, line 1, worker_settings: must be a list of rules (begin each with a dash)"
    ]


def test_an_unknown_platform_is_warned_of() -> None:
    config = parsed("worker_settings:\n  - {platform: linus, slots: 2}\n")
    assert [warning.hint for warning in config.warnings] == ["did you mean linux?"]
