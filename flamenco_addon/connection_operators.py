"""Operators for the connection: ask again, find Managers, log in and out, open the pages."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from flamenco_core.errors import FlamencoError

from . import background, connection, finding_managers, logging_in, preferences
from .blender_types import OperatorResult
from .language import tr
from .monitor.manager_sentences import said
from .windows import ask_in_dialog, layout_of


class LogIn:
    """Changes who we are to the Manager on another thread, then asks it for everything anew."""

    def __init__(self) -> None:
        self.message = ""
        """How the last one failed; empty if it did not."""
        self._work: background.Work | None = None

    @property
    def is_under_way(self) -> bool:
        return self._work is not None

    def carry_out(
        self, operator: bpy.types.Operator, change: Callable[[], object]
    ) -> OperatorResult:
        """What the operator returns. Without a window it waits for the end."""
        if not connection.current().url or self.is_under_way:
            return {"CANCELLED"}
        self.message = ""
        work = background.run(change, then=self._changed, failed=self._could_not, name="logging in")
        self._work = work
        background.redraw()
        if not bpy.app.background:
            return {"FINISHED"}
        background.wait_for(work)
        if self.message:
            operator.report({"ERROR"}, self.message)
            return {"CANCELLED"}
        asking = connection.refresh()
        if asking is not None:
            background.wait_for(asking)
        return {"FINISHED"}

    def _changed(self, _result: object) -> None:
        self._work = None
        connection.refresh_anew()

    def _could_not(self, error: Exception) -> None:
        self._work = None
        is_ours = isinstance(error, FlamencoError)
        self.message = str(error) if is_ours else f"It did not work: {error}"
        connection.refresh_anew()
        background.redraw()


log_in = LogIn()
"""There is one at a time."""


class FLAMENCO_OT_refresh(bpy.types.Operator):
    """Ask the Manager again for job types, tags and everything else"""

    bl_idname = "flamenco.refresh"
    bl_label = "Refresh from Manager"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        work = connection.refresh()
        if bpy.app.background and work is not None:
            background.wait_for(work)
        condition = connection.current().condition
        if bpy.app.background and not condition.is_good:
            words = f"{said(condition.sentence)} {said(condition.advice)}"
            self.report({"ERROR"}, words.strip())
            return {"CANCELLED"}
        return {"FINISHED"}


class FLAMENCO_OT_find_managers(bpy.types.Operator):
    """Look for Managers in the network"""

    bl_idname = "flamenco.find_managers"
    bl_label = "Find Managers"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        work = finding_managers.search()
        if bpy.app.background:
            background.wait_for(work)
            for manager in finding_managers.found:
                self.report({"INFO"}, str(manager))
        return {"FINISHED"}


class FLAMENCO_OT_use_manager(bpy.types.Operator):
    """Send jobs to this Manager from now on"""

    bl_idname = "flamenco.use_manager"
    bl_label = "Use This Manager"

    url: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Address", description="Address of the Manager that was found"
    )

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        set_here = preferences.preferences()
        if set_here is None or not self.url:
            return {"CANCELLED"}
        set_here.manager_url = self.url
        finding_managers.forget()
        return {"FINISHED"}


class FLAMENCO_OT_log_in(bpy.types.Operator):
    """Log in to the Manager with name and password. Blender keeps no password: what remains is a
    token, which an admin can revoke"""

    bl_idname = "flamenco.log_in"
    bl_label = "Log In…"
    # Not registered, or the password would stand in the Info editor and in the undo history.
    bl_options = {"INTERNAL"}

    user: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Name", description="Name of your account on this farm", options={"SKIP_SAVE"}
    )
    password: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Password",
        description="Password of your account; it is sent once, and not kept",
        subtype="PASSWORD",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        return ask_in_dialog(self, context, width=320, confirm_text=tr("Log In"))

    def draw(self, _context: bpy.types.Context) -> None:
        column = layout_of(self).column()
        column.use_property_split = True
        column.label(text=connection.current().url, icon="LOCKED", translate=False)
        column.prop(self, "user")
        column.prop(self, "password")

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        name, password = self.user.strip(), self.password
        self.password = ""
        url = connection.current().url
        return log_in.carry_out(self, lambda: logging_in.log_in(url, name, password))


class FLAMENCO_OT_use_token(bpy.types.Operator):
    """Log in to the Manager with a token that you were given"""

    bl_idname = "flamenco.use_token"
    bl_label = "Use a Token…"
    bl_options = {"INTERNAL"}

    token: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Token",
        description="It begins with flamenco_",
        subtype="PASSWORD",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        return ask_in_dialog(self, context, width=400, confirm_text=tr("Log In"))

    def draw(self, _context: bpy.types.Context) -> None:
        layout_of(self).prop(self, "token")

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        secret, self.token = self.token, ""
        url = connection.current().url
        return log_in.carry_out(self, lambda: logging_in.use_token(url, secret))


class FLAMENCO_OT_log_out(bpy.types.Operator):
    """Have the Manager forget this computer's log-in"""

    bl_idname = "flamenco.log_out"
    bl_label = "Log Out"

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        url = connection.current().url
        return log_in.carry_out(self, lambda: logging_in.log_out(url))


class FLAMENCO_OT_open_manager(bpy.types.Operator):
    """Open the Manager's pages in a browser"""

    bl_idname = "flamenco.open_manager"
    bl_label = "Open in Browser"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bool(connection.current().url)

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        bpy.ops.wm.url_open(url=f"{connection.current().url}/app/")
        return {"FINISHED"}


_CLASSES = (
    FLAMENCO_OT_refresh,
    FLAMENCO_OT_find_managers,
    FLAMENCO_OT_use_manager,
    FLAMENCO_OT_log_in,
    FLAMENCO_OT_use_token,
    FLAMENCO_OT_log_out,
    FLAMENCO_OT_open_manager,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    finding_managers.forget()
