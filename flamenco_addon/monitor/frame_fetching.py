"""Frames on their way from the Manager: shown in the status bar, and stopped from there."""

from __future__ import annotations

import time
from typing import Any

import bpy

from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.model import Job

from .. import background, connection
from ..blender_types import OperatorResult
from ..language import tr
from . import notices
from .frame_download import FrameDownload
from .job_frames import FrameFiles, FramesNotFound

_SECONDS_BETWEEN_DRAWING = 0.25
_under_way: list[FrameDownload] = []


def begin() -> FrameDownload:
    """To be called on the main thread, which alone may ask Blender for the folder."""
    return FrameDownload(connection.cache_folder().with_name("frames"))


def fetch(
    download: FrameDownload, client: AccountsClient, job: Job, not_here: FramesNotFound
) -> FrameFiles:
    """The frames through the Manager. Blocks: on another thread only.

    Raises:
        FramesNotFound: `not_here`, which says why they are not on this computer, if the Manager
            cannot show them either.
    """
    told_at = 0.0

    def told() -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at > _SECONDS_BETWEEN_DRAWING:
            told_at = now
            background.post(notices.redraw)

    _under_way.append(download)
    try:
        return download.fetch(client, job, told=told)
    except ManagerRefused:
        # Flamenco 3 shows no files, and ours not those in folders that nobody has opened up.
        raise not_here from None
    finally:
        _under_way.remove(download)
        background.post(notices.redraw)


def _draw(header: Any, _context: bpy.types.Context) -> None:
    if not _under_way:
        return
    progress = _under_way[-1].progress
    row = header.layout.row(align=True)
    if not progress.total:
        row.label(text=tr("Looking for frames on the farm …"), icon="IMPORT", translate=False)
    else:
        text = tr("Fetching frames: {done} of {total} ({megabytes} MB)").format(
            done=progress.done,
            total=progress.total,
            megabytes=f"{progress.bytes_total / 1e6:,.1f}",
        )
        bar = row.row()
        bar.ui_units_x = 14
        bar.progress(factor=progress.done / progress.total, text=text, translate=False)
    row.operator("flamenco.stop_fetching_frames", text="", icon="PANEL_CLOSE", emboss=False)


class FLAMENCO_OT_stop_fetching_frames(bpy.types.Operator):
    bl_idname = "flamenco.stop_fetching_frames"
    bl_label = "Stop Fetching Frames"
    bl_description = "Fetch no more frames; those that are here already are kept for the next time"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        for download in tuple(_under_way):
            download.cancel()
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(FLAMENCO_OT_stop_fetching_frames)
    bpy.types.STATUSBAR_HT_header.append(_draw)


def unregister() -> None:
    for download in tuple(_under_way):
        download.cancel()
    bpy.types.STATUSBAR_HT_header.remove(_draw)
    bpy.utils.unregister_class(FLAMENCO_OT_stop_fetching_frames)
