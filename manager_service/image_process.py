"""The Manager's side of the process that decodes images; see `image_helper`."""

from __future__ import annotations

import contextlib
import json
import subprocess
from datetime import timedelta
from threading import Lock, Timer
from typing import IO, cast

from flamenco_core.errors import FlamencoError, Unavailable
from flamenco_core.last_rendered import UnusableImage
from manager_service.helper_start import NO_WINDOW, helper_command
from manager_service.image_helper import LENGTH
from manager_service.image_helper import main as image_helper

TIME_LIMIT = timedelta(seconds=60)
"""For one image, including the start of Python on a busy machine."""

_EXIT_SECONDS = 5


class HelperFailed(FlamencoError):
    """The process that decodes images ended in the middle of one."""


class ImageProcess:
    """Makes thumbnails in a process that is started when it is first needed, and stays.

    One thread asks; any thread may `close`.
    """

    def __init__(self, *, time_limit: timedelta = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def thumbnails(self, image: bytes) -> list[bytes]:
        """The JPEGs of an image, as `last_rendered.make_thumbnails` makes them.

        Raises:
            UnusableImage: if the image cannot be decoded.
            HelperFailed: if the process ended, or took too long and was ended; the next image
                gets another one.
            Unavailable: if this was closed.
        """
        process = self._running()
        timer = Timer(self._time_limit.total_seconds(), process.kill)
        timer.daemon = True
        timer.start()
        try:
            return _ask(process, image)
        except (OSError, ValueError, EOFError) as error:
            self._end(process)
            raise HelperFailed(self._why_it_ended(process)) from error
        finally:
            # Joined, so that no late kill can hit the process while it has the next image.
            timer.cancel()
            timer.join()

    def close(self) -> None:
        """Ends the process, also in the middle of an image."""
        with self._lock:
            self._is_closed = True
            process = self._process
        if process is not None:
            self._end(process)

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise Unavailable("The Manager is stopping")
            if self._process is not None and self._process.poll() is not None:
                self._end(self._process)
                self._process = None
            if self._process is None:
                self._process = _start()
            return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_EXIT_SECONDS)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                cast(IO[bytes], pipe).close()

    def _why_it_ended(self, process: subprocess.Popen[bytes]) -> str:
        limit = self._time_limit.total_seconds()
        return (
            "The process that decodes images ended in the middle of one "
            f"(exit code {process.returncode}); it may take {limit:g} seconds"
        )


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        helper_command(image_helper),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        creationflags=NO_WINDOW,
    )


def _ask(process: subprocess.Popen[bytes], image: bytes) -> list[bytes]:
    requests, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
    requests.write(LENGTH.pack(len(image)) + image)
    requests.flush()
    header = json.loads(answers.readline() or "null")
    if header is None:
        raise EOFError
    if "error" in header:
        raise UnusableImage(header["error"])
    jpegs = [answers.read(size) for size in header["sizes"]]
    if [len(jpeg) for jpeg in jpegs] != header["sizes"]:
        raise EOFError
    return jpegs
