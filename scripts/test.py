"""Runs every check and test that this machine can, from the inside of the project outwards.

    scripts/test.py                     everything
    scripts/test.py --thorough          everything, with the long versions
    scripts/test.py -k NAME             tests with that in their name
    scripts/test.py PATH[::TEST] …      those tests
    scripts/test.py tests/simulator --seeds 1000
                                        that many simulations; --seed N runs one again

Makes its own environment with all tools in `.venv-test`. A test that skips itself fails the run,
unless it is for Windows, macOS or a GPU.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from pythons import need_python

BPY_PYTHON = (3, 11)
INSTALLED_BYTES = 3_500_000_000


def main() -> int:
    need_python([BPY_PYTHON])
    from environment import ROOT, CannotGoOnError
    from rings import all_rings, run_ring, selected_tests, show_rings
    from system_packages import need_system_packages

    options = _options()
    started = time.monotonic()
    try:
        need_system_packages()
        python = _prepare_environment(thorough=options.thorough)
    except CannotGoOnError as reason:
        print(f"\ntest: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    # Programs of the environment are found by their names, as after installing.
    os.environ["PATH"] = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    os.chdir(ROOT)
    pytest_options = ["--thorough"] if options.thorough else []
    pytest_options += [f"--seeds={options.seeds}"] if options.seeds else []
    pytest_options += [f"--seed={options.seed}"] if options.seed is not None else []
    if options.tests or options.name:
        names = ["-k", options.name] if options.name else []
        rings = [selected_tests(options.tests or ["tests"], names)]
    else:
        rings = all_rings(Path("tests"))
    results = [run_ring(ring, python, pytest_options) for ring in rings]
    return show_rings(results, time.monotonic() - started)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the checks and tests of this project.")
    parser.add_argument("tests", nargs="*", metavar="PATH[::TEST]", help="only these tests")
    parser.add_argument("-k", dest="name", metavar="NAME", help="only tests with that in the name")
    parser.add_argument("--thorough", action="store_true", help="also the long versions")
    parser.add_argument("--seeds", type=int, help="how many simulations of a farm to run")
    parser.add_argument("--seed", type=int, help="the one simulation of a farm to run again")
    return parser.parse_args()


def _prepare_environment(*, thorough: bool) -> Path:
    """The Python of the environment with the project, its tools and `bpy`."""
    import tomllib

    from blenders import BPY_FOR_PYTHON, BPY_PROGRAM, bpy_blender
    from environment import ROOT, Environment
    from go_programs import need_go_programs
    from window_blenders import DEFAULT_SUITE, SUITES, need_window_blender

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = project["dependency-groups"]["dev"]
    environment = Environment(ROOT / ".venv-test")
    wanted = ["--editable=.[all]", BPY_FOR_PYTHON[BPY_PYTHON], *tools]
    environment.prepare({BPY_PYTHON: wanted}, disk_bytes=INSTALLED_BYTES)
    need_go_programs(environment.python.parent)
    if sys.platform == "linux":
        for suite in SUITES if thorough else (DEFAULT_SUITE,):
            need_window_blender(suite)
    bpy_blender(environment.program(BPY_PROGRAM))  # tells if the system lacks something
    return environment.python


if __name__ == "__main__":
    sys.exit(main())
