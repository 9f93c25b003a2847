"""RNA overrides of a scene: lines of Python that the farm carries out before it renders.

They are a list in the panel. A right click on any property of Blender adds a line with its present
value, so that nobody has to write them. Those of a job that is on the farm already can be changed,
too (`flamenco.edit_job_overrides`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from flamenco_core.errors import FlamencoError, InvalidInput
from flamenco_core.rna_overrides import checked_overrides

from . import background, connection, own_properties
from .blender_types import OperatorResult
from .windows import ask_in_dialog, in_first_window, layout_of, tell_in_popup

_OF_THE_WINDOW = (bpy.types.WindowManager, bpy.types.Screen, bpy.types.WorkSpace)
"""What no farm has."""

_EMPTY_LINES = 4
"""Below the lines of a job, to write new ones into."""


class FLAMENCO_PG_override(bpy.types.PropertyGroup):
    line: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Line",
        description="Python that the farm carries out before rendering; C and D are bpy.context"
        " and bpy.data",
        options=set(),
    )
    is_enabled: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Enabled", description="Carry out this line", default=True, options=set()
    )


def lines_of(scene: bpy.types.Scene) -> list[str]:
    """The lines that are enabled."""
    return [
        each.line
        for each in own_properties.of_scene(scene).flamenco_rna_overrides
        if each.is_enabled and each.line
    ]


def problem_of(lines: Sequence[str]) -> str:
    """What Python says of the lines; empty if nothing is wrong."""
    try:
        checked_overrides(lines)
    except InvalidInput as error:
        return error.problems[0].what
    return ""


def line_for(owner: Any, property_name: str, index: int = -1) -> str:
    """A line that gives a property the value that it has now.

    Raises:
        InvalidInput: the property cannot be reached from `bpy.data`, or has no plain value.
    """
    block = getattr(owner, "id_data", None)
    if block is None or isinstance(block, _OF_THE_WINDOW):
        raise InvalidInput("This property is not part of the file, so the farm cannot set it")
    value = getattr(owner, property_name)
    text = _value_text(value if index < 0 else value[index])
    try:
        path = owner.path_from_id(property_name)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"Blender does not say how to reach {property_name}") from error
    separator = "" if path.startswith("[") else "."
    part = "" if index < 0 else f"[{index}]"
    return f"{_block_path(block)}{separator}{path}{part} = {text}"


def _block_path(block: Any) -> str:
    """`bpy.data.scenes['Scene']` as a line may write it; embedded trees by their owner."""
    text = repr(block)
    if not text.startswith("bpy.data."):
        raise InvalidInput(f"“{block.name}” cannot be reached by its name")
    return "D" + text.removeprefix("bpy.data")


def _value_text(value: Any) -> str:
    if isinstance(value, bpy.types.ID):
        return _block_path(value)
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, set):
        return repr(sorted(value)).replace("[", "{").replace("]", "}") if value else "set()"
    try:
        numbers = tuple(value)
    except TypeError:
        numbers = ()
    if numbers and all(isinstance(each, bool | int | float) for each in numbers):
        return repr(numbers)
    raise InvalidInput("Only numbers, texts, choices and data-blocks can be overridden")


class FLAMENCO_UL_overrides(bpy.types.UIList):
    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        item: Any,
        _icon: int | None,
        _active_data: Any,
        _active_property: str | None,
        _index: int | None = 0,
        _filter: int | None = 0,
    ) -> None:
        row = layout.row(align=True)
        row.prop(item, "is_enabled", text="")
        line = row.row(align=True)
        line.active = item.is_enabled
        line.alert = bool(item.is_enabled and problem_of([item.line]))
        line.prop(item, "line", text="", emboss=False)


class FLAMENCO_OT_add_override(bpy.types.Operator):
    """Add a line that the farm carries out before rendering"""

    bl_idname = "flamenco.add_override"
    bl_label = "Add RNA Override"
    bl_options = {"REGISTER", "UNDO"}

    line: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Line", description="The new line of Python"
    )

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        scene = own_properties.of_scene_in(context)
        if scene is None:
            return {"CANCELLED"}
        item = scene.flamenco_rna_overrides.add()
        item.line = self.line
        scene.flamenco_override_index = len(scene.flamenco_rna_overrides) - 1
        return {"FINISHED"}


class FLAMENCO_OT_remove_override(bpy.types.Operator):
    """Remove this line"""

    bl_idname = "flamenco.remove_override"
    bl_label = "Remove RNA Override"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _line_count(context) > 0

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        scene = own_properties.of_scene_in(context)
        if scene is None:
            return {"CANCELLED"}
        index = min(scene.flamenco_override_index, len(scene.flamenco_rna_overrides) - 1)
        scene.flamenco_rna_overrides.remove(index)
        scene.flamenco_override_index = max(0, index - 1)
        return {"FINISHED"}


class FLAMENCO_OT_move_override(bpy.types.Operator):
    """Move this line; lines are carried out from top to bottom"""

    bl_idname = "flamenco.move_override"
    bl_label = "Move RNA Override"
    bl_options = {"REGISTER", "UNDO"}

    direction: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Direction",
        description="Where the selected line goes",
        items=[("UP", "Up", ""), ("DOWN", "Down", "")],
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _line_count(context) > 1

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        scene = own_properties.of_scene_in(context)
        if scene is None:
            return {"CANCELLED"}
        start = scene.flamenco_override_index
        end = start + (-1 if self.direction == "UP" else 1)
        if not 0 <= end < len(scene.flamenco_rna_overrides):
            return {"CANCELLED"}
        scene.flamenco_rna_overrides.move(start, end)
        scene.flamenco_override_index = end
        return {"FINISHED"}


def _line_count(context: bpy.types.Context) -> int:
    scene = own_properties.of_scene_in(context)
    return len(scene.flamenco_rna_overrides) if scene is not None else 0


class FLAMENCO_OT_override_property(bpy.types.Operator):
    """Let the farm render with the value that this property has now, whatever it is later"""

    bl_idname = "flamenco.override_property"
    bl_label = "Override on the Farm"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return getattr(context, "button_prop", None) is not None

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        button: Any = context  # has these two only while a button is under the mouse
        try:
            line = line_for(button.button_pointer, button.button_prop.identifier)
        except InvalidInput as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        own_properties.operators.add_override(line=line)
        self.report({"INFO"}, f"Added to the RNA overrides: {line}")
        return {"FINISHED"}


class FLAMENCO_OT_edit_job_overrides(bpy.types.Operator):
    """Change what the farm carries out before it renders the rest of this job"""

    bl_idname = "flamenco.edit_job_overrides"
    bl_label = "RNA Overrides of the Job"
    bl_options = {"REGISTER", "INTERNAL"}

    job_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Job", description="The id of the job", options={"HIDDEN"}
    )
    lines: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Lines", description="Python, one line after the other"
    )
    text: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Text", description="The lines as the farm has them", options={"HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        job_id = self.job_id

        def ask() -> list[str]:
            with connection.current().client() as client:
                return client.rna_overrides(job_id)

        def show(lines: list[str]) -> None:
            kept = own_properties.of_window_manager(context)
            if kept is None:
                return
            edited = kept.flamenco_edited_overrides
            edited.clear()
            for line in [*lines, *[""] * _EMPTY_LINES]:
                edited.add().line = line
            ours = own_properties.operators
            in_first_window(lambda: ours.store_job_overrides("INVOKE_DEFAULT", job_id=job_id))

        background.run(ask, then=show, failed=_tell, name="RNA overrides")
        return {"FINISHED"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        """From scripts: `lines` replace what the job has. Blocks."""
        return _store(self, self.job_id, self.lines.splitlines())


class FLAMENCO_OT_store_job_overrides(bpy.types.Operator):
    """Change what the farm carries out before it renders the rest of this job"""

    bl_idname = "flamenco.store_job_overrides"
    bl_label = "RNA Overrides of the Job"
    bl_options = {"REGISTER", "INTERNAL"}

    job_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Job", description="The id of the job", options={"HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        return ask_in_dialog(self, context, width=560)

    def draw(self, context: bpy.types.Context) -> None:
        layout = layout_of(self)
        column = layout.column(align=True)
        edited = _edited(context)
        for item in edited:
            column.prop(item, "line", text="")
        problem = problem_of([item.line for item in edited])
        if problem:
            layout.label(text=problem, icon="ERROR")

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        lines = [item.line for item in _edited(context)]
        job_id = self.job_id
        background.run(lambda: _put(job_id, lines), failed=_tell, name="RNA overrides")
        return {"FINISHED"}


def _edited(context: bpy.types.Context) -> list[Any]:
    """The lines of the dialog, as `layout.prop` wants them."""
    kept = own_properties.of_window_manager(context)
    return list(kept.flamenco_edited_overrides) if kept is not None else []


def _put(job_id: str, lines: list[str]) -> list[str]:
    """What the job has from now on. Raises `InvalidInput` and what the client raises."""
    checked = checked_overrides(lines)
    with connection.current().client() as client:
        return client.set_rna_overrides(job_id, checked)


def _store(operator: bpy.types.Operator, job_id: str, lines: list[str]) -> OperatorResult:
    try:
        kept = _put(job_id, lines)
    except FlamencoError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    operator.report({"INFO"}, f"The job has {len(kept)} RNA overrides for tasks from now on")
    return {"FINISHED"}


def _tell(error: Exception) -> None:
    tell_in_popup(str(error), icon="ERROR")


def draw_list(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    """The list with its buttons, as Blender draws its own."""
    count = len(own_properties.of_scene(scene).flamenco_rna_overrides)
    row = layout.row()
    row.template_list(
        "FLAMENCO_UL_overrides",
        "",
        scene,
        "flamenco_rna_overrides",
        scene,
        "flamenco_override_index",
        rows=3 if count else 2,
    )
    buttons = row.column(align=True)
    buttons.operator("flamenco.add_override", text="", icon="ADD").line = ""
    buttons.operator("flamenco.remove_override", text="", icon="REMOVE")
    if count > 1:
        buttons.separator()
        buttons.operator("flamenco.move_override", text="", icon="TRIA_UP").direction = "UP"
        buttons.operator("flamenco.move_override", text="", icon="TRIA_DOWN").direction = "DOWN"
    problem = problem_of(lines_of(scene))
    if problem:
        layout.label(text=problem, icon="ERROR")


def _draw_in_context_menu(menu: Any, context: bpy.types.Context) -> None:
    if FLAMENCO_OT_override_property.poll(context):
        menu.layout.separator()
        menu.layout.operator("flamenco.override_property", icon="MODIFIER_ON")


_CLASSES = (
    FLAMENCO_PG_override,
    FLAMENCO_UL_overrides,
    FLAMENCO_OT_add_override,
    FLAMENCO_OT_remove_override,
    FLAMENCO_OT_move_override,
    FLAMENCO_OT_override_property,
    FLAMENCO_OT_edit_job_overrides,
    FLAMENCO_OT_store_job_overrides,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    make = own_properties.definitions
    own_properties.add(
        bpy.types.Scene,
        flamenco_rna_overrides=make.CollectionProperty(
            type=FLAMENCO_PG_override, name="RNA Overrides"
        ),
        flamenco_override_index=make.IntProperty(
            name="Selected RNA Override", options={"HIDDEN"}, min=0
        ),
    )
    own_properties.add(
        bpy.types.WindowManager,
        flamenco_edited_overrides=make.CollectionProperty(
            type=FLAMENCO_PG_override, name="Edited RNA Overrides", options={"SKIP_SAVE"}
        ),
    )
    bpy.types.UI_MT_button_context_menu.append(_draw_in_context_menu)


def unregister() -> None:
    bpy.types.UI_MT_button_context_menu.remove(_draw_in_context_menu)
    own_properties.remove(bpy.types.WindowManager, "flamenco_edited_overrides")
    own_properties.remove(bpy.types.Scene, "flamenco_rna_overrides", "flamenco_override_index")
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
