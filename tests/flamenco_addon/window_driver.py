"""Runs inside the Blender that `blender_window.py` starts: carries out what a test sends it.

A thread takes scripts from a socket; a timer runs each on the main thread and sends back what it
answered. Not part of the extension: it stays out of its way, and is there to look at it.
"""

from __future__ import annotations

import contextlib
import io
import json
import queue
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import bpy

TICK = 0.01

_scripts: queue.SimpleQueue[tuple[dict[str, Any], queue.SimpleQueue[dict[str, Any]]]] = (
    queue.SimpleQueue()
)
_names: dict[str, Any] = {"bpy": bpy, "json": json, "Path": Path}


def _take() -> float:
    while not _scripts.empty():
        request, answers = _scripts.get()
        answers.put(_carried_out(request))
    return TICK


def _carried_out(request: dict[str, Any]) -> dict[str, Any]:
    answered: list[Any] = []
    printed = io.StringIO()
    _names.update(request["names"], answer=answered.append, in_area=in_area)
    try:
        with contextlib.redirect_stdout(printed), in_window():
            exec(compile(request["script"], "<script in Blender>", "exec"), _names)
        value = answered[-1] if answered else None
        json.dumps(value)
    except BaseException:  # noqa: BLE001 - told to the test
        return {"error": traceback.format_exc(), "printed": printed.getvalue()}
    return {"value": value, "printed": printed.getvalue()}


def in_window() -> Any:
    """The context of the first window, which a timer does not have by itself."""
    windows = _windows()
    return bpy.context.temp_override(window=windows[0]) if windows else contextlib.nullcontext()


def in_area(kind: str, region_kind: str = "WINDOW") -> Any:
    """The context of the largest area of a kind, such as `PROPERTIES`."""
    window = _windows()[0]
    areas = [area for area in window.screen.areas if area.type == kind]
    area = max(areas, key=lambda each: each.width * each.height)
    region = next(each for each in area.regions if each.type == region_kind)
    return bpy.context.temp_override(window=window, area=area, region=region)


def _windows() -> list[bpy.types.Window]:
    manager = bpy.context.window_manager
    return list(manager.windows) if manager is not None else []


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            for line in stream:
                answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
                _scripts.put((json.loads(line), answers))
                stream.write(json.dumps(answers.get()) + "\n")
                stream.flush()


def main() -> None:
    path = sys.argv[sys.argv.index("--") + 1]
    preferences: Any = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.view.show_developer_ui = True
    # Without a window manager nobody could answer Blender's question on quitting.
    preferences.view.use_save_prompt = False
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    threading.Thread(target=_serve, args=[server], name="window driver", daemon=True).start()
    bpy.app.timers.register(_take, first_interval=TICK, persistent=True)


if __name__ == "__main__":
    main()
