"""Reads what Blender prints while it works: one line in, at most one event out.

Understands the forms of Blender 3.x, 4.x and 5.x. Blender 5 puts the time and the name of the
part that speaks in front of its log lines (`00:01.275  render           | Saved: …`) and a blank
behind `Fra:`, 3.x one in front of ` Time:`; neither disturbs here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from flamenco_worker.blender.in_blender_report import REPORT_PREFIX


@dataclass(frozen=True, slots=True)
class FrameSaved:
    """A file has been written completely; with previews there is one more for the same frame."""

    path: str


@dataclass(frozen=True, slots=True)
class FrameTimed:
    """A frame is done, and took so many seconds."""

    total: float
    saving: float
    """Of the total."""


@dataclass(frozen=True, slots=True)
class FrameProgress:
    """The render of a frame goes on."""

    frame: int
    samples: int | None = None
    samples_total: int | None = None


@dataclass(frozen=True, slots=True)
class FrameSkipped:
    """Blender left a frame alone, since its file exists and is not to be overwritten."""

    path: str


class TroubleKind(StrEnum):
    """What went wrong; each kind has its sentence in `Trouble.sentence`."""

    PYTHON = "python"
    MISSING_SCENE = "missing-scene"
    CANNOT_OPEN = "cannot-open"
    MISSING_LIBRARY = "missing-library"
    MISSING_IMAGE = "missing-image"
    OUT_OF_MEMORY = "out-of-memory"
    GPU_LOST = "gpu-lost"
    NO_GPU = "no-gpu"
    NOTHING_RENDERED = "nothing-rendered"
    RENDER_ERROR = "render-error"
    CANNOT_SAVE = "cannot-save"
    BAD_ARGUMENT = "bad-argument"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something is wrong.

    `decisive` trouble fails the task even if Blender exits with 0 and every frame is there, since
    the frames then show something else than what was asked for. Other trouble explains a failure
    that shows elsewhere (an exit code, a missing frame).
    """

    kind: TroubleKind
    sentence: str
    decisive: bool


@dataclass(frozen=True, slots=True)
class RenderReport:
    """The line that `in_blender_report.py` prints, as data."""

    content: dict[str, Any]


Event = FrameSaved | FrameTimed | FrameProgress | FrameSkipped | Trouble | RenderReport

