"""The worker's life: signs on, does what the Manager wants, signs off."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flamenco_core.client import (
    ManagerClient,
    ManagerRefused,
    ManagerUnreachable,
    StatusChangeRequested,
)
from flamenco_core.errors import FlamencoError, InvalidInput
from flamenco_core.model import AssignedTask, TaskRequest
from flamenco_core.statuses import WorkerStatus
from flamenco_worker.backing_off import BackOff
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.config import DEFAULT_MAY_I_RUN, WorkerConfig
from flamenco_worker.host_reports import SAMPLE_EVERY, SEND_EVERY, HostReports
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.output_images import OutputImages
from flamenco_worker.readiness import Needs, Readiness
from flamenco_worker.registration import Credentials, Registration, Stopped
from flamenco_worker.task_reporter import TaskReporter
from flamenco_worker.task_runner import TaskRunner
from flamenco_worker.update_queue import QUEUE_NAME, UpdateQueue

log = logging.getLogger(__name__)

_NOT_SIGNED_ON = frozenset({401, 403})
_NOT_AWAKE = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often the worker talks to the Manager."""

    task_wait: timedelta = timedelta(seconds=30)
    """How long the Manager may hold a request for a task before it says that there is none."""
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(seconds=20)
    """Before a request is made again, where the Manager is away, answers with errors, or answers
    at once that there is no task (Flamenco 3); it doubles from the first to the longest."""
    while_asleep: timedelta = timedelta(seconds=5)
    while_unready: timedelta = timedelta(seconds=30)
    """Before a look whether the storage is there again, or the disks have room."""
    may_i_run: timedelta = DEFAULT_MAY_I_RUN
    host_sample: timedelta = SAMPLE_EVERY
    host_report: timedelta = SEND_EVERY
    flush_at_end: timedelta = timedelta(seconds=5)
    """How long updates may still be sent when the worker ends; the rest goes with the next run."""
    sign_off: timedelta = timedelta(seconds=3)


class _SignOnAgain(Exception):
    """The Manager does not take our credentials any more."""


