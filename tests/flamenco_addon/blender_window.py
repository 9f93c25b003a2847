"""A real Blender with its window, on a screen that nobody sees: clicked, asked and photographed.

    with blender_window(tmp_path) as window:
        window.run("bpy.context.scene.frame_end = 3")
        assert window.ask("bpy.context.scene.frame_end") == 3
        window.show_properties("OUTPUT")
        window.click(*window.find_operator("flamenco.submit_job", "PROPERTIES"))
        window.screenshot(tmp_path / "submitted.png")

Scripts run on Blender's main thread between its events, one after the other, with names that last;
`answer(value)` sends something back, and `with in_area("PROPERTIES"):` is the context of an area.
Positions are pixels of the screen from its upper left corner.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import textwrap
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from extension_editions import EDITIONS
from extension_wheels import pure_wheels
from tests.eventually import eventually
from tests.flamenco_addon.in_bpy import ROOT, isolated
from window_blenders import DEFAULT_SUITE, WindowBlender, installed_window_blender

DRIVER = Path(__file__).with_name("window_driver.py")
SIZE = (1400, 1000)
START_LIMIT = 120.0
ANSWER_LIMIT = 120.0
MODULE = "bl_ext.user_default.flamenco_python"
"""What Blender calls the extension's package when it is installed from its zip."""
_PROGRAMS = ("Xvfb", "xdotool", "import", "bwrap")

_HOVERED = """
bpy.context.window_manager.clipboard = ""
with in_area(kind, region_kind):
    for operator in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
        if operator.poll():
            operator()
            break
answer(bpy.context.window_manager.clipboard)
"""


