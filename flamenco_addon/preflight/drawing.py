"""Findings in a panel: each with its sentence, and a button where it can be mended."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import bpy

from flamenco_core.errors import FlamencoError

from .. import submission_drivers
from ..blender_types import Icon, collapsible
from ..job_planning import Wishes, plan_jobs
from ..language import tr
from ..monitor.text_lines import draw_text
from ..submission import Stage
from . import checking, gathering
from .findings import FIX_LABELS, Finding, Severity, by_severity

ICONS: Mapping[Severity, Icon] = {
    Severity.ERROR: "CANCEL",
    Severity.WARNING: "ERROR",
    Severity.NOTE: "INFO",
}

SEEN_AT_ONCE = frozenset(
    {"choice", "camera", "format", "frames", "view-layers", "unsaved", "manager", "tag", "trust"}
    | {"paths", "gpu", "overrides", "blender-version"}
)
"""Checks that are made again while drawing; the others ask disks or the Manager."""

_WITH_FINDINGS = frozenset({Stage.STOPPED, Stage.ASKING, Stage.DONE})
_FRESH_SECONDS = 0.5
"""How long what was seen stands before drawing looks again."""
_CHARACTER = 7.0
"""Pixels of a character on a button, at a scale of 1."""
_BUTTON = 36.0

_seen: tuple[float, str, list[Finding]] = (0.0, "", [])


def draw_preflight(
    layout: bpy.types.UILayout, context: bpy.types.Context, *, width: float | None = None
) -> list[Finding]:
    """The list below its title; returns what is in it. `width` is that of a dialog."""
    if context.scene is None:
        return []
    found = findings_now(context.scene)
    header, body = collapsible(layout, "FLAMENCO_PT_preflight", default_closed=False)
    header.label(text=_title(found), icon=ICONS[found[0].severity] if found else "CHECKMARK")
    if body is None:
        return found
    if found:
        draw_findings(body, context, found, width=width)
    else:
        body.label(text=tr("Nothing stands in the way."))
    return found


def draw_findings(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    found: Iterable[Finding],
    *,
    width: float | None = None,
) -> None:
    column = layout.column()
    for finding in found:
        row = column.row()
        label = tr(FIX_LABELS[finding.fix]) if finding.fix is not None else ""
        taken = len(label) * _CHARACTER + _BUTTON if label else 0.0
        words = row.column(align=True)
        words.scale_y = 0.85
        text = f"{finding.what} {finding.hint}".strip()
        icon = ICONS[finding.severity]
        draw_text(words, context, text, icon=icon, taken=taken, width=width)
        if finding.fix is not None:
            side = row.column()
            side.alignment = "RIGHT"
            operator = side.operator("flamenco.fix", text=label)
            operator.fix, operator.scene = finding.fix.value, finding.scene
            operator.target = finding.target


def findings_now(scene: bpy.types.Scene) -> list[Finding]:
    """What can be seen at once, and what the last look at files and farm has found."""
    global _seen  # noqa: PLW0603
    now = time.monotonic()
    if now - _seen[0] > _FRESH_SECONDS or _seen[1] != scene.name:
        _seen = (now, scene.name, _look(scene))
    found = list(_seen[2])
    submission = submission_drivers.current()
    if submission is not None and submission.stage in _WITH_FINDINGS:
        found += [each for each in submission.findings if each.check not in SEEN_AT_ONCE]
    return by_severity(found)


def look_again() -> None:
    """What was seen has changed."""
    global _seen  # noqa: PLW0603
    _seen = (0.0, "", [])


def _look(scene: bpy.types.Scene) -> list[Finding]:
    farm = gathering.gather_farm()
    session = gathering.gather_session()
    try:
        jobs = tuple(job.facts for job in plan_jobs(scene, Wishes(), thorough=False))
    except FlamencoError as error:
        text = error.problems[0].what if error.problems else error.message
        hint = error.problems[0].hint if error.problems else ""
        what = text[:1].upper() + text[1:].rstrip(".") + "."
        hint = hint[:1].upper() + hint[1:] + "." if hint else ""
        return [Finding("choice", Severity.ERROR, what, hint)]
    found = checking.find(checking.Facts(session=session, farm=farm, jobs=jobs))
    # How things stand with the Manager is said elsewhere in the panel, and what the settings lack
    # is the Manager's to say, when it is asked.
    return [each for each in found if each.check != "manager"]


def is_stopped(found: Sequence[Finding]) -> bool:
    """Whether there are errors that are there now, not only when files were last looked for."""
    return any(each.severity is Severity.ERROR and each.check in SEEN_AT_ONCE for each in found)


def _title(found: Sequence[Finding]) -> str:
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    warnings = sum(finding.severity is Severity.WARNING for finding in found)
    words = []
    if errors:
        words.append(tr("1 error") if errors == 1 else tr("{count} errors").format(count=errors))
    if warnings:
        words.append(
            tr("1 warning") if warnings == 1 else tr("{count} warnings").format(count=warnings)
        )
    return f"{tr('Pre-flight')}: {', '.join(words)}" if words else tr("Pre-flight")
