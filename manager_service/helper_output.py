"""What helper processes answer with: their standard output, read by the Manager."""

from __future__ import annotations

import os
import sys


def send(content: bytes) -> bool:
    """Writes all of it, and says whether the Manager is still there to read it."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What could not be written would be tried again, with a complaint, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
