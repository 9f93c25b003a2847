"""Verifies frames while Blender renders the next ones, and puts them where they belong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from flamenco_worker.blender.attempt_folders import probe_of, remove_folders
from flamenco_worker.blender.verify import (
    ExpectedFile,
    FrameRefused,
    RenderPlan,
    accept_file,
    move_out_of_the_way,
    verify_file,
)

log = logging.getLogger(__name__)


class FrameCollector:
    """Takes in what Blender says; `finish` tells what is wrong with the frames.

    A context manager: leaving it removes the attempt's folders. `on_frame` is called, from another
    thread, with each frame all of whose files are in place, and with one of them.
    """

    def __init__(self, on_frame: Callable[[int, Path], None]) -> None:
        self._on_frame = on_frame
        self._plans: list[RenderPlan] = []
        self._waiting: dict[Path, tuple[RenderPlan, ExpectedFile]] = {}
        self._lock = threading.Lock()
        """For `_waiting`: frames are checked while Blender announces the next render."""
        self._checks: list[tuple[ExpectedFile, Future[None]]] = []
        self._unsaved: set[Path] = set()
        self._is_stopped = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")

    def __enter__(self) -> FrameCollector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        remove_folders(plan.folder for plan in self._plans if plan.folder is not None)

    def expect(self, plan: RenderPlan) -> None:
        """Blender is about to render this."""
        self._plans.append(plan)
        with self._lock:
            self._waiting.update({expected.rendered: (plan, expected) for expected in plan.files})
            self._unsaved.update(expected.rendered for expected in plan.files)

    def saved(self, path: Path) -> None:
        """Blender has written a file; it is looked at in the background if it was expected.

        What is rendered in place waits for the end, since handlers may still change it.
        """
        with self._lock:
            found = self._waiting.get(path.absolute())
            self._unsaved.discard(path.absolute())
        if found is not None and not found[0].in_place:
            self._checks.append((found[1], self._thread.submit(self._accept, *found)))

    def has_seen_all(self) -> bool:
        """Whether Blender has written all files that it has announced; of a movie nobody knows."""
        with self._lock:
            is_known = bool(self._plans) and not any(plan.is_movie for plan in self._plans)
            return is_known and not self._unsaved

    def stop(self) -> None:
        """From now on no file is accepted."""
        self._is_stopped = True

    def finish(self) -> list[FrameRefused]:
        """Waits for the checks, then checks what Blender did not mention.

        Returns what is wrong: checks that broke off, then frames that are refused, in their order.
        A file that is refused is moved out of the way, for Blender would take it for a finished
        frame the next time.
        """
        refusals = self._broken_off()
        with self._lock:
            waiting = list(self._waiting.values())
        for plan, expected in waiting:
            try:
                self._accept(plan, expected)
            except FrameRefused as refusal:
                refusals.append(refusal)
                move_out_of_the_way(expected.rendered)
        return refusals

    def _broken_off(self) -> list[FrameRefused]:
        """Waits for the checks; what they refused will be refused again, and is left out here."""
        broken = []
        for expected, check in self._checks:
            error = check.exception()
            if error is not None and not isinstance(error, FrameRefused):
                log.error("the check of %s broke off", expected.path, exc_info=error)
                why = f"{type(error).__name__}: {error}"
                what = f"the check of {expected.path} broke off, a fault in the worker"
                broken.append(FrameRefused(f"Frame {expected.frame}: {what} ({why})"))
        return broken

    def _accept(self, plan: RenderPlan, expected: ExpectedFile) -> None:
        with self._lock:
            if self._is_stopped or expected.rendered not in self._waiting:
                return  # the second is for a file that Blender has written twice
        try:
            verify_file(expected, expected.rendered, probe=probe_of(plan.folder))
            accept_file(expected)
        except OSError as error:
            reason = error.strerror or str(error)
            what = f"{expected.path} cannot be put in its place: {reason}"
            raise FrameRefused(f"Frame {expected.frame}: {what}") from error
        with self._lock:
            del self._waiting[expected.rendered]
            is_frame_complete = not any(
                other.frame == expected.frame and other_plan is plan
                for other_plan, other in self._waiting.values()
            )
        if is_frame_complete:
            self._on_frame(expected.frame, self._shown_file(plan, expected.frame))

    def _shown_file(self, plan: RenderPlan, frame: int) -> Path:
        """The file of a frame that people can look at: the preview beside an EXR, if there is."""
        files = [expected for expected in plan.files if expected.frame == frame]
        previews = [expected for expected in files if expected.format == "JPEG"]
        return (previews or files)[0].path