_LOG_PREFIX = re.compile(
    r"(?:\d+:\d\d(?::\d\d)?\.\d{3}\s+)?(?:(?P<part>[A-Za-z][\w.]*)\s+\|\s*)?"
    r"(?:(?P<level>ERROR|WARNING)\s+)?"
)
_REPORT_LEVELS = {"ERROR": "Error: ", "WARNING": "Warning: ", None: "Info: "}
"""What earlier versions put in front of what Blender 5.1 and later print as `reports`."""
_SAVED = re.compile(r"Saved: '(?P<path>.+)'$")
_SKIPPED = re.compile(r'[Ss]kipping existing frame "(?P<path>.+)"')
_TIMED = re.compile(r"Time: (?P<total>[\d:.]+)(?: \(Saving: (?P<saving>[\d:.]+)\))?$")
_FRAME = re.compile(r"Fra: ?(?P<frame>-?\d+)\b")
_SAMPLES = re.compile(
    r"(?:Sample (?P<done>\d+)/(?P<total>\d+)|Rendering (?P<done2>\d+) / (?P<total2>\d+) samples)"
)
_BARE_TRACEBACK = re.compile(r'Traceback \(most recent call|  File ".*", line \d+$')
"""A mistake in the syntax has no first line."""
_SCRIPT_FAILED = re.compile(r"Error: script failed, .*, exiting")
_EXCEPTION = re.compile(r"^(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)): ?")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A line that matches `pattern` means trouble; `sentence` is filled from its groups."""

    pattern: re.Pattern[str]
    kind: TroubleKind
    sentence: str
    decisive: bool = False


def _rule(pattern: str, kind: TroubleKind, sentence: str, *, decisive: bool = False) -> _Rule:
    return _Rule(re.compile(pattern), kind, sentence, decisive)


_RULES = (
    _rule(
        r"Can't find scene: '(?P<scene>.*)' in file: '(?P<file>.*)'",
        TroubleKind.MISSING_SCENE,
        "There is no scene {scene!r} in {file}; Blender would have rendered another one",
        decisive=True,
    ),
    _rule(
        r"Error: (?:Cannot read file|Cannot open file) ['\"](?P<file>.+?)['\"]: (?P<why>.+)",
        TroubleKind.CANNOT_OPEN,
        "Blender cannot open {file}: {why}",
        decisive=True,
    ),
    _rule(
        r"Error: Failed to read blend file ['\"](?P<file>.+?)['\"]: (?P<why>.+)",
        TroubleKind.CANNOT_OPEN,
        "Blender cannot read {file}, the file is damaged: {why}",
        decisive=True,
    ),
    _rule(
        r"Error: Loading ['\"](?P<file>.+?)['\"] failed: (?:Failed to read blend file '.+?': )?"
        r"(?P<why>.+)",
        TroubleKind.CANNOT_OPEN,
        "Blender cannot read {file}, the file is damaged: {why}",
        decisive=True,
    ),
    _rule(
        r"Error: File format is not supported in file ['\"](?P<file>.+?)['\"]",
        TroubleKind.CANNOT_OPEN,
        "{file} is not a .blend file that this Blender can read",
        decisive=True,
    ),
    _rule(
        r"Info: Cannot find lib '(?P<file>.+?)'",
        TroubleKind.MISSING_LIBRARY,
        "The linked file {file} is missing",
    ),
    _rule(
        r"Image file '(?P<file>.+?)' does not exist",
        TroubleKind.MISSING_IMAGE,
        "The image {file} is missing",
    ),
    _rule(
        r"(?i).*(?:\bout of memory\b|system is out of gpu|bad_alloc|[mc]alloc returns null)",
        TroubleKind.OUT_OF_MEMORY,
        "The machine ran out of memory: {line}",
        decisive=True,
    ),
    _rule(
        r"(?i).*(?:\b(?:CUDA|HIP|OptiX|oneAPI) error\b|\bin (?:CUDA|HIP|OptiX|oneAPI) queue\b"
        r"|failed to create (?:CUDA|HIP|OptiX|oneAPI|Metal) (?:context|device|queue)"
        r"|\bdevice (?:was |is )?lost\b|DEVICE_LOST|\bMetal command buffer\b.*\berror\b)",
        TroubleKind.GPU_LOST,
        "The graphics card failed while it rendered: {line}",
        decisive=True,
    ),
    _rule(
        r"Error: Found no Cycles device of the specified type",
        TroubleKind.NO_GPU,
        "This machine has no graphics card of the kind that the command line asks for",
        decisive=True,
    ),
    _rule(
        r"(?:Error: )?(?:Build without OpenImageDenoiser?|.*not built with OpenImageDenoise"
        r"|Failed to denoise, build has no OpenImageDenoise)",
        TroubleKind.RENDER_ERROR,
        "This Blender has no OpenImageDenoise: switch the scene's denoising off, or render with "
        "a Blender that has it",
    ),
    _rule(
        r"Error: Cannot render, no camera",
        TroubleKind.RENDER_ERROR,
        "The scene has no camera",
    ),
    _rule(
        r"Error: Render error \((?P<why>.+?)\) cannot save: '(?P<file>.+)'",
        TroubleKind.CANNOT_SAVE,
        "Blender cannot write {file}: {why}",
    ),
    _rule(
        r"(?P<file>/\S.*|[A-Za-z]:\\.*): (?P<why>No space left on device|Permission denied"
        r"|Read-only file system|Disk quota exceeded)$",
        TroubleKind.CANNOT_SAVE,
        "Blender cannot write {file}: {why}",
    ),
    _rule(
        r"Error: engine not found '(?P<engine>.*)'",
        TroubleKind.BAD_ARGUMENT,
        "This Blender has no render engine {engine!r}",
        decisive=True,
    ),
    _rule(
        r"Error: Format from '-F / --render-format' not known",
        TroubleKind.BAD_ARGUMENT,
        "This Blender does not know the format given with --render-format",
    ),
    _rule(
        r"(?:Error|Warning): (?P<what>not a number|incorrect comma use|negative range ignored)"
        r" '-f / --render-frame (?P<frames>.*)'",
        TroubleKind.BAD_ARGUMENT,
        "Blender cannot use the frames {frames!r}: {what}",
        decisive=True,
    ),
    _rule(
        r"(?:Error: Python: )?OSError: (?P<what>Python file .*)",
        TroubleKind.PYTHON,
        "{what}",
        decisive=True,
    ),
    _rule(
        r"Error: script failed, (?P<what>.*), exiting",
        TroubleKind.PYTHON,
        "A Python script given on Blender's command line failed ({what})",
        decisive=True,
    ),
    _rule(
        r"(?:Writing: (?P<file>.*\.crash\.txt)|Segmentation fault|EXCEPTION_ACCESS_VIOLATION)",
        TroubleKind.CRASH,
        "Blender crashed",
        decisive=True,
    ),
    _rule(
        r"Error in bpy\.app\.handlers\.(?P<handler>\w+)",
        TroubleKind.PYTHON,
        "A {handler} handler failed in Blender",
    ),
    _rule(
        r"Info: No frames rendered, skipped to not overwrite",
        TroubleKind.NOTHING_RENDERED,
        "Blender rendered no frame, since all files exist already",
    ),
    _rule(
        r"Error: (?P<what>.+)",
        TroubleKind.RENDER_ERROR,
        "Blender reports: {what}",
    ),
)


class OutputParser:
    """Turns lines into events; keeps the state that a Python traceback of several lines needs."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._traceback: _Traceback | None = None
        self._exception: Trouble | None = None
        """The last one that Python told."""

    def feed(self, line: str) -> None:
        """One line without its line end. Calls back with what it means, if it means something."""
        if line.startswith(REPORT_PREFIX):
            self._on_event(RenderReport(json.loads(line.removeprefix(REPORT_PREFIX))))
            return
        if self._traceback is not None:
            trouble = self._traceback.feed(line)
            if trouble is None:
                return
            self._traceback, self._exception = None, trouble
            self._on_event(trouble)
            return
        self._traceback = _Traceback.beginning_with(line)
        event = None if self._traceback else parse_line(line)
        if self._exception is not None and _SCRIPT_FAILED.match(line):
            # Which script it was helps less than what went wrong in it.
            event = replace(self._exception, decisive=True)
        if event is not None:
            self._on_event(event)


