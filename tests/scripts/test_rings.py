"""The test command's verdict: what it counts, what it forgives, how it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rings import Ring, all_rings, run_ring, selected_tests, show_rings

PASSES = "def test_passes(): pass\n"
FAILS = "def test_it(): assert False\n"
ERRS = "import pytest\n@pytest.fixture\ndef broken(): 1 / 0\ndef test_it(broken): pass\n"
SKIPS = "import pytest\n@pytest.mark.skip(reason={!r})\ndef test_skips(): pass\n"


@pytest.fixture(autouse=True)
def _quick_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are started need no plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def verdict(folder: Path, capfd: pytest.CaptureFixture[str], *sources: str) -> tuple[int, str]:
    """Exit code and last line for tests with these sources, each in a ring of its own."""
    results = []
    for number, source in enumerate(sources):
        file = folder / f"test_{number}.py"
        file.write_text(source)
        results.append(run_ring(selected_tests([str(file)], []), Path(sys.executable), []))
    code = show_rings(results, 2.0)
    return code, capfd.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("sources", "code", "last_line"),
    [
        ([PASSES, PASSES], 0, "2 passed, 0 failed, 0 skipped"),
        ([FAILS, PASSES], 1, "1 passed, 1 failed, 0 skipped"),
        ([ERRS], 1, "0 passed, 1 failed, 0 skipped"),
        ([PASSES, "this is no Python"], 1, "1 passed, 1 failed, 0 skipped"),
        ([PASSES + SKIPS.format("needs Windows")], 0, "1 passed, 0 failed, 1 skipped"),
        ([PASSES + SKIPS.format("no time")], 1, "1 passed, 0 failed, 1 skipped"),
        ([""], 1, "0 passed, 0 failed, 0 skipped"),
    ],
    ids=["good", "failure", "error", "broken file", "Windows only", "skipped", "no tests"],
)
def test_the_verdict(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    sources: list[str],
    code: int,
    last_line: str,
) -> None:
    assert verdict(tmp_path, capfd, *sources) == (code, last_line)


def test_a_check_that_fails_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    checks = Ring("checks", [["platform"], ["no_such_module"]])
    result = run_ring(checks, Path(sys.executable), [])
    assert (result.passed, result.failed, result.is_good) == (1, 1, False)


def test_no_folder_with_tests_is_forgotten(tmp_path: Path) -> None:
    for folder in ("farm", "quite_new", "flamenco_core/store", "empty"):
        (tmp_path / folder).mkdir(parents=True)
        if folder != "empty":
            (tmp_path / folder / "test_it.py").touch()
    names = [ring.name for ring in all_rings(tmp_path)]
    assert names == ["style", "types", "flamenco_core", "farm", "quite_new"]
