"""How the Manager starts helper processes, under its own Python."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Or a Manager without a console opens a window for each on Windows."""


def helper_command(main: Callable[[], int | None], *arguments: str) -> list[str]:
    """The command that runs a module's `main`, whose result is the exit code.

    It finds all modules where the Manager finds them, but none in the current folder. `arguments`
    are `sys.argv[2:]`.
    """
    path = [entry for entry in sys.path if Path(entry).is_absolute()]
    program = (
        "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
        f"from {main.__module__} import main; sys.exit(main())"
    )
    return [sys.executable, "-I", "-c", program, json.dumps(path), *arguments]
