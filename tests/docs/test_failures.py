"""The page on failures says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from flamenco_core.durations import format_duration
from flamenco_core.rules.failure_classes import BUILT_IN, LINES, classify, parse_failure_classes

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")


def test_every_built_in_class_is_on_the_page_with_what_it_does() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    expected = []
    for known in BUILT_IN:
        wait = f", {format_duration(known.wait)} up to {known.times} times" if known.wait else ""
        expected.append(f"| `{known.name}` | `{known.policy}`{wait} | {known.sentence} |")
    assert rows == expected
    assert f"the last {LINES} lines" in TEXT


def test_the_example_of_a_studio_is_read() -> None:
    found = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    classes = parse_failure_classes(found[1], name="failure-classes.yaml")
    waiting = classify("Texture 7 timed out", classes)
    assert waiting is not None
    assert (waiting.name, waiting.times) == ("texture-server", 6)
