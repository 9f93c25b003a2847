"""From a .blend file to checked frames and a video, on a machine with Python and nothing else.

Makes a virtual environment, installs the project, finds Blender (or installs the `bpy` wheel),
starts a Manager and a Worker, submits a job, waits for it, checks every frame and stops it all.
This file must parse with old Pythons, so that it can say that they are too old; it imports the rest
only after that.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from pythons import need_python, run_instead

PYTHONS = [(3, 11), (3, 12), (3, 13), (3, 14)]
PROJECT = "--editable=.[all]"

INSTALLED_BYTES = 1_000_000_000
BPY_BYTES = 2_000_000_000
RENDER_BYTES = 100_000_000

HIGHEST_PORT = 65535
INTERRUPTED = 130


def main() -> int:
    need_python(PYTHONS)
    from environment import CannotGoOnError

    options = _options()
    _treat_as_interrupt(signal.SIGTERM)
    if sys.platform != "win32":
        _treat_as_interrupt(signal.SIGHUP)
    try:
        if options.in_environment is None:
            _prepare_and_go_on(options)
        _render(options)
    except CannotGoOnError as reason:
        print(f"\nquickstart: {reason}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"\nquickstart: {error.strerror or error}{where}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nquickstart: stopped, and all that it started.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Render a .blend file on a small farm on this machine.",
        epilog="Without --blend it makes a small scene of its own and renders that.",
    )
    parser.add_argument("--blend", type=Path, metavar="FILE", help="the file to render")
    parser.add_argument("--frames", help="such as 1-10 or 1,5,20-30 (default: as in the scene)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the frames go")
    parser.add_argument("--blender", metavar="PROGRAM", help="the Blender to render with")
    parser.add_argument("--port", type=_port, default=8080, help="of the Manager (default: 8080)")
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        default=_default_home(),
        help="folder for all that the farm keeps (default: %(default)s)",
    )
    parser.add_argument(
        "--keep-running", action="store_true", help="leave the farm up until Ctrl+C"
    )
    # Set when this script starts itself anew with the environment's Python: the Blender to use.
    parser.add_argument("--in-environment", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.home = options.home.expanduser().absolute()
    options.output = (options.output or options.home / "output").expanduser().absolute()
    if options.blend is not None:
        options.blend = options.blend.expanduser().absolute()
    return options


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port, from 1 to {HIGHEST_PORT}")
    return int(text)


def _default_home() -> Path:
    """Where the platform wants programs to keep their data."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "flamenco-quickstart"


def _prepare_and_go_on(options: argparse.Namespace) -> NoReturn:
    """Sees to it that everything is there, then starts this script in the environment."""
    from blenders import BPY_FOR_PYTHON, BPY_PROGRAM, bpy_blender, installed_blender
    from environment import ROOT, Environment, need_space
    from ports import need_port

    started = time.monotonic()
    need_port(options.port)
    _need_blend_file(options.blend)
    for folder in (options.home, options.output):
        need_space(folder, RENDER_BYTES, "render")
        _need_folder(folder)
    environment = Environment(ROOT / ".venv")
    blender = installed_blender(options.blender)
    if blender is not None:
        choices = {release: [PROJECT] for release in PYTHONS}
        environment.prepare(choices, disk_bytes=INSTALLED_BYTES)
    else:
        choices = {release: [PROJECT, bpy] for release, bpy in BPY_FOR_PYTHON.items()}
        environment.prepare(choices, disk_bytes=INSTALLED_BYTES + BPY_BYTES)
        blender = bpy_blender(environment.program(BPY_PROGRAM))
    print(f"Rendering with {blender}; ready after {time.monotonic() - started:.0f} s", flush=True)
    inside = [str(environment.python), __file__, *sys.argv[1:]]
    run_instead([*inside, f"--in-environment={blender.program}"])


def _need_blend_file(blend: Path | None) -> None:
    from environment import CannotGoOnError

    if blend is None:
        return
    try:
        with blend.open("rb") as file:
            first = file.read(7)
    except OSError as error:
        raise CannotGoOnError(f"{blend} cannot be read: {error.strerror}.") from error
    # Plain, or compressed by Blender 3 and newer, or by older ones.
    if not first.startswith((b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")):
        raise CannotGoOnError(f"{blend} is not a .blend file.")


def _need_folder(folder: Path) -> None:
    from environment import CannotGoOnError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotGoOnError(f"{folder} cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK):
        raise CannotGoOnError(f"Nothing can be written to {folder}.")


def _render(options: argparse.Namespace) -> None:
    from environment import CannotGoOnError
    from flamenco_core.errors import FlamencoError
    from quick_render import Wishes, quick_render

    wishes = Wishes(
        home=options.home,
        port=options.port,
        blender=options.in_environment,
        output=options.output,
        blend=options.blend,
        frames=options.frames,
        keep_running=options.keep_running,
    )
    try:
        quick_render(wishes)
    except FlamencoError as error:
        raise CannotGoOnError(str(error)) from error


def _treat_as_interrupt(number: signal.Signals) -> None:
    """A closed terminal, or a `kill`, stops the farm as Ctrl+C does; `nohup` is respected."""
    if signal.getsignal(number) is signal.SIG_IGN:
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(number, interrupt)


if __name__ == "__main__":
    sys.exit(main())
