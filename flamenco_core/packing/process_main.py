"""The program of a packing process: one request in, progress and the outcome out.

It is run as a file by any Python, or by Blender itself, and speaks JSON, one object a line. The
first line that it reads has the `paths` to import from, the `request`, and the folder `scratch` for
temporary files; each further line, and the end of its input, means: cancel. So it ends with whoever
started it. What it writes:

    {"kind": "progress", "progress": …, "seconds_left": …}
    {"kind": "folder", "folder": …}        a folder that is incomplete until the end
    {"kind": "outcome", "outcome": …}      or "failure", or "cancelled"; the last line
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flamenco_core.packing.progress import PackProgress

logger = logging.getLogger(__name__)

_REPORT_INTERVAL = 0.1
"""Seconds between two reports of one stage."""


def main() -> None:
    answers = _take_standard_output()
    first = sys.stdin.readline()
    if not first.strip():
        return
    start = json.loads(first)
    # Behind what this Python brings itself, whose libraries fit it.
    sys.path.extend(path for path in start["paths"] if path not in sys.path)
    cancel = threading.Event()
    reporter = _Reporter(answers)
    work = _Work(start["request"], cancel, reporter)
    threading.Thread(target=_await_cancel, args=(cancel, work), daemon=True).start()
    work.carry_out()
    # If whoever started this is gone, nobody else removes it.
    shutil.rmtree(start["scratch"], ignore_errors=True)
    # Threads that wait for a dead network drive must not hold this process.
    os._exit(0)


def _take_standard_output() -> IO[str]:
    """The pipe to whoever started this; what libraries and Blender print goes elsewhere."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(pipe, "w", encoding="utf-8", newline="\n")


def _await_cancel(cancel: threading.Event, work: _Work) -> None:
    sys.stdin.readline()
    cancel.set()
    work.hurry()


class _Reporter:
    def __init__(self, answers: IO[str]) -> None:
        from flamenco_core.packing.pace import Pace

        self._answers = answers
        self._lock = threading.Lock()
        self._pace = Pace()
        self._reported: tuple[str, float] = ("", 0.0)
        self.stage = ""
        """What is going on."""

    def say(self, kind: str, **content: Any) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._answers.write(json.dumps({"kind": kind, **content}) + "\n")
            self._answers.flush()

    def progress(self, progress: PackProgress) -> None:
        from flamenco_core.packing.pack_request import progress_as_json

        self.stage = progress.stage.value
        now = time.monotonic()
        stage, reported = self._reported
        # Without a known end it is a file that may take long to open: all of these are told.
        is_in_between = 0 < progress.files_total != progress.files_done
        is_usual = is_in_between and not progress.note
        if stage == progress.stage and is_usual and now - reported < _REPORT_INTERVAL:
            return
        self._reported = (progress.stage, now)
        left = self._pace.seconds_left(progress)
        self.say("progress", progress=progress_as_json(progress), seconds_left=left)


class _Work:
    def __init__(
        self, request: dict[str, Any], cancel: threading.Event, reporter: _Reporter
    ) -> None:
        from flamenco_core.packing.pack_request import PackRequest

        self._request = PackRequest.from_json(request)
        self._cancel = cancel
        self._reporter = reporter
        self._hurry: Callable[[], None] = lambda: None

    def hurry(self) -> None:
        """Ends requests that are under way, except one whose answer says what to take back."""
        if self._reporter.stage != "checking out":
            self._hurry()

    def carry_out(self) -> None:
        from flamenco_core.errors import FlamencoError
        from flamenco_core.packing.errors import PackingCancelled
        from flamenco_core.packing.pack_request import FailureKind, PackFailure
        from flamenco_core.packing.request_work import failure_of

        logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
        try:
            answer: dict[str, Any] = {"kind": "outcome", "outcome": self._outcome()}
        except PackingCancelled:
            answer = {"kind": "cancelled"}
        except FlamencoError as error:
            is_wanted = self._cancel.is_set()
            failure = {"kind": "failure", "failure": failure_of(error).as_json()}
            answer = {"kind": "cancelled"} if is_wanted else failure
        except Exception as error:
            logger.exception("packing failed")
            what = f"{type(error).__name__}: {error}"
            failed = PackFailure(FailureKind.PROCESS, f"packing failed unexpectedly: {what}")
            answer = {"kind": "failure", "failure": failed.as_json()}
        finally:
            if self._request.blend_is_temporary:
                with contextlib.suppress(OSError):
                    self._request.blend.unlink(missing_ok=True)
                    self._request.blend.parent.rmdir()  # only if it was made for this file
        self._reporter.say(**answer)

    def _outcome(self) -> dict[str, Any]:
        from flamenco_core.packing.request_work import carry_out

        return carry_out(
            self._request,
            progress=self._reporter.progress,
            cancel=self._cancel,
            on_folder=self._on_folder,
            on_client=self._on_client,
        ).as_json()

    def _on_folder(self, folder: Path) -> None:
        self._reporter.say("folder", folder=str(folder))

    def _on_client(self, abort: Callable[[], None]) -> None:
        self._hurry = abort


if __name__ == "__main__":
    main()
