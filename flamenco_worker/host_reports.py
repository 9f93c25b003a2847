"""Tells the Manager what this machine has been doing: a sample now and then, many at once.

A thread and a connection of their own: neither a slow Manager nor a slow disk holds up anything
else. An idle worker makes few requests, and its samples are sent in the middle between two of
them, so that the Manager hears from it in even steps. Only a Manager with a `farm_id` is told;
Flamenco 3's has no place for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from flamenco_core.client import ManagerClient, ManagerRefused
from flamenco_core.errors import FlamencoError
from flamenco_core.model import HostSample
from flamenco_worker.host_measures import HostMeasures

log = logging.getLogger(__name__)

SAMPLE_EVERY = timedelta(seconds=10)
SEND_EVERY = timedelta(seconds=60)
AFTER_REQUEST = timedelta(seconds=21)
"""How long after another request samples are sent …"""
BEFORE_REQUEST = timedelta(seconds=31)
"""… and when it is too late for that, since the next one is not far."""
MOST_KEPT = 360
"""Samples that wait for a Manager that is away: an hour of them, as long as it keeps each."""
_END_WITHIN = timedelta(seconds=1)
_NO_SUCH_PLACE = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class _Taken:
    sample: HostSample
    at: float


class HostReports:
    """Samples and sends from `start` to `close`."""

    def __init__(
        self,
        client: ManagerClient,
        *,
        sample_every: timedelta = SAMPLE_EVERY,
        send_every: timedelta = SEND_EVERY,
        new_measures: Callable[[], HostMeasures] = HostMeasures,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` is for this alone."""
        self._client = client
        self._sample_every = sample_every.total_seconds()
        self._send_every = send_every.total_seconds()
        self._new_measures = new_measures
        self._clock = clock
        self._taken: deque[_Taken] = deque(maxlen=MOST_KEPT)
        self._takes_samples: bool | None = None
        """Whether this Manager wants them; None while it has not said who it is."""
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._request_began = clock()

    def request_begins(self) -> None:
        """Another request of this worker, which may wait for long, goes to the Manager now."""
        self._request_began = self._clock()

    def start(self, worker_id: str, secret: str, *, is_wanted: bool | None = None) -> None:
        """Begins, or goes on under another identity.

        `is_wanted` says whether the Manager takes samples; None if that is not known yet.
        """
        self._client.sign_in(worker_id, secret)
        self._takes_samples = is_wanted or self._takes_samples
        if self._thread is None:
            # Not waited for at the end: a measure that hangs must not keep the worker.
            self._thread = threading.Thread(target=self._run, name="host-reports", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends; what has not been sent is dropped."""
        self._ending.set()
        self._client.close()
        if self._thread is not None:
            self._thread.join(_END_WITHIN.total_seconds())

    def _run(self) -> None:
        try:
            measures = self._new_measures()
            sent_at = self._clock()
            while not self._ending.wait(self._sample_every) and self._takes_samples is not False:
                self._taken.append(_Taken(measures.take(), self._clock()))
                if self._is_time(sent_at):
                    sent_at = self._clock()
                    self._send()
        except Exception:
            # Whatever a strange machine may do to its measures, it can render.
            log.exception("this machine cannot tell what it is doing")
        finally:
            self._client.abort()  # closes the connection that is kept

    def _is_time(self, sent_at: float) -> bool:
        """Waits for a quiet moment, but not for ever: a worker that is busy has none."""
        age = self._clock() - sent_at
        if age < self._send_every:
            return False
        since = self._clock() - self._request_began
        is_quiet = AFTER_REQUEST.total_seconds() <= since < BEFORE_REQUEST.total_seconds()
        return is_quiet or age >= 2 * self._send_every

    def _send(self) -> None:
        """Sends all that waits; keeps it where the Manager is away."""
        waiting = list(self._taken)
        try:
            if self._takes_samples is None:
                self._takes_samples = self._client.get_version().farm_id is not None
            if self._takes_samples:
                now = self._clock()
                self._client.store_host_statistics(
                    [replace(taken.sample, age_seconds=now - taken.at) for taken in waiting]
                )
        except FlamencoError as error:
            if self._ending.is_set():
                return
            if isinstance(error, ManagerRefused) and error.status in _NO_SUCH_PLACE:
                self._takes_samples = False
            log.info("the Manager does not take what this machine is doing: %s", error)
            return
        self._taken.clear()
