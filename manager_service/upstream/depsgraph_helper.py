"""The program that reads a large list of tasks, apart from the Manager, which it would hold up.

It is started by `helper_start`, gets the server's answer as its input, and writes one
line for each task, then one with what was wrong.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta

from manager_service.helper_start import NO_WINDOW, helper_command
from manager_service.upstream.documents import UnreadableAnswer, read_depsgraph, to_line

TIME_LIMIT = timedelta(minutes=5)
"""For some 500,000 tasks on a busy machine."""


def main() -> int:
    """Reads, writes, and says with its exit code whether it could."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = read_depsgraph(sys.stdin.buffer.read())
    except UnreadableAnswer as error:
        sys.stdout.write(json.dumps(error.message))
        return 1
    sys.stdout.writelines(f"{to_line(task)}\n" for task in found.tasks)
    sys.stdout.write(json.dumps(found.faults))
    return 0


def lines_of(content: bytes) -> list[bytes]:
    """Lets a process read `content`: a line for each task, and one with a list of faults.

    Raises:
        UnreadableAnswer: if it is no list of tasks, or the process did not come to its end.
    """
    try:
        finished = subprocess.run(
            helper_command(main),
            input=content,
            stdout=subprocess.PIPE,
            timeout=TIME_LIMIT.total_seconds(),
            check=False,
            creationflags=NO_WINDOW,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise UnreadableAnswer(f"The server's list of tasks could not be read: {error}") from error
    lines = finished.stdout.split(b"\n")
    if finished.returncode == 1 and len(lines) == 1:
        raise UnreadableAnswer(str(json.loads(lines[0])))
    if finished.returncode:
        what = f"the process that reads it ended with exit code {finished.returncode}"
        raise UnreadableAnswer(f"The server's list of tasks could not be read: {what}")
    return lines
