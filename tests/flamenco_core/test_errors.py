"""How errors read."""

from __future__ import annotations

import pytest

from flamenco_core.errors import FlamencoError, InvalidInput, Problem, one_problem

FRAMES = Problem("settings.frames", "no frames are given", "write 1-10")
FPS = Problem("settings.fps", "is missing")
SAID = "settings.frames: no frames are given (write 1-10)"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FlamencoError("The disk is full"), "The disk is full"),
        (one_problem("settings.frames", "no frames are given", "write 1-10"), SAID),
        (InvalidInput(f"Wrong settings: {SAID}", problems=[FRAMES]), f"Wrong settings: {SAID}"),
        (
            InvalidInput("Wrong settings: no frames are given", problems=[FRAMES]),
            "Wrong settings: " + SAID,
        ),
        (InvalidInput("no frames are given", problems=[FRAMES]), SAID),
        (InvalidInput("Wrong settings", problems=[FRAMES]), f"Wrong settings:\n  {SAID}"),
        (
            InvalidInput("Wrong settings", problems=[FRAMES, FPS]),
            f"Wrong settings:\n  {SAID}\n  settings.fps: is missing",
        ),
        (
            InvalidInput(f"Wrong settings: {SAID} (and 1 more)", problems=[FRAMES, FPS]),
            f"Wrong settings:\n  {SAID}\n  settings.fps: is missing",
        ),
    ],
)
def test_everything_is_said_once(error: FlamencoError, text: str) -> None:
    assert str(error) == text
