"""The rings of checks and tests, how each is run, and the table of what came of it."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

_MAY_BE_SKIPPED = re.compile(r"\b(Windows|macOS|GPU)\b")

_NO_TESTS_FOUND = 5
_INSIDE_OUT = (
    *("flamenco_core", "manager_service", "flamenco_worker", "flamenco_addon"),
    *("simulator", "docs", "scripts", "farm"),
)


@dataclass(frozen=True, slots=True)
class Ring:
    name: str
    modules: Sequence[Sequence[str]]
    """Each is what follows `python -m`."""

    @property
    def is_pytest(self) -> bool:
        return any(module[0] == "pytest" for module in self.modules)


@dataclass(slots=True)
class RingResult:
    ring: Ring
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    """Test → the reason it gives."""
    note: str = ""

    @property
    def forbidden_skips(self) -> dict[str, str]:
        """Those that count as failures."""
        return {
            test: reason
            for test, reason in self.skipped.items()
            if not _MAY_BE_SKIPPED.search(reason)
        }

    @property
    def is_good(self) -> bool:
        return not self.failed and not self.forbidden_skips and not self.note


def all_rings(tests: Path) -> list[Ring]:
    """From the inside out: checks, then each folder of `tests` that has tests in it."""

    def distance(folder: str) -> tuple[int, str]:
        known = folder in _INSIDE_OUT
        return (_INSIDE_OUT.index(folder) if known else len(_INSIDE_OUT)), folder

    folders = {file.relative_to(tests).parts[0] for file in tests.glob("*/**/test_*.py")}
    return [
        Ring("style", [["ruff", "check"], ["ruff", "format", "--check"]]),
        Ring("types", [["mypy"]]),
        *(
            Ring(folder, [["pytest", str(tests / folder)]])
            for folder in sorted(folders, key=distance)
        ),
    ]


def selected_tests(tests: Sequence[str], options: Sequence[str]) -> Ring:
    return Ring("selected", [["pytest", *tests, *options]])


def run_ring(ring: Ring, python: Path, pytest_options: Sequence[str]) -> RingResult:
    """Runs it with its output on the terminal, to the end also if something fails."""
    print(f"\n── {ring.name} ──", flush=True)
    result = RingResult(ring)
    started = time.monotonic()
    for module in ring.modules:
        command = [str(python), "-m", *module]
        if ring.is_pytest:
            _run_pytest([*command, *pytest_options], result)
        elif subprocess.run(command, check=False).returncode == 0:
            result.passed += 1
        else:
            result.failed += 1
    result.seconds = time.monotonic() - started
    return result


def _run_pytest(command: Sequence[str], result: RingResult) -> None:
    with tempfile.TemporaryDirectory(prefix="flamenco-test-") as folder:
        report = Path(folder, "report.xml")
        code = subprocess.run([*command, f"--junitxml={report}"], check=False).returncode
        if report.exists():
            _count(report, result)
    if code == _NO_TESTS_FOUND:
        result.note = "no test was found"
    elif code and not result.failed:
        result.note = f"pytest ended with exit code {code}"


def _count(report: Path, result: RingResult) -> None:
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        elif skipped is not None:
            name = f"{case.get('classname')}::{case.get('name')}"
            result.skipped[name] = skipped.get("message") or "no reason given"
        else:
            result.passed += 1


def show_rings(results: Sequence[RingResult], seconds: float) -> int:
    """Prints the table and, last, the sum; returns the exit code."""
    print(f"\n{'ring':<16}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for result in results:
        counts = f"{result.passed:>8}{result.failed:>8}{len(result.skipped):>9}"
        note = result.note or ("" if result.is_good else "FAILED")
        print(f"{result.ring.name:<16}{counts}{result.seconds:>9.0f}  {note}".rstrip())
    for result in results:
        for test, reason in result.skipped.items():
            verdict = "must not be skipped" if test in result.forbidden_skips else "skipped"
            print(f"{verdict}: {test}: {reason}")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(len(result.skipped) for result in results)
    print(f"\nAll of it took {seconds:.0f} s.")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if all(result.is_good for result in results) else 1
