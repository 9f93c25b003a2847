"""Shows the Manager the images that were rendered last; never in the way of rendering.

An image waits in the file of the worker's queue until the Manager has it, also from one run of the
worker to the next. Of each task only the newest one waits, and when they take too much room the
oldest of all go: they are for people to look at, and the frames themselves lie where they belong.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from datetime import timedelta
from pathlib import Path

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import StorageError
from flamenco_core.open_exr import UnreadableExrError
from flamenco_worker.backing_off import BackOff
from flamenco_worker.output_pictures import as_jpeg, is_showable
from flamenco_worker.registration import is_temporary

log = logging.getLogger(__name__)

DEFAULT_ROOM = 50_000_000
"""Bytes."""
_IN_MEMORY = ":memory:"
_NOT_OFFERED = frozenset({405, 501})
"""A 404 may mean one task only, whose job was deleted."""
_NOT_SIGNED_ON = frozenset({401, 403})
_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting_images (
    id INTEGER PRIMARY KEY,
    worker_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    image BLOB NOT NULL
)
"""


class OutputImages:
    """Sends images from a thread of its own, oldest first."""

    def __init__(
        self,
        client: ManagerClient,
        kept_in: Path | None = None,
        back_off: BackOff | None = None,
        room: int = DEFAULT_ROOM,
    ) -> None:
        """Sends when it is started, or at once if nothing is kept (`kept_in` is `None`).

        Raises:
            StorageError: if the file cannot be opened.
        """
        self._client = client
        self._back_off = back_off or BackOff(timedelta(seconds=1), timedelta(seconds=20))
        self._room = room
        self._changed = threading.Condition()
        self._offered: dict[str, Path] = {}
        """The newest of each task, not yet looked at."""
        self._worker_id = ""
        self._may_send = kept_in is None
        self._is_closing = False
        self._is_wanted = True
        self._try_at = 0.0
        try:
            self._database = sqlite3.connect(
                kept_in or _IN_MEMORY, check_same_thread=False, isolation_level=None
            )
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise StorageError(f"The images in {kept_in} cannot be opened: {error}") from error
        self._thread = threading.Thread(target=self._work, name="output-images", daemon=True)
        self._thread.start()

    def start(self, worker_id: str) -> None:
        """Begins to send as `worker_id`; what another identity has left behind is dropped."""
        with self._changed:
            self._worker_id = worker_id
            self._may_send = True
            self._try_at = 0.0
            self._changed.notify_all()

    def offer(self, task_id: str, path: Path) -> None:
        """Returns at once; a file that nobody can show (a video, say) is passed over."""
        if not is_showable(path):
            return
        with self._changed:
            # Put behind the others: the order is that in which things were rendered.
            self._offered.pop(task_id, None)
            self._offered[task_id] = path
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many images wait, looked at or not."""
        with self._changed:
            return len(self._offered) + self._count()

    def close(self, wait: timedelta = timedelta(0)) -> None:
        """Ends the sending; what waits is kept, and what is being sent gets `wait` to arrive."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(wait.total_seconds())

    def _work(self) -> None:
        try:
            while self._wait():
                try:
                    self._keep_offered()
                    if self._may_send and time.monotonic() >= self._try_at:
                        self._send_oldest()
                except sqlite3.Error as error:
                    log.warning("output images cannot be kept: %s", error)
                    self._pause()
                except Exception:
                    log.exception("an output image cannot be sent")
                    self._pause()
        finally:
            self._database.close()

    def _wait(self) -> bool:
        """Waits for something to do; returns whether there is, and false when it is closed."""
        with self._changed:
            while not self._is_closing:
                left = self._try_at - time.monotonic()
                waits = self._may_send and self._count() > 0
                if self._offered or (waits and left <= 0):
                    return True
                self._changed.wait(left if waits else None)
        return False

    def _keep_offered(self) -> None:
        """Puts what was offered into the file, as it is sent."""
        while True:
            with self._changed:
                if not self._offered:
                    return
                task_id, path = next(iter(self._offered.items()))
            try:
                if self._is_wanted:
                    self._keep(task_id, as_jpeg(path))
            except (OSError, UnreadableExrError) as error:
                log.info("the output image %s cannot be shown: %s", path, error)
            finally:
                with self._changed:
                    if self._offered.get(task_id) == path:
                        del self._offered[task_id]

    def _keep(self, task_id: str, image: bytes) -> None:
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            run("DELETE FROM waiting_images WHERE task_id = ?", (task_id,))
            run(
                "INSERT INTO waiting_images (worker_id, task_id, image) VALUES (?, ?, ?)",
                (self._worker_id, task_id, image),
            )
            while self._size() > self._room and self._count() > 1:
                run("DELETE FROM waiting_images WHERE id = (SELECT min(id) FROM waiting_images)")
            run("COMMIT")
        finally:
            if self._database.in_transaction:
                run("ROLLBACK")

    def _send_oldest(self) -> None:
        if self._worker_id:
            self._database.execute(
                "DELETE FROM waiting_images WHERE worker_id NOT IN ('', ?)", (self._worker_id,)
            )
        row = self._database.execute(
            "SELECT id, task_id, image FROM waiting_images ORDER BY id LIMIT 1"
        ).fetchone()
        if row is None:
            return
        number, task_id, image = row
        try:
            self._client.task_output_produced(task_id, image, "image/jpeg")
        except ManagerUnreachable as error:
            log.info("output images have to wait: %s", error)
            self._pause()
            return
        except ManagerRefused as refusal:
            log.info("the Manager does not take an output image: %s", refusal.message)
            if refusal.status in _NOT_SIGNED_ON and self._worker_id:
                self._may_send = False
                return
            if is_temporary(refusal) and refusal.status not in _NOT_OFFERED:
                self._pause()
                return
            self._is_wanted = self._is_wanted and refusal.status not in _NOT_OFFERED
        self._back_off.reset()
        self._database.execute("DELETE FROM waiting_images WHERE id = ?", (number,))
        if not self._is_wanted:
            self._database.execute("DELETE FROM waiting_images")

    def _pause(self) -> None:
        self._try_at = time.monotonic() + self._back_off.next_wait().total_seconds()

    def _count(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM waiting_images").fetchone()
        return int(count)

    def _size(self) -> int:
        query = "SELECT coalesce(sum(length(image)), 0) FROM waiting_images"
        (size,) = self._database.execute(query).fetchone()
        return int(size)