class _Traceback:
    """A traceback that has begun and ends with the line that names the exception."""

    def __init__(self, *, decisive: bool) -> None:
        self._decisive = decisive

    @classmethod
    def beginning_with(cls, line: str) -> _Traceback | None:
        # `Error: Python:` is what Blender itself prints for scripts of the command line, up to
        # 4.2. A bare traceback may come from an add-on, a handler or a driver and need not spoil
        # the frames; if it comes from a script, `script failed` follows, since the worker asks for
        # that with --python-exit-code.
        if re.match(r"Error: Python:\s+(?:Traceback|File )", line):
            return cls(decisive=True)
        return cls(decisive=False) if _BARE_TRACEBACK.match(line) else None

    def feed(self, line: str) -> Trouble | None:
        if not line.strip() or line.startswith((" ", "\t", "Traceback (most", "During", "The abo")):
            return None
        if not _EXCEPTION.match(line) and " " in line.partition(":")[0]:
            # Some other line came between; the exception may still come.
            return None
        return Trouble(TroubleKind.PYTHON, f"Python failed in Blender: {line}", self._decisive)


def parse_line(line: str) -> Event | None:
    """What one line means by itself."""
    text = _without_prefix(line)
    if match := _FRAME.match(text):
        return _frame_progress(int(match["frame"]), text)
    if match := _SAVED.match(text):
        return FrameSaved(match["path"])
    if match := _TIMED.match(text):
        return FrameTimed(_seconds(match["total"]), _seconds(match["saving"] or "0"))
    if match := _SKIPPED.match(text):
        return FrameSkipped(match["path"])
    for rule in _RULES:
        if match := rule.pattern.match(text):
            sentence = rule.sentence.format(line=text, **match.groupdict())
            return Trouble(rule.kind, sentence, rule.decisive)
    return None


def _without_prefix(line: str) -> str:
    """As Blender 4 would have printed it."""
    match = _LOG_PREFIX.match(line)
    assert match is not None  # noqa: S101 - for the type checker; it matches nothing, too
    level = _REPORT_LEVELS[match["level"]] if match["part"] == "reports" else ""
    return level + line[match.end() :].strip()


def _seconds(text: str) -> float:
    """Of `[hours:]minutes:seconds`."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _frame_progress(frame: int, text: str) -> FrameProgress:
    match = _SAMPLES.search(text)
    if match is None:
        return FrameProgress(frame)
    done, total = match["done"] or match["done2"], match["total"] or match["total2"]
    return FrameProgress(frame, int(done), int(total))