class BlenderWindow:
    """Blender, its screen and a mouse."""

    def __init__(self, home: Path, display: str, size: tuple[int, int], stream: IO[str]) -> None:
        self.home = home
        self.display = display
        self.size = size
        self._stream = stream

    def run(self, script: str, **names: Any) -> Any:
        """Runs a script in Blender and returns what it gave to `answer`."""
        request = {"script": textwrap.dedent(script), "names": names}
        self._stream.write(json.dumps(request) + "\n")
        self._stream.flush()
        line = self._stream.readline()
        assert line, f"Blender ended; its output: {self.output()[-6000:]}"
        answer = json.loads(line)
        assert "error" not in answer, f"{answer.get('printed')}\n{answer.get('error')}"
        return answer["value"]

    def ask(self, expression: str, **names: Any) -> Any:
        """The value of an expression, as JSON can carry it."""
        return self.run(f"answer({expression})", **names)

    def wait_until(self, expression: str, what: str = "", **names: Any) -> Any:
        """Asks again and again until the value is true."""
        return eventually(lambda: self.ask(expression, **names), what or expression)

    def output(self) -> str:
        """What Blender has printed."""
        return (self.home / "output.txt").read_text(encoding="utf-8", errors="replace")

    def screenshot(self, file: Path) -> Path:
        """The screen as a person sees it, drawn to the end."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.run("bpy.ops.wm.redraw_timer(type='DRAW_WIN_SWAP', iterations=1)")
        self._on_screen("import", "-window", "root", str(file))
        return file

    def move(self, x: float, y: float) -> None:
        # Blender notices where the mouse is when it moves, so it moves twice.
        self._on_screen("xdotool", "mousemove", str(int(x) - 2), str(int(y)))
        self._on_screen("xdotool", "mousemove", str(int(x)), str(int(y)))

    def click(self, x: float, y: float, button: int = 1) -> None:
        self.move(x, y)
        self.run("pass")
        self._on_screen("xdotool", "click", str(button))
        self.run("pass")

    def double_click(self, x: float, y: float) -> None:
        self.move(x, y)
        self._on_screen("xdotool", "click", "--repeat", "2", "--delay", "60", "1")
        self.run("pass")

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Moves the mouse with its button pressed, such as an edge of a region."""
        self.move(*start)
        self.run("pass")
        self._on_screen("xdotool", "mousedown", "1")
        self.run("pass")
        self.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.run("pass")
        self.move(*end)
        self.run("pass")
        self._on_screen("xdotool", "mouseup", "1")
        self.run("pass")

    def scroll(self, x: float, y: float, notches: int) -> None:
        """Downwards; negative is upwards."""
        self.move(x, y)
        button = "5" if notches > 0 else "4"
        self._on_screen("xdotool", "click", "--repeat", str(abs(notches)), button)
        self.run("pass")

    def key(self, *keys: str) -> None:
        """Presses keys such as `Return` or `ctrl+s`; they go to where the mouse is."""
        self._on_screen("xdotool", "key", *keys)
        self.run("pass")

    def type(self, text: str) -> None:
        self._on_screen("xdotool", "type", "--delay", "15", text)
        self.run("pass")

    def area(self, kind: str, region_kind: str = "WINDOW") -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a region of the largest area of a kind."""
        script = """
            with in_area(kind, region_kind):
                region = bpy.context.region
                window = bpy.context.window
                bottom = window.height - region.y
                answer([region.x, bottom - region.height, region.x + region.width, bottom])
        """
        left, top, right, bottom = self.run(script, kind=kind, region_kind=region_kind)
        return left, top, right, bottom

    def hovered(self, kind: str, region_kind: str = "WINDOW") -> str:
        """The Python command or data path of the button that the mouse is on; empty if none."""
        return str(self.run(_HOVERED, kind=kind, region_kind=region_kind))

    def buttons(
        self, kind: str, region_kind: str = "WINDOW", *, across: float = 0.5, pitch: int = 11
    ) -> dict[str, tuple[int, int]]:
        """What each button of a region does, with its position: the mouse goes down over it.

        `across` is where from left to right, from 0 to 1.
        """
        left, top, right, bottom = self.area(kind, region_kind)
        x = int(left + (right - left) * across)
        found: dict[str, tuple[int, int]] = {}
        for y in range(top + 4, bottom - 2, pitch):
            self.move(x, y)
            command = self.hovered(kind, region_kind)
            if command:
                found.setdefault(command, (x, y))
        return found

    def find_operator(
        self, idname: str, kind: str, region_kind: str = "WINDOW", *, across: float = 0.5
    ) -> tuple[int, int]:
        """Where the button of an operator such as `flamenco.submit_job` is."""
        found = self.buttons(kind, region_kind, across=across)
        for command, place in found.items():
            if command.startswith(f"bpy.ops.{idname}("):
                return place
        raise AssertionError(f"no button for {idname}; there are {sorted(found)}")

    def show_properties(self, context: str) -> None:
        """Shows a tab of the Properties editor, such as `OUTPUT`, from its top on."""
        script = """
            area = max((each for each in bpy.context.window.screen.areas
                        if each.type == "PROPERTIES"), key=lambda each: each.height)
            area.spaces.active.context = tab
            area.tag_redraw()
        """
        self.run(script, tab=context)

    def install(self, extension: Path) -> None:
        """Installs and enables the extension from its zip; its package is then `MODULE`."""
        script = """
            bpy.context.preferences.system.use_online_access = True
            bpy.ops.extensions.package_install_files(
                filepath=zip, repo="user_default", enable_on_install=True)
            assert module in bpy.context.preferences.addons, "it could not be enabled"
        """
        self.run(script, zip=str(extension), module=MODULE)

    def enable_from_checkout(self) -> None:
        """Enables the extension straight from the checkout, with its wheels beside it; its package
        is then `flamenco_addon`.
        """
        wheels = self.home / "wheels"
        for wheel in pure_wheels(EDITIONS[0]):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(wheels)
        script = """
            import sys, addon_utils
            sys.path[:0] = folders
            bpy.context.preferences.system.use_online_access = True
            assert addon_utils.enable("flamenco_addon", default_set=True)
        """
        self.run(script, folders=[str(ROOT), str(wheels)])

    def _on_screen(self, *command: str) -> None:
        environment = os.environ | {"DISPLAY": self.display}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)


@contextmanager
def blender_window(
    home: Path,
    *,
    file: Path | None = None,
    size: tuple[int, int] = SIZE,
    suite: str = DEFAULT_SUITE,
    environment: Mapping[str, str] | None = None,
) -> Iterator[BlenderWindow]:
    """Starts Blender with a window of that size, as a user whose files all lie in `home`."""
    blender = _installed(suite)
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        display = stack.enter_context(_screen(size))
        socket_path = home / "driver.socket"
        socket_path.unlink(missing_ok=True)
        command = blender.command(
            *("--window-geometry", "0", "0", str(size[0]), str(size[1])),
            *([] if file is None else [file]),
            *("--python", DRIVER, "--", socket_path),
            folders=(home, ROOT, *([] if file is None else [file])),
        )
        variables = isolated(home) | {"DISPLAY": display, "PYTHONWARNINGS": "default"}
        output = stack.enter_context((home / "output.txt").open("wb"))
        process = subprocess.Popen(
            command,
            env=variables | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        stack.callback(_end, process)
        yield BlenderWindow(home, display, size, stack.enter_context(_driver(socket_path, process)))


def _installed(suite: str) -> WindowBlender:
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; scripts/test.py installs them")
    blender = installed_window_blender(suite)
    if blender is None:
        pytest.skip(f"Blender of Debian {suite} is not installed; scripts/test.py installs it")
    return blender


@contextmanager
def _screen(size: tuple[int, int]) -> Iterator[str]:
    """A screen of that size; yields its name."""
    reading, writing = os.pipe()
    # The X server chooses a free number itself and tells it.
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size[0]}x{size[1]}x24"]
    server = subprocess.Popen(
        [*command, "+extension", "GLX", "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="ascii") as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        _end(server)


@contextmanager
def _driver(path: Path, process: subprocess.Popen[bytes]) -> Iterator[IO[str]]:
    """The connection to the driver, as soon as Blender has shown its window."""
    deadline = time.monotonic() + START_LIMIT
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(ANSWER_LIMIT)
    while True:
        assert process.poll() is None, "Blender ended at its start"
        assert time.monotonic() < deadline, "Blender did not start in time"
        try:
            client.connect(str(path))
            break
        except OSError:
            time.sleep(0.05)
    with client, client.makefile("rw", encoding="utf-8") as stream:
        yield stream


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
