"""Carrying out a submission: in the background of a window, or at once for a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from flamenco_core.errors import FlamencoError
from flamenco_core.model import Job

from . import background, monitor
from .language import tr
from .own_properties import operators
from .submission import BREATHER, AskArtist, Breather, OffThread, Stage, Steps, Submission
from .windows import all_windows, in_first_window

on_submitted: list[Callable[[list[Job]], object]] = []
"""Called on the main thread with the jobs that a submission has made."""


@dataclass(slots=True)
class _Latest:
    """The submission that was begun last; there is one at a time."""

    submission: Submission | None = None
    driver: BackgroundDriver | None = None


_latest = _Latest()


def current() -> Submission | None:
    """The submission under way, or the last one in this session."""
    return _latest.submission


def is_under_way() -> bool:
    submission = _latest.submission
    return submission is not None and not submission.is_over


def forget() -> None:
    """Lets go of a submission that is over, so that the panel is as before."""
    if not is_under_way():
        _latest.submission = None
        background.redraw()


class BackgroundDriver:
    """Steps through a submission while Blender goes on."""

    def __init__(self, submission: Submission, steps: Steps) -> None:
        self.submission = submission
        self._steps = steps
        self._work: background.Work | None = None

    def start(self) -> None:
        self._go(lambda: next(self._steps))

    def answer(self, go_on: bool) -> None:
        """The artist's decision about warnings."""
        self._go(lambda: self._steps.send(go_on))

    def _go(self, advance: Callable[[], OffThread | AskArtist | Breather]) -> None:
        try:
            wanted = advance()
        except StopIteration:
            _end(self.submission)
            return
        if wanted is BREATHER:
            background.go_on(lambda: self._continue(None))
            return
        _redraw()
        if isinstance(wanted, AskArtist):
            _ask_artist()
            return
        self._work = background.run(
            wanted, then=self._continue, failed=self._fail, name="submission"
        )

    def _continue(self, result: Any) -> None:
        self._go(lambda: self._steps.send(result))

    def _fail(self, error: Exception) -> None:
        self._go(lambda: self._steps.throw(_for_people(error)))


def start(submission: Submission) -> None:
    """Carries it out in the background; there is one at a time."""
    _begin(submission, submission.steps())


def try_again() -> None:
    """Sends the jobs of the last submission once more."""
    submission = _latest.submission
    if submission is not None and submission.can_try_again:
        _begin(submission, submission.try_again())


def answer(go_on: bool) -> None:
    """The artist's decision about warnings, wherever it was made."""
    driver, submission = _latest.driver, _latest.submission
    if driver is not None and submission is not None and submission.stage is Stage.ASKING:
        driver.answer(go_on)


def carry_out(submission: Submission, *, accepts_warnings: bool) -> None:
    """All of it at once, for scripts; the driver's thread does what others would do."""
    _latest.submission = submission
    steps = submission.steps()
    advance: Callable[[], Any] = lambda: next(steps)  # noqa: E731 - replaced in the loop
    while True:
        try:
            wanted = advance()
        except StopIteration:
            break
        advance = _answered(steps, wanted, accepts_warnings)
    _end(submission)


def _answered(
    steps: Steps, wanted: OffThread | AskArtist | Breather, accepts_warnings: bool
) -> Callable[[], Any]:
    if wanted is BREATHER:
        return lambda: next(steps)
    if isinstance(wanted, AskArtist):
        return lambda: steps.send(accepts_warnings)
    try:
        result = wanted()
    except KeyboardInterrupt:
        raise
    except Exception as error:  # noqa: BLE001 - told to the submission, as from another thread
        reason = error
        return lambda: steps.throw(_for_people(reason))
    return lambda: steps.send(result)


def _begin(submission: Submission, steps: Steps) -> None:
    driver = BackgroundDriver(submission, steps)
    _latest.submission, _latest.driver = submission, driver
    driver.start()


def _end(submission: Submission) -> None:
    if submission.stage is Stage.DONE and submission.jobs:
        for job in submission.jobs:
            monitor.submitted(job.id)
        for function in tuple(on_submitted):
            function(list(submission.jobs))
    _redraw()


def _redraw() -> None:
    """The panels, and the status bar, which takes a hint only."""
    background.redraw()
    for window in all_windows():
        window.workspace.status_text_set(None)


def _for_people(error: Exception) -> Exception:
    """Errors of ours are told as they are; others become one, so that nothing stays half done."""
    if isinstance(error, FlamencoError):
        return error
    text = tr("Something unexpected happened: {error}")
    told = FlamencoError(text.format(error=f"{type(error).__name__}: {error}"))
    told.__cause__ = error
    return told


def _ask_artist() -> None:
    """The panel has buttons for the answer; a dialog comes up where no panel can be seen."""
    # Without a screen Blender would take a dialog for confirmed.
    if not bpy.app.background and not background.is_shown():
        in_first_window(lambda: operators.decide_on_warnings("INVOKE_DEFAULT"))


def register() -> None:
    """Nothing runs until something is submitted."""


def unregister() -> None:
    submission = _latest.submission
    if submission is not None and not submission.is_over:
        submission.cancel()
    _latest.submission = _latest.driver = None
    on_submitted.clear()
