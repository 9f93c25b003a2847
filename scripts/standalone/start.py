"""The start of every program in a self-contained folder, and its Python for helper processes.

All programs of the folder are this one, under different names. Manager and Worker start helpers as
`python -I -c CODE …` and `python -I -S FILE …`; here `sys.executable` is the program itself, so
that it takes the part of Python then.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

_FLAGS = frozenset({"-I", "-S"})
"""Of Python, and without meaning here: the folder is isolated from everything else anyway."""


def main() -> None:
    _forget_the_folder()
    arguments = sys.argv[1:]
    if arguments[:1] == ["-I"]:
        _be_python([argument for argument in arguments if argument not in _FLAGS])
        return
    name = Path(sys.executable).stem
    if name == "flamenco-manager":
        from manager_service.cli import main as manager

        sys.exit(manager())
    if name == "flamenco-worker":
        from flamenco_worker.cli import main as worker

        worker()
    else:
        from flamenco_core.command_line import main as client

        client()


def _be_python(arguments: list[str]) -> None:
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        # As Python does it: the code is the main module, and so finds what it defines there.
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        return
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")


def _forget_the_folder() -> None:
    """Lets Blender, FFmpeg and our own helpers start with the environment that this program was
    started with. The folder's own libraries, which its loader put before all others, would be the
    wrong ones for them; and the loader takes a program for a part of this process by its variables.
    """
    for name in [name for name in os.environ if name.startswith("_PYI_")]:
        del os.environ[name]
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original
    elif sys.platform == "linux":
        os.environ.pop("LD_LIBRARY_PATH", None)


if __name__ == "__main__":
    main()
