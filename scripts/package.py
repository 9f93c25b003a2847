"""Builds what people download, into `dist`: wheel, source archive, self-contained archive, sums.

    scripts/package.py                  all of it, for the platform that this runs on
    scripts/package.py --output FOLDER  somewhere else

The self-contained archive holds Manager, Worker and command line with a Python and all libraries of
their own, put together by PyInstaller. It can only be built on the platform that it is for, so that
a release runs this script on each. On Linux it needs the C library of the machine it was built on,
or a newer one: build on the oldest system that it shall run on.

Makes its own environment with all tools in `.venv-package`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pythons import need_python

PYTHONS = [(3, 13), (3, 12), (3, 11)]
PROJECT = "--editable=.[all]"
TOOLS = ("build>=1.2", "hatchling>=1.27", "pyinstaller>=6.11")

INSTALLED_BYTES = 2_000_000_000


def main() -> int:
    need_python(PYTHONS)
    from environment import ROOT, CannotGoOnError, Environment
    from self_contained import build_everything

    options = _options()
    environment = Environment(ROOT / ".venv-package")
    wanted = [PROJECT, *TOOLS]
    try:
        environment.prepare(dict.fromkeys(PYTHONS, wanted), disk_bytes=INSTALLED_BYTES)
        for file in build_everything(environment.python, options.output.absolute()):
            print(f"{file} ({file.stat().st_size / 1e6:,.1f} MB)")
    except CannotGoOnError as reason:
        print(f"\npackage: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build what people download.")
    parser.add_argument(
        "--output", type=Path, default=Path("dist"), metavar="FOLDER", help="default: dist"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
