"""Carrying out the expressions by which job types take their settings from Blender.

An expression knows `bpy`, `C` (the context, with the scene that is submitted), `jobname`, `Path`,
`abspath(path)`, `last_n_dir_parts(n, file=None)` and `settings`. Expressions that are not this
program's own run only for farms that the artist trusts (`trust`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType

import bpy

from flamenco_core.model import AvailableJobType

from . import connection
from .blender_types import OperatorResult
from .job_values import ExpressionError, JobValues
from .language import tr
from .trust import FarmIdentity, ForeignExpression, TrustedFarms, foreign_expressions, is_known
from .windows import ask_in_dialog, layout_of

NOT_TRUSTED = "waits for your trust in this farm"


class NotTrusted(ExpressionError):
    """The expression is the farm's own, and the artist has not said that it may run."""


@cache
def trusted_farms() -> TrustedFarms:
    """Read from disk once."""
    return TrustedFarms(connection.cache_folder() / "trusted-farms.json")


def current_farm() -> FarmIdentity:
    now = connection.current()
    farm_id = now.farm.version.farm_id if now.farm else None
    return FarmIdentity(now.url, farm_id or "")


def untrusted_expressions(job_type: AvailableJobType) -> list[ForeignExpression]:
    """What the artist has to look at before this job type fills in all of its settings."""
    if trusted_farms().trusts(current_farm()):
        return []
    return foreign_expressions([job_type])


def evaluator(scene: bpy.types.Scene, job_name: str) -> Callable[[str, JobValues], object]:
    """What `JobValues` needs to carry out expressions for this scene."""

    def evaluate(expression: str, settings: JobValues) -> object:
        if not is_known(expression) and not trusted_farms().trusts(current_farm()):
            raise NotTrusted(NOT_TRUSTED)
        names: dict[str, object] = {
            "bpy": bpy,
            "jobname": job_name,
            "Path": Path,
            "abspath": abspath,
            "last_n_dir_parts": last_n_dir_parts,
            "settings": settings,
        }
        with _context_of(scene) as context:
            names["C"] = context
            try:
                return eval(_compiled(expression), names)
            except ExpressionError:
                raise
            except Exception as error:  # whatever the farm's expression stumbles over
                reason = str(error) or type(error).__name__
                raise ExpressionError(f"cannot be computed: {reason}") from error

    return evaluate


def abspath(path: object) -> Path:
    """The absolute path without `.` and `..`; one that begins with `{` or `//` as Blender does.

    A path such as `{shots}/x` belongs to a variable of the farm and stays as it is.
    """
    text = str(path)
    if text.startswith("{"):
        return Path(text)
    return Path(os.path.abspath(bpy.path.abspath(text)))  # noqa: PTH100 - links stay as they are


def last_n_dir_parts(n: int, path: object = None) -> Path:
    """The last `n` folders above a file, the .blend file if none is given, as a relative path."""
    file = abspath(path) if path else Path(bpy.data.filepath)
    if n <= 0 or not file.name:
        return Path()
    folder = file.parent
    parts = folder.parts[1:] if folder.anchor else folder.parts
    return Path(*parts[-n:])


@lru_cache(maxsize=256)
def _compiled(expression: str) -> CodeType:
    return compile(expression.strip(), "<job type>", "eval")


@contextmanager
def _context_of(scene: bpy.types.Scene) -> Iterator[bpy.types.Context]:
    context = bpy.context
    if context.scene == scene:
        yield context
        return
    with context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
        yield bpy.context


class FLAMENCO_OT_trust_farm(bpy.types.Operator):
    """Look at what this farm's job types do in Blender, and let them do it"""

    bl_idname = "flamenco.trust_farm"
    bl_label = "Trust This Farm"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return connection.current().farm is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        return ask_in_dialog(
            self, context, width=620, title=tr("Python of This Farm"), confirm_text=self.bl_label
        )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = layout_of(self)
        layout.label(text=f"Job types of {connection.current().url} fill in settings with Python.")
        layout.label(text="It runs in your Blender and can do what you can do. This is all of it:")
        column = layout.box().column(align=True)
        for expression in _foreign_expressions():
            column.label(text=f"{expression.job_type} › {expression.setting}", icon="SCRIPT")
            for line in _wrapped(expression.text, 92):
                column.label(text=line, icon="BLANK1")
        layout.label(text="The farm is trusted from then on, until you say otherwise.")

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        try:
            trusted_farms().trust(current_farm())
        except OSError as error:
            self.report({"ERROR"}, f"Your trust cannot be written down: {error}")
            return {"CANCELLED"}
        for function in tuple(on_trust):
            function()
        return {"FINISHED"}


class FLAMENCO_OT_stop_trusting_farm(bpy.types.Operator):
    """Do not run expressions of this farm any more"""

    bl_idname = "flamenco.stop_trusting_farm"
    bl_label = "Stop Trusting This Farm"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return trusted_farms().trusts(current_farm())

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        try:
            trusted_farms().forget(current_farm())
        except OSError as error:
            self.report({"ERROR"}, f"This cannot be written down: {error}")
            return {"CANCELLED"}
        return {"FINISHED"}


on_trust: list[Callable[[], object]] = []
"""Called when the artist has come to trust a farm."""


def _foreign_expressions() -> list[ForeignExpression]:
    farm = connection.current().farm
    return foreign_expressions(farm.job_types) if farm else []


def _wrapped(text: str, width: int) -> list[str]:
    plain = " ".join(text.split())
    return [plain[start : start + width] for start in range(0, len(plain), width)]


_CLASSES = (FLAMENCO_OT_trust_farm, FLAMENCO_OT_stop_trusting_farm)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    on_trust.clear()
    trusted_farms.cache_clear()
