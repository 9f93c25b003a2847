"""The copy that is sent when what is open is not what lies on disk."""

from __future__ import annotations

from pathlib import Path

import bpy

from flamenco_core.errors import FlamencoError

from . import packing_process
from .language import tr
from .windows import all_windows


def save_copy() -> Path:
    """Saves what is open as a copy for the farm; the file, its name and its changes stay.

    Raises:
        FlamencoError: there is no room for it, or Blender cannot write it.
    """
    copy = packing_process.copy_for_packing(Path(bpy.data.filepath))
    preferences = bpy.context.preferences
    compress = preferences is not None and preferences.filepaths.use_file_compression
    try:
        with bpy.context.temp_override(window=next(iter(all_windows()), None)):
            bpy.ops.wm.save_as_mainfile(
                filepath=str(copy),
                copy=True,
                relative_remap=False,
                check_existing=False,
                compress=compress,
            )
    except RuntimeError as error:
        copy.unlink(missing_ok=True)
        copy.parent.rmdir()
        reason = str(error).removeprefix("Error: ").strip()
        text = tr("A copy of the file cannot be saved to {path}: {reason}")
        raise FlamencoError(text.format(path=copy, reason=reason)) from error
    return copy
