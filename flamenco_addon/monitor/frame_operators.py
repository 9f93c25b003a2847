"""Operators around a job's frames: open their folder, load them, render some of them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from flamenco_core.client import AccountsClient
from flamenco_core.errors import FlamencoError
from flamenco_core.frames import FrameRange, parse_frames
from flamenco_core.model import Job

from ..blender_types import OperatorResult
from ..farm import this_platform
from ..language import tr
from ..windows import all_windows, ask_in_dialog, layout_of
from . import frame_fetching, frame_loading, job_frames, live, notices
from .doing import AboutJob, ask_manager, none_is_selected
from .frame_selection import selected_frames
from .frames_elsewhere import explained
from .job_frames import FrameFiles, FramesNotFound, StorageNotHere
from .rendering_again import Again, render_again


def _job(client: AccountsClient, job_id: str) -> Job:
    return client.fetch_job(job_id, platform=this_platform())


class FLAMENCO_OT_load_frames(AboutJob, bpy.types.Operator):
    bl_idname = "flamenco.load_frames"
    bl_label = "Load Frames"
    bl_description = (
        "Load the frames of this job that are rendered so far. Where the storage of the farm is not"
        " mounted, they are fetched through the Manager"
    )
    bl_options = {"REGISTER"}

    target: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Target",
        description="Where the frames are to appear",
        items=[
            ("IMAGE", "Image Editor", "Show the frames as an image sequence", "IMAGE_DATA", 0),
            (
                "COMPOSITOR",
                "Compositor",
                "Add an image node with the frames",
                "NODE_COMPOSITING",
                1,
            ),
            ("SEQUENCER", "Sequencer", "Add a strip with the frames", "SEQUENCE", 2),
        ],
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        job_id, load = self.chosen_job(), _LOADERS[self.target]
        if not job_id:
            return none_is_selected(self, tr("No job is selected"))
        window, area = context.window, context.area
        download = frame_fetching.begin()

        def found(answer: tuple[Job, FrameFiles]) -> None:
            job, files = answer
            if bpy.app.background:
                load(bpy.context, files, job)
                return
            # The result comes in a tick, which has no editor of its own.
            with bpy.context.temp_override(**_place(window, area)):
                text = load(bpy.context, files, job)
                bpy.ops.ed.undo_push(message=tr("Load Frames"))
            notices.tell("INFO", text)

        def look(client: AccountsClient) -> tuple[Job, FrameFiles]:
            job = _job(client, job_id)
            try:
                return job, job_frames.find_frames(job.settings)
            except FramesNotFound as not_here:
                return job, frame_fetching.fetch(download, client, job, not_here)

        return ask_manager(self, look, then=found)


def _place(window: Any, area: Any) -> dict[str, Any]:
    """Where the artist was, or what is nearest to it: fetching frames may have taken minutes."""
    windows = all_windows()
    if not windows:
        return {}
    window = window if window in windows else windows[0]
    areas = list(window.screen.areas)
    if area not in areas:
        area = max(areas, key=lambda each: each.width * each.height)
    return {"window": window, "area": area}


Loader = Callable[[bpy.types.Context, FrameFiles, Job], str]
_LOADERS: dict[str, Loader] = {
    "IMAGE": lambda context, files, job: frame_loading.into_image_editor(context, files, job.id),
    "COMPOSITOR": lambda context, files, job: frame_loading.into_compositor(context, files, job.id),
    "SEQUENCER": lambda context, files, job: frame_loading.into_sequencer(
        context, files, job.id, job.name
    ),
}


class FLAMENCO_OT_open_output_folder(AboutJob, bpy.types.Operator):
    bl_idname = "flamenco.open_output_folder"
    bl_label = "Open Output Folder"
    bl_description = "Open the folder with the frames of this job in the file browser of the system"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        job_id = self.chosen_job()
        if not job_id:
            return none_is_selected(self, tr("No job is selected"))

        def look(client: AccountsClient) -> str:
            try:
                folder = job_frames.output_path(_job(client, job_id).settings).folder
                if not folder.is_dir():
                    raise job_frames.no_folder(folder)
            except StorageNotHere as not_here:
                raise explained(client, job_id, not_here) from None
            return str(folder)

        return ask_manager(self, look, then=_open_folder)


def _open_folder(folder: str) -> None:
    bpy.ops.wm.path_open(filepath=folder)


class FLAMENCO_OT_render_frames_again(AboutJob, bpy.types.Operator):
    bl_idname = "flamenco.render_frames_again"
    bl_label = "Render Frames Again"
    bl_description = (
        "Have the farm render frames of this job again. The old ones are moved into a folder beside"
        " them, or written over where the farm's storage is not mounted. By default these are the"
        " frames that are selected: of the selected strips or the image shown, the preview range if"
        " there is one, else the current frame"
    )
    bl_options = {"REGISTER"}

    frames: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Frames",
        description="The frames to render again, such as 7 or 1-10, 15",
        options={"SKIP_SAVE"},
    )
    overwrite: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Overwrite Where Not Mounted",
        description=(
            "Where the farm's storage is not mounted, so that the old frames cannot be moved: let"
            " the farm write over them. The job gets an RNA override that says so, and all frames"
            " of the tasks concerned are rendered"
        ),
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        selection = selected_frames(context)
        if selection is not None and not self.job_id:
            self.job_id = selection.job_id
        if selection is not None and not self.frames and selection.frames:
            self.frames = str(FrameRange(_spans(selection.frames)))
        if not self.frames:
            self.frames = str(context.scene.frame_current) if context.scene is not None else ""
        return ask_in_dialog(self, context, width=340, confirm_text=tr("Render Again"))

    def draw(self, _context: bpy.types.Context) -> None:
        layout = layout_of(self)
        row = live.shown.rows.get(self.chosen_job())
        if row is not None:
            layout.label(text=row.name, icon="RENDER_ANIMATION", translate=False)
        layout.prop(self, "frames")
        layout.prop(self, "overwrite")

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        job_id = self.chosen_job()
        try:
            if not job_id:
                raise FramesNotFound(tr("No job is selected"))
            asked = parse_frames(self.frames)
        except FlamencoError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        overwrites = self.overwrite

        def ask(client: AccountsClient) -> Again:
            return render_again(client, _job(client, job_id), asked, overwrites=overwrites)

        return ask_manager(self, ask, then=_tell)


def _spans(frames: tuple[int, ...]) -> tuple[range, ...]:
    return parse_frames(",".join(str(frame) for frame in frames)).spans


def _tell(again: Again) -> None:
    text = tr("{name}: {frames} are rendered again").format(
        name=again.job_name, frames=str(again.asked)
    )
    if again.plan.missed:
        missed = ", ".join(map(str, again.plan.missed[:10]))
        text += tr("; no task renders {frames}").format(frames=missed)
    if again.aside:
        text += tr("; the old ones are in {folder}").format(folder=again.aside)
    if again.is_written_over:
        text += tr("; the old ones are written over")
    notices.tell("FILE_REFRESH", text)


CLASSES = (
    FLAMENCO_OT_load_frames,
    FLAMENCO_OT_open_output_folder,
    FLAMENCO_OT_render_frames_again,
)


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
