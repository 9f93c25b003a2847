"""Sends what an earlier run of this worker could not, without taking tasks (`--flush`)."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from flamenco_core.client import ManagerClient, ManagerRefused
from flamenco_core.errors import FlamencoError
from flamenco_worker.backing_off import BackOff
from flamenco_worker.config import WorkerConfig
from flamenco_worker.credentials import Credentials, load_credentials
from flamenco_worker.output_images import OutputImages
from flamenco_worker.registration import Registration, Stopped
from flamenco_worker.update_queue import QUEUE_NAME, UpdateQueue

log = logging.getLogger(__name__)

FLUSH_LIMIT = timedelta(minutes=1)
"""For all of it: what cannot be sent by then waits for the next time."""
_POLL_SECONDS = 0.05
_TABLES = ("waiting_updates", "waiting_images")


class NotFlushed(FlamencoError):
    """Not everything could be sent; it is kept."""


def queue_path(config: WorkerConfig) -> Path:
    """The file in which everything waits that the Manager is to be told."""
    return config.home / (config.task_update_queue_db or QUEUE_NAME)


def flush(config: WorkerConfig, *, limit: timedelta = FLUSH_LIMIT) -> int:
    """Signs on, sends what waits, and signs off; returns how much was sent.

    Raises:
        NotFlushed: if something is left, with the reason. It is kept.
    """
    waiting = _count(queue_path(config))
    credentials = load_credentials(config.home)
    if not waiting:
        return 0
    if credentials is None:
        raise NotFlushed(
            f"{waiting} task updates wait, but the credentials of their worker are missing in "
            f"{config.home}"
        )
    client = ManagerClient(config.manager_url)
    try:
        with _SignedOn(client, config, credentials, limit) as deadline:
            left = _send(client, config, credentials, deadline)
    finally:
        client.abort()
    if left:
        raise NotFlushed(f"{left} of {waiting} updates and images could not be sent, and are kept")
    return waiting


class _SignedOn:
    """Within the block the Manager takes what the worker has to say."""

    def __init__(
        self,
        client: ManagerClient,
        config: WorkerConfig,
        credentials: Credentials,
        limit: timedelta,
    ) -> None:
        self._client = client
        self._deadline = time.monotonic() + limit.total_seconds()
        self._stopping = threading.Event()
        self._credentials = credentials
        self._registration = Registration(
            client, config, self._stopping, _back_off, take_settings=lambda _settings: None
        )

    def __enter__(self) -> float:
        """Returns by when all must be done, on the monotonic clock."""
        timer = threading.Timer(self._deadline - time.monotonic(), self._stopping.set)
        timer.daemon = True
        timer.start()
        try:
            self._registration.sign_on_again(self._credentials)
        except Stopped:
            message = f"{self._client.url} does not answer; what waits is kept"
            raise NotFlushed(message) from None
        except ManagerRefused as refusal:
            raise NotFlushed(f"the Manager refuses this worker: {refusal}") from refusal
        finally:
            timer.cancel()
        return self._deadline

    def __exit__(self, *_error: object) -> None:
        with suppress(FlamencoError):
            self._client.sign_off()


def _send(
    client: ManagerClient, config: WorkerConfig, credentials: Credentials, deadline: float
) -> int:
    """Returns how much is left."""
    path = queue_path(config)
    queue = UpdateQueue(path, client, _back_off(), config.queue_size)
    images = OutputImages(client, path, _back_off())
    try:
        queue.start(credentials.worker_id, _was_refused)
        queue.wait_until_empty(timedelta(seconds=max(0.0, deadline - time.monotonic())))
        images.start(credentials.worker_id)
        while images.waiting and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    finally:
        images.close(timedelta(seconds=1))
        queue.close()
    return _count(path)


def _was_refused(task_id: str, _attempt: int | None, message: str) -> None:
    log.warning("the Manager does not want the updates of task %s: %s", task_id, message)


def _back_off() -> BackOff:
    return BackOff(timedelta(seconds=1), timedelta(seconds=10))


def _count(path: Path) -> int:
    """How many updates and images wait in the file; 0 if there is none."""
    if not path.exists():
        return 0
    count = 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            for table in _TABLES:
                with suppress(sqlite3.OperationalError):  # nothing has waited there yet
                    (found,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
                    count += found
    except sqlite3.Error as error:
        raise NotFlushed(f"the queue {path} cannot be read: {error}") from error
    return count
