"""Runs inside Blender and stays there: carries out the tasks that the worker sends, one by one.

Blender's own command line starts it (`start_arguments`). It runs on Blender's Python (3.10 and up)
from its bare file, and makes of the worker's package what it needs without adding anything else to
what Blender's scripts can import.

The file is opened again for each task unless nothing can tell that from keeping it open: neither
the file nor what it uses has changed on disk, the task changes the scene as the one before did, and
a look at the scene (`session_scan.py`) finds nothing that depends on what was rendered before.
"""

from __future__ import annotations

import os
import socket
import sys
import types
from pathlib import Path
from typing import Any

_PACKAGES = Path(__file__).resolve().parent.parent
for _name, _folder in (
    ("flamenco_worker", _PACKAGES),
    ("flamenco_worker.blender", _PACKAGES / "blender"),
):
    if _name not in sys.modules:
        _package = types.ModuleType(_name)
        _package.__path__ = [str(_folder)]
        sys.modules[_name] = _package

from flamenco_worker.blender import (  # noqa: E402
    in_blender_report,
    session_protocol,
    session_scan,
)
from flamenco_worker.blender.bpy_command_line import BlenderSession, Quit  # noqa: E402
from flamenco_worker.blender.bpy_module import flush_all, say  # noqa: E402

_CONNECT_SECONDS = 30

FileState = dict[str, tuple[int, int]]
"""Size and time of change of each file, by its path."""


class Refused(Exception):
    """This task is better done by a Blender of its own; the text says why."""


class Task(BlenderSession):
    """The command line of one task, carried out in a Blender that goes on afterwards."""

    def __init__(self, bpy: Any, request: dict[str, Any]) -> None:
        super().__init__(bpy, request["arguments"])
        self.use_scripts = request["use_scripts"]
        self.python_exit_code = request["python_exit_code"]
        # An executable keeps what its own command line said about threads.
        self.threads = None if bpy.app.binary_path else request["threads"]

    def carry_out(self) -> int:
        """Everything behind the opened file; returns the exit code."""
        try:
            self._perform_actions()
        except Quit as quitting:
            return quitting.exit_code or 1  # whoever ends Blender does not want it to go on
        return self.exit_code

    def run_expression(self, expression: str | None) -> None:
        request = in_blender_report.request_of(expression or "")
        if request is None:
            super().run_expression(expression)
            return
        try:
            in_blender_report.carry_out(request)
        except Exception:  # noqa: BLE001 - it is shown when it fails again as any other Python
            super().run_expression(expression)

    def set_format(self, value: str | None) -> None:
        settings = self.scene.render.image_settings
        before = settings.color_depth, settings.color_mode
        super().set_format(value)
        after = settings.color_depth, settings.color_mode
        # Blender's own command line leaves these as they are, even if the format has no such depth.
        if self.bpy.app.binary_path and after != before:
            raise Refused(f"the format {value} changes the depth or the channels of the scene")


class Host:
    """What stays from task to task."""

    def __init__(self, bpy: Any) -> None:
        self._bpy = bpy
        self._handlers = session_scan.handlers_of(bpy)
        """Those of Blender itself and of add-ons, from before the first file."""
        self._open_file: str | None = None
        self._state: str | None = None
        """How the task before has changed the scene; None if that cannot be repeated."""
        self._files: FileState = {}
        self._reopen_reason = ""

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one task; the answer to it."""
        sys.argv = request["argv"]
        _forget_memory_peak()
        answer = self._carry_out(Task(self._bpy, request), request)
        return {**answer, "memory_peak": _memory_peak()}

    def _carry_out(self, task: Task, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._prepare_file(task, request)
            exit_code = task.carry_out()
        except Refused as refused:
            self._open_file = None
            return {"refused": str(refused)}
        except Quit as quitting:  # the file cannot be opened, which has been printed
            self._open_file = None
            return {"exit_code": quitting.exit_code}
        if exit_code:
            self._open_file = None
        else:
            self._remember(request)
        return {"exit_code": exit_code}

    def _prepare_file(self, task: Task, request: dict[str, Any]) -> None:
        if self._open_file == request["blend_file"]:
            why = self._why_open_again(request)
            if not why:
                say("Flamenco: the file is still open from the task before")
                session_scan.forget_images(self._bpy)
                return
            say(f"Flamenco: the file is opened again, since {why}")
        self._open_file = None
        task.open_file(request["blend_file"])
        reasons = session_scan.reasons_for_own_blender(self._bpy, self._handlers)
        if reasons:
            raise Refused(" and ".join(reasons))

    def _why_open_again(self, request: dict[str, Any]) -> str:
        if self._reopen_reason:
            return self._reopen_reason
        if request["state"] is None:
            return "the command line changes the scene in a way that depends on how it was"
        if request["state"] != self._state:
            return "the command line has changed"
        for path, before in self._files.items():
            if _state_of_file(path) != before:
                return f"{path} has changed"
        return ""

    def _remember(self, request: dict[str, Any]) -> None:
        if self._open_file is None:  # otherwise all is as it was
            paths = self._bpy.utils.blend_paths(absolute=True, packed=False, local=False)
            files = {str(Path(path).absolute()) for path in paths}
            files.add(str(Path(request["blend_file"]).absolute()))
            self._files = {path: _state_of_file(path) for path in sorted(files)}
            self._reopen_reason = " and ".join(session_scan.reasons_to_open_again(self._bpy))
        self._open_file, self._state = request["blend_file"], request["state"]


def _state_of_file(path: str) -> tuple[int, int]:
    """What changes with a file's content; a missing file has a state, too."""
    try:
        found = Path(path).stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _forget_memory_peak() -> None:
    """From now on the peak is that of the task that begins; Linux only."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _memory_peak() -> int | None:
    """Bytes; None where it is not known."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def serve(bpy: Any, port: int) -> None:
    """Works until the worker hangs up."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_SECONDS)
    line = session_protocol.Line(connection)
    token = os.environ.pop(session_protocol.TOKEN_VARIABLE, "")
    greeting = {"version": session_protocol.VERSION, "token": token, "pid": os.getpid()}
    line.send({**greeting, "blender": bpy.app.version_string})
    welcome = line.receive()
    if welcome.get("version") != session_protocol.VERSION:
        say(f"Flamenco: the worker speaks another version: {welcome}")
        return
    connection.settimeout(None)
    host = Host(bpy)
    while True:
        request = line.receive()
        answer = host.run(request)
        flush_all()
        print("\n" + session_protocol.MARK_PREFIX + request["mark"], flush=True)
        line.send(answer)


def start_arguments(port: int) -> list[str]:
    """What makes Blender run this file."""
    code = f"import runpy; runpy.run_path({__file__!r}, {{'FLAMENCO_SESSION_PORT': {port}}})"
    return ["--python-expr", code]


if "FLAMENCO_SESSION_PORT" in globals():
    import bpy

    try:
        serve(bpy, globals()["FLAMENCO_SESSION_PORT"])
    except session_protocol.SessionBroken as _broken:
        say(f"Flamenco: this Blender ends: {_broken}")
