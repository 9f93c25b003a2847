"""Which jobs one press of Submit makes: scenes, cameras and view layers, each with its own.

A camera or view layer is chosen on the farm by RNA overrides, so that all jobs share one copy of
the file. No `bpy` here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flamenco_core.errors import one_problem

from .language import tr


@dataclass(frozen=True, slots=True)
class Variant:
    """One job of a submission."""

    scene: str
    camera: str = ""
    """Empty: the scene's own."""
    view_layer: str = ""
    """Empty: all that are enabled."""
    frames: str = ""
    """Empty: what the settings say."""
    name_parts: tuple[str, ...] = ()
    """What tells its job's name from those of the others."""

    def job_name(self, name: str) -> str:
        return " - ".join([name, *self.name_parts])

    def overrides(self) -> list[str]:
        """Lines of Python that make the scene render so."""
        lines: list[str] = []
        scene = f"D.scenes[{self.scene!r}]"
        if self.camera:
            # Markers would switch to cameras of their own.
            lines.append(f"for marker in {scene}.timeline_markers: marker.camera = None")
            lines.append(f"{scene}.camera = {scene}.objects[{self.camera!r}]")
        if self.view_layer:
            lines.append(
                f"for layer in {scene}.view_layers: layer.use = layer.name == {self.view_layer!r}"
            )
        return lines


@dataclass(frozen=True, slots=True)
class SceneChoice:
    """A scene that is submitted, and what of it."""

    scene: str
    cameras: tuple[str, ...] = ()
    """Empty: the scene's own only."""
    view_layers: tuple[str, ...] = ()
    """Empty: all in one job."""
    frames: str = ""


def variants(choices: Sequence[SceneChoice]) -> list[Variant]:
    """One for each scene, camera and view layer, in this order."""
    made = [Variant(choice.scene, frames=choice.frames) for choice in choices]
    made = [
        replace(variant, camera=camera)
        for variant, choice in zip(made, choices, strict=True)
        for camera in (choice.cameras or ("",))
    ]
    by_scene = {choice.scene: choice for choice in choices}
    made = [
        replace(variant, view_layer=layer)
        for variant in made
        for layer in (by_scene[variant.scene].view_layers or ("",))
    ]
    has_scenes = len(choices) > 1
    return [
        replace(
            variant,
            name_parts=tuple(
                part
                for part in (
                    variant.scene if has_scenes else "",
                    variant.camera,
                    variant.view_layer,
                )
                if part
            ),
        )
        for variant in made
    ]


def marker_range(frames: Iterable[int]) -> str:
    """From the first to the last of the selected markers. Raises `InvalidInput` without any."""
    numbers = sorted(frames)
    if not numbers:
        what, hint = tr("no marker is selected"), tr("select the first and the last one")
        raise one_problem("", what, hint)
    return span(numbers[0], numbers[-1])


def span(first: int, last: int) -> str:
    """As frame ranges are written; negative frames stand beside dots."""
    if first == last:
        return str(first)
    return f"{first}-{last}" if first >= 0 else f"{first}..{last}"
