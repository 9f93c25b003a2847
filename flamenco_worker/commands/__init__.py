"""The commands that tasks are made of, by the names that job types use."""

from __future__ import annotations

from collections.abc import Mapping

from flamenco_core.errors import one_problem
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands.audio import EncodeAudio, MuxAudio
from flamenco_worker.commands.base import Command, CommandContext, CommandFailed
from flamenco_worker.commands.blender_render import BlenderRender
from flamenco_worker.commands.concatenate_videos import ConcatenateVideos
from flamenco_worker.commands.file_management import CopyFile, MakeDirectory, MoveDirectory
from flamenco_worker.commands.frames_to_video import FramesToVideo
from flamenco_worker.commands.merge_images import MergeImages
from flamenco_worker.commands.misc import Echo, Exec, Sleep
from flamenco_worker.commands.tidying import MoveAside, MoveNumbered, RemoveFile, RemoveTree

__all__ = ["COMMANDS", "Command", "CommandContext", "CommandFailed", "make_command"]

COMMANDS: Mapping[str, type[Command]] = {
    "blender-render": BlenderRender,
    "concatenate-videos": ConcatenateVideos,
    "copy-file": CopyFile,
    "echo": Echo,
    "encode-audio": EncodeAudio,
    "exec": Exec,
    "frames-to-video": FramesToVideo,
    "make-directory": MakeDirectory,
    "merge-images": MergeImages,
    "move-aside": MoveAside,
    "move-directory": MoveDirectory,
    "move-numbered": MoveNumbered,
    "mux-audio": MuxAudio,
    "remove-file": RemoveFile,
    "remove-tree": RemoveTree,
    "sleep": Sleep,
}


def make_command(command: TaskCommand) -> Command:
    """The command of a task, ready to be run.

    Raises:
        InvalidInput: if there is no such command, or its parameters cannot be used.
    """
    found = COMMANDS.get(command.name)
    if found is None:
        known = ", ".join(sorted(COMMANDS))
        what = f"this worker has no command {command.name!r}"
        raise one_problem("name", what, f"it knows {known}")
    return found.from_parameters(command.parameters)
