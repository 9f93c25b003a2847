"""What the README tells people to type works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkouts import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(*command: str, folder: Path) -> str:
    answer = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_script_that_embeds_the_engine_completes_its_job(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    assert run("-c", example[1], folder=tmp_path) == "completed\n"


def documented(program: str) -> list[str]:
    """Command lines of a program in the README's indented blocks, without what follows a `#`."""
    lines = re.findall(rf"^    (?:python3 )?{re.escape(program)}\b(.*)$", README, re.MULTILINE)
    return [line.split("#")[0] for line in lines]


@pytest.mark.parametrize(
    ("program", "help_of"),
    [
        ("flamenco-manager", ("-m", "manager_service.cli")),
        ("flamenco-worker", ("-m", "flamenco_worker")),
        ("scripts/quickstart.py", (str(ROOT / "scripts" / "quickstart.py"),)),
        ("scripts/test.py", (str(ROOT / "scripts" / "test.py"),)),
    ],
)
def test_every_option_in_the_readme_exists(
    program: str, help_of: tuple[str, ...], tmp_path: Path
) -> None:
    lines = documented(program)
    assert lines
    known = run(*help_of, "--help", folder=tmp_path)
    for option in re.findall(r"--[a-z-]+", " ".join(lines)):
        assert option in known


def test_every_flamenco_command_in_the_readme_exists(tmp_path: Path) -> None:
    start = ("-c", "from flamenco_core.command_line import main; main()")
    for line in documented("flamenco"):
        if line.startswith("-"):
            continue  # another program whose name begins like this one's
        command = line.split()[0]
        known = run(*start, command, "--help", folder=tmp_path)
        for option in re.findall(r"--[a-z-]+", line):
            assert option in known


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "    python3 scripts/test.py\n" in README
    assert script.rstrip().endswith("exec python3 scripts/test.py")
