"""Copies of this project's source for tests that install, build or run it from somewhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Tests",
    "GIT_AUTHOR_EMAIL": "tests@localhost",
    "GIT_COMMITTER_NAME": "Tests",
    "GIT_COMMITTER_EMAIL": "tests@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(folder: Path, *arguments: str) -> str:
    """Runs git in `folder` with an identity of its own and returns what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    answer = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=inherited | _IDENTITY,
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()


def copy_source(destination: Path) -> Path:
    """A repository with one commit: the files of this checkout as they are now, without ignored
    ones, so that a test covers changes that are not committed yet.
    """
    destination.mkdir(parents=True)
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, destination / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    git(destination, "init", "--quiet", "--initial-branch=main")
    commit_all(destination)
    return destination


def commit_all(folder: Path) -> str:
    """Commits everything, also when nothing changed, and returns the abbreviated hash."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=Test")
    return git(folder, "rev-parse", "--short=7", "HEAD")
