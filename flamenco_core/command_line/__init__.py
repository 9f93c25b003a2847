"""The program `flamenco`: submits jobs and shows what the farm does, for people and scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program with the process's arguments and end the process with its exit code."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError:
        from flamenco_core.packing.errors import MissingExtra

        print(f"flamenco: {MissingExtra('cli', 'this program')}", file=sys.stderr)
        sys.exit(1)
    from flamenco_core.command_line.program import run

    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