class Worker:
    """One worker. `run` is its whole life; `stop`, from another thread, ends it in good order."""

    def __init__(
        self,
        config: WorkerConfig,
        *,
        pace: Pace | None = None,
        only_one_task: bool = False,
        readiness: Readiness | None = None,
    ) -> None:
        """`only_one_task` makes it end after the first task.

        Raises:
            StorageError: if the queue cannot be opened.
        """
        self._config = config
        self._pace = pace or Pace(may_i_run=config.may_i_run_interval)
        self._only_one_task = only_one_task
        self._client = ManagerClient(config.manager_url)
        # Of its own, so that ending a request that waits for a task harms no other one.
        self._asking = ManagerClient(config.manager_url)
        self._credentials: Credentials | None = None
        self._stopping = threading.Event()
        self._current: Cancellation | None = None
        self._task: AssignedTask | None = None
        config.home.mkdir(parents=True, exist_ok=True)
        queue = config.home / (config.task_update_queue_db or QUEUE_NAME)
        self._queue = UpdateQueue(queue, self._client, self._new_back_off())
        self._images = OutputImages(self._client)
        self._host_reports = HostReports(
            ManagerClient(config.manager_url),
            sample_every=self._pace.host_sample,
            send_every=self._pace.host_report,
        )
        self._machine = MachineSettings(config)
        self._readiness = readiness or Readiness(_needs(config))
        self._problem = ""
        self._programs = RunningPrograms(config.home)
        self._runner = TaskRunner(
            self._client,
            self._queue.add,
            self._images.offer,
            self._machine,
            self._pace.may_i_run,
            self._programs,
        )

    def run(self) -> int:
        """Works until the Manager or `stop` ends it; returns the program's exit code.

        Raises:
            ManagerRefused: if the Manager does not want this worker.
            InvalidInput: if the kept credentials cannot be used.
        """
        with self._programs.begun():
            return self._run()

    def _run(self) -> int:
        try:
            status = self._sign_on()
            while not self._stopping.is_set():
                try:
                    status = self._live(status)
                except _SignOnAgain:
                    status = self._sign_on()
                    continue
                if status in (WorkerStatus.OFFLINE, WorkerStatus.RESTART):
                    break
        except Stopped:
            return 0
        finally:
            self._end()
        return self._config.restart_exit_code if status is WorkerStatus.RESTART else 0

    @property
    def has_task(self) -> bool:
        """Whether a task is being run at this moment."""
        return self._task is not None

    def stop(self, reason: str) -> None:
        """Hands the running task back and makes `run` return soon; may be called repeatedly."""
        self._stopping.set()
        current = self._current
        if current is not None:
            current.cancel(reason)
        # Called again while `run` has not returned, this also ends a request that has begun a
        # moment later.
        self._asking.abort()
        if self._credentials is None:
            self._client.abort()

    def _sign_on(self) -> WorkerStatus:
        registration = Registration(
            self._client,
            self._config,
            self._stopping,
            self._new_back_off,
            take_settings=self._machine.take,
        )
        self._credentials, status = registration.sign_on()
        self._asking.sign_in(self._credentials.worker_id, self._credentials.secret)
        log.info("signed on at %s as %s", self._client.url, self._config.worker_name)
        self._host_reports.start(self._credentials.worker_id, self._credentials.secret)
        self._queue.start(self._credentials.worker_id, self._task_was_refused)
        return status

    def _live(self, status: WorkerStatus) -> WorkerStatus:
        """Lives in one status and returns the next one."""
        match status:
            case WorkerStatus.AWAKE if self._is_ready():
                return self._be_awake()
            case WorkerStatus.AWAKE | WorkerStatus.ERROR:
                return self._be_unready()
            case WorkerStatus.OFFLINE | WorkerStatus.RESTART:
                return status
            case WorkerStatus.ASLEEP:
                return self._be_asleep()
        log.warning("the Manager asks for the status %s; this worker sleeps instead", status)
        return self._be_asleep()

    def _be_awake(self) -> WorkerStatus:
        self._acknowledge(WorkerStatus.AWAKE)
        pauses = self._new_back_off()
        while not self._stopping.is_set():
            # The Manager hands a task out again if we ask before it knows that it is done.
            if not self._queue.wait_until_empty(self._pace.longest_pause):
                if self._queue.is_locked_out:
                    self._pause(pauses)
                    raise _SignOnAgain
                continue
            if not self._is_ready():
                return WorkerStatus.ERROR
            asked_at = time.monotonic()
            try:
                request = TaskRequest(slot=0, holding=[])
                task = self._asking.schedule_task(request, wait=self._pace.task_wait)
            except StatusChangeRequested as change:
                log.info("the Manager wants this worker to be %s", change.status)
                return change.status
            except FlamencoError as error:
                if isinstance(error, ManagerRefused) and error.status == _NOT_AWAKE:
                    # It has lost sight of us in the meantime; tell it that we are here.
                    self._try(lambda: self._client.worker_state_changed(WorkerStatus.AWAKE))
                self._handle_trouble(error, pauses)
                continue
            if task is not None:
                pauses.reset()
                # The request may have waited for a long time.
                if not self._is_ready():
                    self._give_back(task)
                    return WorkerStatus.ERROR
                self._refresh_settings(task)
                self._run_task(task)
                if self._only_one_task:
                    return WorkerStatus.OFFLINE
            elif time.monotonic() - asked_at < self._pace.task_wait.total_seconds() / 2:
                # This Manager answers at once, so that the pause is ours to make.
                self._pause(pauses)
            else:
                pauses.reset()
        return WorkerStatus.OFFLINE

    def _is_ready(self) -> bool:
        """Whether this machine can do a task; says so where that has changed."""
        problem = self._readiness.problem(self._stopping.is_set)
        if problem and problem != self._problem:
            log.error("this worker takes no tasks: %s", problem)
        elif self._problem and not problem:
            log.info("what kept this worker from taking tasks is over")
        self._problem = problem
        return not problem

    def _give_back(self, task: AssignedTask) -> None:
        """Says why in the task's log. The Manager takes it back when this worker is not awake."""
        reporter = TaskReporter(task, self._queue.add)
        reporter.log(f"this worker gives the task back: {self._problem}")
        reporter.flush()
        self._queue.wait_until_empty(self._pace.longest_pause)

    def _be_unready(self) -> WorkerStatus:
        """Takes no tasks, and is to blame for none, until the machine can do them again."""
        self._acknowledge(WorkerStatus.ERROR)
        while not self._stopping.is_set():
            self._stopping.wait(self._pace.while_unready.total_seconds())
            if self._is_ready():
                return WorkerStatus.AWAKE
        return WorkerStatus.OFFLINE

    def _be_asleep(self) -> WorkerStatus:
        self._acknowledge(WorkerStatus.ASLEEP)
        pauses = BackOff(self._pace.while_asleep, self._pace.longest_pause)
        while not self._stopping.is_set():
            self._pause(pauses)
            try:
                requested = self._client.worker_state()
            except FlamencoError as error:
                self._handle_trouble(error, pauses)
                continue
            pauses.reset()
            if requested not in (None, WorkerStatus.ASLEEP):
                assert requested is not None  # noqa: S101 - for the type checker
                return requested
        return WorkerStatus.OFFLINE

    def _acknowledge(self, status: WorkerStatus) -> None:
        """Tells the Manager what this worker does now; keeps trying, since it waits for that."""
        pauses = self._new_back_off()
        while not self._stopping.is_set():
            try:
                self._client.worker_state_changed(status)
            except FlamencoError as error:
                self._handle_trouble(error, pauses)
            else:
                log.info("this worker is %s", status)
                return

    def _handle_trouble(self, error: FlamencoError, pauses: BackOff) -> None:
        """Waits before the next try.

        Raises:
            _SignOnAgain: if the Manager does not know our credentials.
        """
        if self._stopping.is_set():
            return
        match error:
            case ManagerRefused() if error.status in _NOT_SIGNED_ON:
                self._pause(pauses)
                raise _SignOnAgain from error
            case ManagerUnreachable() | ManagerRefused() | InvalidInput():
                log.warning("%s", error)
            case _:
                raise error
        self._pause(pauses)

    def _run_task(self, task: AssignedTask) -> None:
        cancellation = Cancellation()
        self._task, self._current = task, cancellation
        try:
            if self._stopping.is_set():
                cancellation.cancel("the worker ends")
            self._runner.run(task, cancellation)
        finally:
            self._task = self._current = None

    def _refresh_settings(self, task: AssignedTask) -> None:
        """Asks for the Manager's settings if they have changed since it told them."""
        if task.settings_etag == self._machine.etag:
            return
        try:
            self._machine.take(self._client.worker_settings())
        except FlamencoError as error:
            log.warning("the Manager does not tell its settings: %s", error)

    def _task_was_refused(self, task_id: str, attempt: int | None, message: str) -> None:
        """The Manager takes no more updates of an attempt: it has gone to someone else."""
        task, current = self._task, self._current
        if task is None or current is None:
            return
        if (task.uuid, task.attempt) == (task_id, attempt):
            current.cancel(message)

    def _pause(self, pauses: BackOff) -> None:
        self._stopping.wait(pauses.next_wait().total_seconds())

    def _end(self) -> None:
        self._host_reports.close()
        self._images.close()
        if self._credentials is None:
            self._queue.close()
        else:
            self._queue.close(self._pace.flush_at_end)
            self._sign_off(self._credentials)
        for client in (self._client, self._asking):
            client.abort()  # closes the connections that are kept

    def _sign_off(self, credentials: Credentials) -> None:
        client = ManagerClient(
            self._config.manager_url,
            worker_id=credentials.worker_id,
            secret=credentials.secret,
            timeout=self._pace.sign_off,
        )
        self._try(client.sign_off)
        client.abort()

    def _new_back_off(self) -> BackOff:
        return BackOff(self._pace.first_pause, self._pace.longest_pause)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except FlamencoError as error:
            log.warning("%s", error)


def _needs(config: WorkerConfig) -> Needs:
    return Needs(
        readable=config.pre_task_check.read,
        writable=config.pre_task_check.write,
        free_space=config.minimum_free_space,
        local=(config.home, Path(tempfile.gettempdir())),
    )
