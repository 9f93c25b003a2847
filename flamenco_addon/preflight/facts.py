"""What pre-flight looks at, as plain values: the checks need neither Blender nor a farm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flamenco_core.errors import Problem
from flamenco_core.model import AvailableJobType, ManagerVariable


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """The file as it is open in Blender."""

    filepath: str = ""
    """Empty if it was never saved."""
    is_dirty: bool = False
    blender_version: tuple[int, int] = (4, 5)
    platform: str = "linux"
    """As Managers call it."""


@dataclass(frozen=True, slots=True)
class ViewLayerFacts:
    name: str
    is_rendered: bool


@dataclass(frozen=True, slots=True)
class OutputPath:
    """A path that rendering writes to beside the frames."""

    owner: str
    """As people find it: `File Output node “Depth”`."""
    path: str
    """As it is stored."""


@dataclass(frozen=True, slots=True)
class AddonNeed:
    """Something in the scene that only an add-on understands."""

    addon: str
    """The add-on's module, or empty if it is not installed here either."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFacts:
    name: str
    camera: str = ""
    """The camera that renders; empty without one."""
    cameras: tuple[str, ...] = ()
    """All cameras in the scene."""
    is_edit: bool = False
    """Whether the frames come from the sequencer, which needs no camera."""
    frame_start: int = 1
    frame_end: int = 250
    file_format: str = "PNG"
    is_movie_format: bool = False
    view_layers: tuple[ViewLayerFacts, ...] = (ViewLayerFacts("ViewLayer", True),)
    engine: str = "CYCLES"
    wants_gpu: bool = False
    output_paths: tuple[OutputPath, ...] = ()
    needs: tuple[AddonNeed, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that the scene uses; whether it exists is found out on another thread."""

    kind: str
    """For people: `Image`, `Library`, `Font` …"""
    name: str
    """Of the data block."""
    path: Path
    """Absolute; may hold `<UDIM>` or `<UVTILE>`."""
    is_sequence: bool = False
    """One of numbered files: enough if any of them is there."""


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """A simulation whose result is computed frame after frame."""

    owner: str
    """As people find it: `Cloth of “Flag”`."""
    is_baked: bool | None
    """None where Blender does not tell."""
    folder: str = ""
    """Absolute, where the bake lies on disk; empty if it is in the .blend file."""
    frame_start: int = 0
    frame_end: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """One job as it would be submitted."""

    scene: SceneFacts
    job_type: AvailableJobType
    values: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """What stands in the way of computing or checking the values."""
    is_distrusted: bool = False
    """Whether the farm's expressions wait for the artist's trust."""
    override_problems: tuple[Problem, ...] = ()
    has_overrides: bool = False
    unknown_tag_in: str = ""
    """The scene that asks for a worker tag which the farm does not have; empty if none does."""

    @property
    def renders_blend(self) -> bool:
        """Whether the .blend file is part of the job at all."""
        return self.has("blendfile")

    def has(self, key: str) -> bool:
        return any(setting.key == key for setting in self.job_type.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmFacts:
    is_connected: bool = True
    sentence: str = ""
    """How things stand with the Manager, if they do not stand well."""
    variables: Mapping[str, ManagerVariable] = field(default_factory=dict)
    """As they are for people on this platform."""
    storage: str = ""
    """Where this machine finds the shared storage."""
    is_this_computer: bool = False
    """Whether all workers run on this machine, so that every folder is the same for them."""
    blender_versions: frozenset[str] | None = None
    """Of all workers; None if the farm does not say."""
    devices: frozenset[str] | None = None
    """What workers can render with: `cpu`, `gpu`; None if the farm does not say."""
    knows_overrides: bool = True
    """Whether jobs can change the scene before they render; Flamenco 3's Managers cannot."""
