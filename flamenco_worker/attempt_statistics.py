"""What an attempt at a task took and made, gathered while its commands run.

Loading is the time from the start of Blender to where it says what it is about to render. How long
a frame took and was written is what Blender prints behind it (`Time: 00:00.16 (Saving: 00:00.11)`);
Blender 5 does not print that, so that there the time between two saved files is taken, and writing
them counts as rendering.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from flamenco_core.model import TaskStatistics
from flamenco_worker.blender.output import Event, FrameProgress, FrameSaved, FrameTimed


class AttemptStatistics:
    """Sums up all commands of one attempt. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._told = TaskStatistics()
        self._files: dict[str, None] = {}
        """As a set that keeps its order."""
        self._program_began = self._began
        self._is_loading = False
        self._mark = self._began
        """Up to when the time of frames is accounted for."""
        self._unconfirmed = 0.0
        """Seconds of frames of which Blender has not said how long they took, and may yet."""

    def blender_starts(self) -> None:
        """A Blender is started for this attempt."""
        self._begin_loading(is_warm=False)

    def blender_goes_on(self) -> None:
        """A Blender that was open already goes on with this attempt."""
        self._begin_loading(is_warm=self._told.is_warm is not False)

    def _begin_loading(self, *, is_warm: bool) -> None:
        with self._lock:
            self._settle()
            self._program_began = self._clock()
            self._is_loading = True
            self._told = replace(self._told, is_warm=is_warm)

    def render_begins(self, report: dict[str, Any]) -> None:
        """Blender has loaded the file and has said what it is about to render."""
        with self._lock:
            self._settle()
            self._mark = self._clock()
            if self._is_loading:
                loaded = (self._told.load_seconds or 0) + self._mark - self._program_began
                self._told = replace(self._told, load_seconds=loaded)
                self._is_loading = False
            self._told = replace(
                self._told,
                device=report.get("device") or self._told.device,
                samples=report.get("samples") or self._told.samples,
            )

    def blender_says(self, event: Event) -> None:
        """Takes from Blender's output what is a measure."""
        with self._lock:
            match event:
                case FrameSaved():
                    now = self._clock()
                    self._unconfirmed += now - self._mark
                    self._mark = now
                case FrameTimed():
                    self._unconfirmed = 0
                    self._mark = self._clock()
                    self._add_frame(event.total - event.saving, event.saving)
                case FrameProgress() if event.samples_total:
                    self._told = replace(self._told, samples=event.samples_total)

    def add_memory_peak(self, size: int) -> None:
        """A program of this attempt has ended; it and what it started had `size` bytes at most."""
        with self._lock:
            peak = max(size, self._told.peak_memory or 0)
            self._told = replace(self._told, peak_memory=peak or None)

    def add_outputs(self, paths: Iterable[Path]) -> None:
        """These files are finished and where they belong."""
        with self._lock:
            self._files.update(dict.fromkeys(str(path) for path in paths))

    def so_far(self) -> TaskStatistics:
        """What is known by now; what is not known is absent."""
        with self._lock:
            self._settle()
            return replace(
                self._told,
                run_seconds=self._clock() - self._began,
                output_files=list(self._files) or None,
            )

    def _settle(self) -> None:
        if self._unconfirmed:
            self._add_frame(self._unconfirmed, None)
            self._unconfirmed = 0

    def _add_frame(self, rendering: float, saving: float | None) -> None:
        told = self._told
        self._told = replace(
            told,
            render_seconds=(told.render_seconds or 0) + max(0.0, rendering),
            save_seconds=told.save_seconds if saving is None else (told.save_seconds or 0) + saving,
        )
