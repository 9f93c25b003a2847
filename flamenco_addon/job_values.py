"""The values that a job is submitted with: stored, linked to Blender, computed, or defaults.

No `bpy` here: `evaluate` carries out an expression of the job type. What is computed may depend on
other settings, which are then found first; nothing that the artist set is changed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flamenco_core.errors import FlamencoError, InvalidInput, Problem
from flamenco_core.model import AvailableJobSetting, AvailableJobType

from .setting_properties import fitting_value, is_editable, is_shown, label_of

Evaluate = Callable[[str, "JobValues"], object]
"""Carries out an expression; the second argument is what it knows as `settings`."""


class ExpressionError(FlamencoError):
    """An expression of the job type could not be carried out; says which setting it is for."""


class JobValues:
    """The settings of one submission, by attribute as expressions see them.

    In this order: what the submission itself decides (`decided`), what is linked or computed, what
    the artist stored, the default.
    """

    def __init__(
        self,
        job_type: AvailableJobType,
        *,
        stored: Mapping[str, Any],
        linked: Collection[str],
        evaluate: Evaluate,
        decided: Mapping[str, Any] | None = None,
    ) -> None:
        self._definitions = {setting.key: setting for setting in job_type.settings}
        self._stored = stored
        self._linked = frozenset(linked)
        self._evaluate = evaluate
        self._found: dict[str, Any] = dict(decided or {})
        self._under_way: list[str] = []

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in self._definitions:
            raise AttributeError(f"this job type has no setting “{key}”")
        return self.value(key)

    def value(self, key: str) -> Any:
        """The value of a setting, None if it has none. Raises `ExpressionError`."""
        if key not in self._found:
            self._found[key] = self._find(self._definitions[key])
        return self._found[key]

    def all_values(self) -> dict[str, Any]:
        """All that have a value. Raises `InvalidInput` with one problem for each that fails."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for key in self._definitions:
            try:
                value = self.value(key)
            except ExpressionError as error:
                problems.append(Problem(f"settings.{key}", error.message))
                continue
            if value is not None:
                values[key] = value
        if problems:
            raise InvalidInput("Some settings cannot be computed", problems=problems)
        return values

    def _find(self, setting: AvailableJobSetting) -> Any:
        if setting.eval and self._is_evaluated(setting):
            return self._evaluated(setting, setting.eval)
        if is_editable(setting) and setting.key in self._stored:
            return self._stored[setting.key]
        return setting.default

    def _is_evaluated(self, setting: AvailableJobSetting) -> bool:
        if not is_shown(setting) or not is_editable(setting) or setting.key in self._linked:
            return True
        # A text that was never filled in is worth nothing.
        return self._stored.get(setting.key) in (None, "")

    def _evaluated(self, setting: AvailableJobSetting, expression: str) -> Any:
        if setting.key in self._under_way:
            circle = " → ".join([*self._under_way, setting.key])
            raise ExpressionError(f"its expression depends on itself: {circle}")
        self._under_way.append(setting.key)
        try:
            value = self._evaluate(expression, self)
        finally:
            self._under_way.pop()
        if value is None:
            return setting.default
        return _as_declared(setting, value)


def _as_declared(setting: AvailableJobSetting, value: object) -> Any:
    """The value of an expression as the setting's type; what does not fit is refused later.

    Expressions return a `Path` where a text is meant, and whole numbers as floats.
    """
    match setting.type:
        case "string":
            return value if isinstance(value, str) else str(value)
        case "bool" if isinstance(value, int | float):
            return bool(value)
        case "int32" if isinstance(value, float) and value.is_integer():
            return int(value)
        case "float" if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
    if fitting_value(setting, value) is None:
        kind = type(value).__name__
        raise ExpressionError(
            f"{label_of(setting)} is computed as {value!r} ({kind}), which does not fit"
        )
    return value
