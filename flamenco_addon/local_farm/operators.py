"""Starting, stopping and opening the farm on this computer."""

from __future__ import annotations

import contextlib
import sys
import webbrowser
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import bpy

from .. import background, connection, preferences
from ..blender_types import OperatorResult
from ..host_python import find_host
from ..language import tr
from .farm_process import FarmProcess, FarmState, FarmStatus, runtime_wheels

_EXTENSION = Path(__file__).resolve().parent.parent
_PACKAGE = (__package__ or "").rpartition(".")[0]
_TICKING = "the farm on this computer"
_OFF = FarmStatus()

_farm: FarmProcess | None = None


def status() -> FarmStatus:
    """How things stand; free to call in `draw`."""
    return _farm.status if _farm is not None else _OFF


@cache
def why_not() -> str:
    """Why this extension cannot run a farm; empty if it can."""
    if _wheels() or all(find_spec(name) for name in ("manager_service", "flamenco_worker")):
        return ""
    return "This build of the extension comes without it; install the one for your platform"


def is_changing() -> bool:
    """Whether it is starting or stopping."""
    now = status()
    return not now.is_over and now.state is not FarmState.RUNNING


def may_start() -> bool:
    """Whether there is a farm here that could be started."""
    return not why_not() and status().is_over


def is_used(url: str) -> bool:
    """Whether a Manager is that of the farm on this computer."""
    return bool(url) and status().url.rstrip("/") == url.rstrip("/")


def start(*, blender: str = "") -> FarmProcess:
    """Starts the farm, or connects with it if it runs; call it on the main thread.

    `blender` renders; it is this Blender if nothing is given.
    """
    global _farm  # noqa: PLW0603 - there is one
    if _farm is not None and not _farm.status.is_over:
        return _farm
    folder = user_folder()
    program = bpy.app.binary_path
    wheels = _wheels()
    what: dict[str, Any] = {
        "home": str(folder / "local-farm"),
        "storage": str(storage_folder()),
        "runtimes": str(folder / "runtimes"),
        "wheels": [str(wheel) for wheel in wheels],
        "paths": [] if wheels else [path for path in sys.path if Path(path).is_absolute()],
        "blender": blender or program,
        "goes_on": goes_on(),
    }
    background.keep_ticking(_TICKING)
    _farm = FarmProcess(lambda: find_host(program), what, _changed)
    return _farm


def stop() -> None:
    """Stops it, whoever started it."""
    if _farm is not None:
        _farm.stop()


def goes_on() -> bool:
    """Whether it is to go on after Blender is closed."""
    set_here = preferences.preferences()
    return bool(set_here is not None and set_here.local_farm_goes_on)


def goes_on_changed() -> None:
    if _farm is not None and not _farm.status.is_over:
        _farm.set_goes_on(goes_on())


def user_folder() -> Path:
    """What survives updates of the extension."""
    with contextlib.suppress(ValueError):  # it was not installed as an extension
        return Path(bpy.utils.extension_path_user(_PACKAGE))
    return Path(bpy.utils.user_resource("DATAFILES", path="flamenco"))


def storage_folder() -> Path:
    """For the files of jobs and what they render: where artists find it, and where it stays when
    the extension is removed.
    """
    set_here = preferences.preferences()
    chosen = set_here.local_farm_folder if set_here is not None else ""
    return Path(bpy.path.abspath(chosen)) if chosen else Path.home() / "Flamenco"


def _wheels() -> Sequence[Path]:
    return runtime_wheels(_EXTENSION)


def _changed(status: FarmStatus) -> None:
    """On another thread."""
    background.post(lambda: _take_over(status))


def _take_over(status: FarmStatus) -> None:
    set_here = preferences.preferences()
    if set_here is None:
        return
    if status.state is FarmState.RUNNING:
        _use(set_here, status.url)
    elif status.is_over:
        background.stop_ticking(_TICKING)
        if status.state is not FarmState.FAILED:
            _use_other_again(set_here)
    background.redraw()


def _use(set_here: Any, url: str) -> None:
    """Sends jobs to the farm on this computer from now on."""
    if set_here.manager_url.rstrip("/") == url:
        if not connection.current().is_connected:
            connection.refresh()
        return
    if not set_here.other_manager_url:
        set_here.other_manager_url = set_here.manager_url
    set_here.manager_url = url
    connection.refresh()


def _use_other_again(set_here: Any) -> None:
    """Back to the Manager that was used before."""
    if set_here.other_manager_url:
        set_here.manager_url = set_here.other_manager_url
        set_here.other_manager_url = ""


class StartLocalFarm(bpy.types.Operator):
    bl_idname = "flamenco.local_farm_start"
    bl_label = "Render on This Computer"
    bl_description = (
        "Start a Manager and a Worker on this computer, which nobody else can use. "
        "Jobs wait there while Blender is closed"
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        reason = why_not()
        if reason:
            cls.poll_message_set(reason)
        return may_start()

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        start()
        return {"FINISHED"}


class StopLocalFarm(bpy.types.Operator):
    bl_idname = "flamenco.local_farm_stop"
    bl_label = "Stop Rendering on This Computer"
    bl_description = "Stop the farm on this computer. Its jobs stay, and go on when it is started"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return not status().is_over

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        stop()
        return {"FINISHED"}


class OpenLocalFarm(bpy.types.Operator):
    bl_idname = "flamenco.local_farm_open"
    bl_label = "Open in Browser"
    bl_description = "Open the pages of the farm on this computer, and copy the password for them"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return status().state is FarmState.RUNNING

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        now, manager = status(), context.window_manager
        if manager is not None:
            manager.clipboard = now.password
        webbrowser.open(now.url)
        words = tr("Log in as “{user}”; the password is on the clipboard").format(user=now.user)
        self.report({"INFO"}, words)
        return {"FINISHED"}


class ShowLocalFarmLogs(bpy.types.Operator):
    bl_idname = "flamenco.local_farm_logs"
    bl_label = "Show Logs"
    bl_description = "Open the folder with what the Manager and the Worker have logged"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        folder = user_folder() / "local-farm" / "logs"
        if not folder.exists():
            self.report({"INFO"}, tr("There are no logs: the farm on this computer never ran"))
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


CLASSES = (StartLocalFarm, StopLocalFarm, OpenLocalFarm, ShowLocalFarmLogs)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    global _farm  # noqa: PLW0603
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    why_not.cache_clear()
    if _farm is not None:
        _farm.let_go()
        _farm = None
