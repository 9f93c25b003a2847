"""Keeps Blender alive when a Manager hangs up while something is being sent to it.

Writing to a connection that the other side has closed raises SIGPIPE on Linux and macOS. Python
ignores that signal, so that the write fails with an error instead, but not in Blender, which
starts it without signal handlers: there the signal would end Blender, unsaved work included.
"""

from __future__ import annotations

import signal


def register() -> None:
    """Has the signal ignored, unless something else was decided about it already."""
    pipe = getattr(signal, "SIGPIPE", None)
    if pipe is not None and signal.getsignal(pipe) is signal.SIG_DFL:
        signal.signal(pipe, signal.SIG_IGN)


def unregister() -> None:
    """The signal stays ignored: threads may be sending their last words, and nobody wants it."""
