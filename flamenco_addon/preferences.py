"""The extension's preferences: which Manager, and whatever else is the same for every file.

Passwords and tokens are not among them: preferences lie readable on disk. What a log-in gives is
kept where `flamenco login` keeps it (`flamenco_core.client.credentials_file`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import bpy

from .windows import layout_of

DEFAULT_ADDRESS = "http://localhost:8080/"

PROJECT_FINDERS = (
    ("ANY", "Any of These", "The closest folder with any of the markers below"),
    ("BLENDER_PROJECT", "Blender Project", "The closest folder that has .blender_project in it"),
    ("GIT", "Git", "The closest folder that has .git in it"),
    ("SUBVERSION", "Subversion", "The working copy of Subversion, which has .svn in it"),
    ("MARKER", "Own Marker", "The closest folder that has a file or folder of your choice in it"),
    ("FOLDER", "Folder of the File", "The folder that the .blend file lies in"),
)
"""How `projects` finds the project of a file."""

Section = Callable[["bpy.types.UILayout", "bpy.types.Context"], None]
sections: list[Section] = []
"""What other modules draw below the Manager's address, in the order in which they register."""


def _address_changed(_preferences: bpy.types.AddonPreferences, _context: object) -> None:
    from . import connection

    connection.address_changed()


def _goes_on_changed(_preferences: bpy.types.AddonPreferences, _context: object) -> None:
    from .local_farm import operators

    operators.goes_on_changed()


class FlamencoPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__ or ""

    manager_url: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Manager",
        description="Address of the Manager that jobs are sent to",
        default=DEFAULT_ADDRESS,
        update=_address_changed,
    )

    other_manager_url: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Other Manager",
        description="The Manager that is used again when the farm on this computer stops",
        options={"HIDDEN"},
    )
    local_farm_folder: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Folder",
        description="For the files of jobs on this computer and, unless they say otherwise, for "
        "what they render. It is Flamenco in your home folder if nothing is given",
        subtype="DIR_PATH",
    )
    local_farm_goes_on: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Keep Rendering After Blender Is Closed",
        description="The farm on this computer goes on without Blender. Open Blender and start it "
        "again to see it or to stop it",
        default=False,
        update=_goes_on_changed,
    )

    project_finder: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Project",
        description="How the folder of the project is found that a file belongs to",
        items=PROJECT_FINDERS,
        default="ANY",
    )
    project_marker: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Marker",
        description="A file or folder that only the root folder of a project has",
        default=".flamenco_project",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = layout_of(self)
        for section in sections:
            section(layout, context)


def preferences() -> FlamencoPreferences | None:
    """What the user has set; None while the extension is being enabled or disabled."""
    all_of_them = bpy.context.preferences
    addon = all_of_them.addons.get(__package__ or "") if all_of_them is not None else None
    return cast("FlamencoPreferences | None", addon.preferences) if addon is not None else None


def manager_address() -> str:
    """The address as it was typed, without blanks around it."""
    set_here = preferences()
    return set_here.manager_url.strip() if set_here is not None else DEFAULT_ADDRESS


def register() -> None:
    bpy.utils.register_class(FlamencoPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(FlamencoPreferences)
    sections.clear()
