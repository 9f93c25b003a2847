"""Submitting jobs, so that none is lost or made twice when the network fails."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from datetime import timedelta
from uuid import uuid4

from flamenco_core import model
from flamenco_core.client.connection import ManagerRefused, ManagerUnreachable
from flamenco_core.client.requests import ManagerRequests
from flamenco_core.errors import InvalidInput

PAUSES = (timedelta(seconds=0.5), timedelta(seconds=2), timedelta(seconds=5))
"""Before each time that a submission is sent again."""

_TIMES_ASKED = 6
"""How often a Manager that is away is looked for, each time after such a pause."""

_TIME_TO_COMPILE = timedelta(minutes=2)
"""More than for other requests: a job type may take ten seconds, checking its tasks a minute."""

_NEVER_SENT = (ConnectionRefusedError, socket.gaierror)
_TRY_AGAIN = 503


class Submitting(ManagerRequests):
    """Jobs on their way to the Manager."""

    def submit_job(self, job: model.SubmittedJob, *, idempotency_key: str = "") -> model.Job:
        """Submits a job, and once more if the answer is lost: the Manager makes one job of it.

        The same `idempotency_key` gives the same job for a week, also from another program;
        without one, each call is a submission of its own. A Manager of Flamenco 3 knows no such
        keys, so that nothing is sent to it twice.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        aborted = self._aborted
        for pause in PAUSES:
            try:
                return self._submit(job, headers)
            except ManagerRefused as error:
                # Nothing was stored, and the Manager asks to be asked again.
                if error.status != _TRY_AGAIN or aborted.wait(pause.total_seconds()):
                    raise
            except ManagerUnreachable as error:
                if isinstance(error.__cause__, _NEVER_SENT) or not self._may_repeat(aborted, pause):
                    raise
        return self._submit(job, headers)

    def _submit(self, job: model.SubmittedJob, headers: Mapping[str, str]) -> model.Job:
        answer = self._send("POST", "/jobs", job, headers=headers, extra_time=_TIME_TO_COMPILE)
        return self._read(answer, model.Job)

    def submit_job_check(self, job: model.SubmittedJob) -> None:
        self._send("POST", "/jobs/check", job, extra_time=_TIME_TO_COMPILE)

    def plan_job(self, job: model.SubmittedJob) -> model.JobPlan:
        """Who could work on a job, who would begin, and how long it may take, if submitted now."""
        answer = self._send("POST", "/jobs/plan", job, extra_time=_TIME_TO_COMPILE)
        return self._read(answer, model.JobPlan)

    def _may_repeat(self, aborted: threading.Event, pause: timedelta) -> bool:
        """Waits until the Manager answers again; whether it makes one job of both submissions.

        False if it stays away, since who comes in its place need not know such keys.
        """
        for _ in range(_TIMES_ASKED):
            if aborted.wait(pause.total_seconds()):
                return False
            try:
                return self._get("/version", model.FlamencoVersion).farm_id is not None
            except (ManagerUnreachable, ManagerRefused, InvalidInput):
                continue  # or another's page came in its place
        return False
