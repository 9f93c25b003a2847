"""Every branch of the rules is taken by their own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MEASURED = ("flamenco_core/rules/*", "flamenco_core/statuses.py", "flamenco_core/requirements.py")


def test_no_branch_of_the_rules_is_untested(tmp_path: Path) -> None:
    environment = {**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")}
    included = ",".join(str(ROOT / pattern) for pattern in MEASURED)
    tests = [Path(__file__).parent, ROOT / "tests" / "flamenco_core" / "test_requirements.py"]
    not_this = f"--deselect={Path(__file__).relative_to(ROOT)}"
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", not_this, *map(str, tests)]
    for command in (
        ["run", "--branch", f"--include={included}", *pytest],
        ["report", "--show-missing", "--fail-under=100"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
