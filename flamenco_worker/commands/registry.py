"""Which commands there are: the built-in ones, and those that a studio adds.

A studio's commands come with any Python distribution that is installed beside the worker, as entry
points of the group `flamenco_worker.commands`: the name of the command, and the class that is it.
One with the name of a built-in command takes its place. The code is imported when a task first
needs it, so that a mistake in it fails only such tasks.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from flamenco_core.errors import InvalidInput, Problem, one_problem
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands.audio import EncodeAudio, Mux
from flamenco_worker.commands.base import Command
from flamenco_worker.commands.blender_render import BlenderRender
from flamenco_worker.commands.concatenate_videos import ConcatenateVideos
from flamenco_worker.commands.denoise import Denoise
from flamenco_worker.commands.file_management import CopyFile, MakeDirectory, MoveDirectory
from flamenco_worker.commands.frames_to_video import FramesToVideo
from flamenco_worker.commands.merge_images import MergeImages
from flamenco_worker.commands.misc import CreatePythonFile, Echo, Exec, Sleep
from flamenco_worker.commands.tidying import (
    MoveOutOfWay,
    MoveToFinal,
    MoveWithCounter,
    RemoveFile,
    RemoveTree,
)

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "flamenco_worker.commands"

COMMANDS: Mapping[str, type[Command]] = {
    "blender-render": BlenderRender,
    "concatenate-videos": ConcatenateVideos,
    "copy-file": CopyFile,
    "create-python-file": CreatePythonFile,
    "denoise": Denoise,
    "echo": Echo,
    "encode-audio": EncodeAudio,
    "exec": Exec,
    "frames-to-video": FramesToVideo,
    "make-directory": MakeDirectory,
    "merge-images": MergeImages,
    "move-directory": MoveDirectory,
    "move-out-of-way": MoveOutOfWay,
    "move-to-final": MoveToFinal,
    "move-with-counter": MoveWithCounter,
    "mux": Mux,
    "remove-file": RemoveFile,
    "remove-tree": RemoveTree,
    "sleep": Sleep,
}
"""Those that come with the worker, by the names that job types use."""

OTHER_NAMES: Mapping[str, str] = {
    "concatenate_videos": "concatenate-videos",
    "copy_file": "copy-file",
    "create_python_file": "create-python-file",
    "encode_audio": "encode-audio",
    "move-aside": "move-out-of-way",
    "move-numbered": "move-with-counter",
    "move_out_of_way": "move-out-of-way",
    "move_to_final": "move-to-final",
    "move_with_counter": "move-with-counter",
    "mux-audio": "mux",
    "mux_audio": "mux",
    "remove_file": "remove-file",
    "remove_tree": "remove-tree",
}
"""What some job types call the same commands; those with `_` are the names of Flamenco 2."""


def make_command(command: TaskCommand) -> Command:
    """The command of a task, ready to be run.

    Raises:
        InvalidInput: if there is no such command, its parameters cannot be used, or it is a
            studio's own and cannot be imported.
    """
    name = OTHER_NAMES.get(command.name, command.name)
    added = studio_commands()
    if name in added:
        return _imported(added[name]).from_parameters(command.parameters)
    if name in COMMANDS:
        return COMMANDS[name].from_parameters(command.parameters)
    known = ", ".join(sorted(COMMANDS.keys() | added.keys()))
    what = f"this worker has no command {command.name!r}"
    raise one_problem("name", what, f"it knows {known}")


@functools.cache
def studio_commands() -> Mapping[str, EntryPoint]:
    """What installed distributions add, by the names of the commands."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=_order):
        if point.name in found:
            log.warning(
                "the command %s of %s is not used, since %s has one of this name",
                *(point.name, _origin(point), _origin(found[point.name])),
            )
            continue
        place = "in place of the built-in one" if point.name in COMMANDS else "added"
        log.info("command %s of %s, %s", point.name, _origin(point), place)
        found[point.name] = point
    return found


@functools.cache
def _imported(point: EntryPoint) -> type[Command]:
    where = f"the command {point.name} of {_origin(point)}"
    try:
        loaded = point.load()
    except Exception as error:
        # Whatever a studio's module does at its import.
        log.exception("%s cannot be imported", where)
        raise _unusable(where, f"cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(getattr(loaded, "from_parameters", None)) or not hasattr(loaded, "run"):
        raise _unusable(where, f"is {loaded!r}, which lacks from_parameters or run")
    return cast("type[Command]", loaded)


def _unusable(where: str, what: str) -> InvalidInput:
    message = f"{where[0].upper()}{where[1:]} cannot be used"
    return InvalidInput(message, problems=[Problem(where, what)])


def _order(point: EntryPoint) -> tuple[str, str]:
    return point.name, _origin(point)


def _origin(point: EntryPoint) -> str:
    """The distribution with its version, as people know it."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
