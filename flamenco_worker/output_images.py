"""Shows the Manager the image that was rendered last; never in the way of rendering."""

from __future__ import annotations

import io
import logging
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core import open_exr
from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.open_exr import UnreadableExrError

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

LARGEST_SIDE = 2048
"""Pixels. Larger images are made smaller before they travel."""
JPEG_QUALITY = 85
MOST_PIXELS = 150_000_000
"""Of an OpenEXR image, so that showing it takes no more than a few gigabytes."""
_NOT_OFFERED = frozenset({405, 501})
"""A 404 may mean one task only, whose job was deleted."""


class OutputImages:
    """Sends images from a thread of its own. Only the newest waits; older ones are forgotten."""

    def __init__(self, client: ManagerClient) -> None:
        self._client = client
        self._changed = threading.Condition()
        self._waiting: tuple[str, Path] | None = None
        self._is_closing = False
        self._is_wanted = True
        self._thread = threading.Thread(target=self._send_all, name="output-images", daemon=True)
        self._thread.start()

    def offer(self, task_id: str, path: Path) -> None:
        """Returns at once; a file that nobody can show (a video, say) is passed over."""
        if path.suffix.lower() not in _SHOWABLE:
            return
        with self._changed:
            self._waiting = (task_id, path)
            self._changed.notify_all()

    def close(self, wait: timedelta = timedelta(0)) -> None:
        """Forgets what waits; the image in flight gets `wait` to arrive."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(wait.total_seconds())

    def _send_all(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                self._send(*waiting)
            except ManagerUnreachable as error:
                log.info("an output image is not shown: %s", error)
            except (OSError, UnreadableExrError) as error:
                log.info("the output image %s cannot be shown: %s", waiting[1], error)
            except ManagerRefused as refusal:
                self._is_wanted = refusal.status not in _NOT_OFFERED
                log.info("the Manager does not take an output image: %s", refusal.message)
            except Exception:
                log.exception("the output image %s cannot be sent", waiting[1])

    def _next(self) -> tuple[str, Path] | None:
        with self._changed:
            while not self._is_closing:
                if self._waiting is not None:
                    waiting, self._waiting = self._waiting, None
                    return waiting
                self._changed.wait()
        return None

    def _send(self, task_id: str, path: Path) -> None:
        if self._is_wanted:
            self._client.task_output_produced(task_id, as_jpeg(path), "image/jpeg")


def as_jpeg(path: Path) -> bytes:
    """The image at `path` as a JPEG, without its transparency.

    Raises:
        OSError: if it cannot be decoded.
        UnreadableExrError: the same, of an OpenEXR image.
    """
    from PIL import Image

    if path.suffix.lower() == _EXR:
        return _jpeg(open_exr.decoded_file(path, most_pixels=MOST_PIXELS))
    with Image.open(path) as image:
        return _jpeg(image)


def _jpeg(image: Image) -> bytes:
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    content = io.BytesIO()
    image.convert("RGB").save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


_EXR = ".exr"
_SHOWABLE = frozenset(
    {_EXR, ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".tga", ".jp2", ".rgb"}
)
