"""Turns itself into the program to run, after asking the kernel to tie its life to the worker's.

Linux only; a file of its own, run with `python -I -S`, since Python offers no safe way to do this
between fork and exec in a program with threads. Arguments: the worker's process id, the OOM score
or an empty text, by how much to be nicer than the worker, and the command.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main() -> None:
    worker, oom_score, niceness, *command = sys.argv[1:]
    # Sent when the *thread* that started us ends, too; that thread waits for us.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != int(worker):
        sys.exit("the worker has ended")
    if oom_score:
        try:
            with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - quick start
                file.write(oom_score)
        except OSError as error:
            print(f"the OOM score stays as it is: {error}", file=sys.stderr, flush=True)
    os.nice(int(niceness))
    try:
        os.execv(command[0], command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr, flush=True)
        sys.exit(127)


if __name__ == "__main__":
    main()
