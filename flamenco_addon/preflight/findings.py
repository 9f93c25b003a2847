"""What pre-flight finds: one sentence each, how bad it is, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """Lower is worse."""

    ERROR = 0
    """The job would fail or render something else: it is not submitted."""
    WARNING = 1
    """The artist is asked."""
    NOTE = 2
    """Worth knowing."""


class Fix(StrEnum):
    """What a button can mend safely, and undo can take back."""

    SAVE = "save"
    USE_CAMERA = "use-camera"
    USE_IMAGE_FORMAT = "use-image-format"
    ENABLE_VIEW_LAYERS = "enable-view-layers"
    FRAMES_OF_SCENE = "frames-of-scene"
    OUTPUT_ON_FARM = "output-on-farm"
    FIND_FILES = "find-files"
    TRUST_FARM = "trust-farm"
    ANY_WORKER = "any-worker"
    ASK_AGAIN = "ask-again"


FIX_LABELS = {
    Fix.SAVE: "Save",
    Fix.USE_CAMERA: "Use It",
    Fix.USE_IMAGE_FORMAT: "Use PNG",
    Fix.ENABLE_VIEW_LAYERS: "Enable",
    Fix.FRAMES_OF_SCENE: "Use Scene Range",
    Fix.OUTPUT_ON_FARM: "Use Farm Folder",
    Fix.FIND_FILES: "Find",
    Fix.TRUST_FARM: "Look and Trust",
    Fix.ANY_WORKER: "Any Worker",
    Fix.ASK_AGAIN: "Ask Again",
}

FIX_DESCRIPTIONS = {
    Fix.SAVE: "Save the file",
    Fix.USE_CAMERA: "Render the scene with its only camera",
    Fix.USE_IMAGE_FORMAT: "Render frames as PNG images",
    Fix.ENABLE_VIEW_LAYERS: "Render all view layers of the scene",
    Fix.FRAMES_OF_SCENE: "Take the frames from the scene's frame range",
    Fix.OUTPUT_ON_FARM: "Put the frames into the shared storage of the farm",
    Fix.FIND_FILES: "Look for missing files in a folder of your choice",
    Fix.TRUST_FARM: "Look at the expressions of this farm, and let them run",
    Fix.ANY_WORKER: "Let any worker take the job",
    Fix.ASK_AGAIN: "Ask the Manager again",
}


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    """Which check found it: a stable name for scripts and tests."""
    severity: Severity
    what: str
    """A sentence for the artist."""
    hint: str = ""
    """What to do; empty if that is plain."""
    scene: str = ""
    """The scene that it is about; empty for the file or the farm."""
    fix: Fix | None = None
    target: str = ""
    """What the fix needs to know, such as the name of a camera."""

    def __str__(self) -> str:
        text = f"{self.scene}: {self.what}" if self.scene else self.what
        return f"{text} {self.hint}".rstrip()


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, each once, otherwise in the order of the checks."""
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.severity)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def warnings(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.WARNING]
