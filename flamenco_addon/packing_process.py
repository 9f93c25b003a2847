"""Packing from within Blender: everything that takes time runs in a process of its own.

    run = packing_process.start(PackRequest(blend=…, job_name=…, manager_url=…, token=…))
    run.progress      the newest `RunProgress`, or None; free to read in `draw` and in timers
    run.cancel()      returns at once
    run.is_over       then `run.outcome`, `run.failure` or `run.is_cancelled`

A file with unsaved changes is saved as a copy to `copy_for_packing()`, with
`bpy.ops.wm.save_as_mainfile(copy=True, relative_remap=False)`, and packed with `stands_for` the
artist's own file and `blend_is_temporary`: the copy takes the place of the original in the pack and
is removed by whoever is left, the packing process or this one.

What was delivered for a job that the Manager then refuses is taken back by `discard`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import bpy

from flamenco_core.packing import (
    PackOutcome,
    PackRequest,
    PackRun,
    start_packing,
    take_back,
)

from .host_python import find_host

_PATIENCE = timedelta(seconds=2)
"""For what still runs when the extension is disabled."""
_OWN_WHEELS = tuple(map(str, sorted(Path(__file__).resolve().parent.glob("packing/*.whl"))))
"""Other extensions may bring another Asset Tracer, of the generation that needs Blender."""
_running: list[PackRun] = []


def start(request: PackRequest) -> PackRun:
    """Begins; call it on the main thread. It returns before the process is there."""
    blender = bpy.app.binary_path
    run = start_packing(request, lambda: find_host(blender), paths=[*_OWN_WHEELS, *sys.path])
    _running[:] = [other for other in _running if not other.is_over]
    _running.append(run)
    return run


def copy_for_packing(blend: Path) -> Path:
    """Where to save a copy of the file that is open as `blend`: in a new folder of its own, with
    the same name, since caches are called after it.
    """
    return Path(tempfile.mkdtemp(prefix="flamenco-copy-")) / blend.name


def discard(outcome: PackOutcome, manager_url: str, token: str = "") -> None:
    """Takes back what was delivered and no job uses; call it on another thread."""
    take_back(outcome, manager_url, token)


def is_packing() -> bool:
    return any(not run.is_over for run in _running)


def register() -> None:
    """Nothing runs until something is packed."""


def unregister() -> None:
    """Ends what still runs. Storage that does not answer holds nobody up: what takes longer
    tidies up by itself, or when it notices that Blender is gone.
    """
    for run in _running:
        run.cancel()
    deadline = time.monotonic() + _PATIENCE.total_seconds()
    for run in _running:
        run.wait(max(0.0, deadline - time.monotonic()))
    _running.clear()
