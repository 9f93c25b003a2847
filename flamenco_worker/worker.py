"""The worker's life: signs on, does what the Manager wants, signs off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import FlamencoError, InvalidInput
from flamenco_core.model import AssignedTask
from flamenco_core.statuses import WorkerStatus
from flamenco_worker.abilities import Abilities
from flamenco_worker.backing_off import BackOff
from flamenco_worker.config import WorkerConfig
from flamenco_worker.crew import Contacts, Crew, Outcome
from flamenco_worker.host_reports import HostReports
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.membership import Membership
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.output_images import OutputImages
from flamenco_worker.pace import Pace
from flamenco_worker.presence import GRACE_FOR_A_PERSON, Presence
from flamenco_worker.process import kill_all
from flamenco_worker.readiness import Needs, Readiness
from flamenco_worker.registration import Stopped
from flamenco_worker.slot_making import SlotMaker
from flamenco_worker.update_queue import QUEUE_NAME, UpdateQueue

__all__ = ["Pace", "Worker"]

log = logging.getLogger(__name__)

IN_USE = "someone works at this machine"
_NOT_SIGNED_ON = frozenset({401, 403})
_SHORTEST_WAIT = timedelta(seconds=1)
_GOING = frozenset({WorkerStatus.OFFLINE, WorkerStatus.RESTART})
_LEFT_TO_THE_MACHINE = frozenset({None, WorkerStatus.AWAKE})
"""What the Manager wants while the worker cannot, or may not, be awake."""


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
        presence: Presence | None = None,
    ) -> None:
        """`only_one_task` makes it end after the first task.

        Raises:
            StorageError: if the queue cannot be opened.
        """
        self._config = config
        self._pace = pace or Pace(may_i_run=config.may_i_run_interval)
        self._only_one_task = only_one_task
        self._client = ManagerClient(config.manager_url)
        # Of its own, so that ending a request that waits harms no other one.
        self._listening = ManagerClient(config.manager_url)
        self._stopping = threading.Event()
        self._crew: Crew | None = None
        config.home.mkdir(parents=True, exist_ok=True)
        queue = config.home / (config.task_update_queue_db or QUEUE_NAME)
        self._queue = UpdateQueue(queue, self._client, self._new_back_off(), config.queue_size)
        self._images = OutputImages(self._client, queue, self._new_back_off())
        self._host_reports = HostReports(
            ManagerClient(config.manager_url),
            sample_every=self._pace.host_sample,
            send_every=self._pace.host_report,
        )
        self._machine = MachineSettings(config)
        self._abilities = Abilities(config, self._machine, self._devices_found)
        self._membership = Membership(
            self._client,
            config,
            self._pace,
            abilities=self._abilities,
            machine=self._machine,
            stopping=self._stopping,
            new_back_off=self._new_back_off,
        )
        self._readiness = readiness or Readiness(Needs.of(config))
        self._presence = presence or Presence(config.only_if_unused_for)
        self._programs = RunningPrograms(config.home)
        self._slots = SlotMaker(
            config=config,
            pace=self._pace,
            machine=self._machine,
            client=self._client,
            queue=self._queue,
            images=self._images,
            programs=self._programs,
            new_back_off=self._new_back_off,
            prefetches=config.prefetch and not only_one_task,
        )

    def run(self) -> int:
        """Works until the Manager or `stop` ends it; returns the program's exit code.

        Raises:
            ManagerRefused: if the Manager does not want this worker.
            InvalidInput: if the kept credentials cannot be used.
        """
        with self._programs.begun(), self._presence.watching(self._presence_changed):
            return self._run()

    def _run(self) -> int:
        step = Outcome(None)
        try:
            while not self._stopping.is_set() and step.status not in _GOING:
                try:
                    step = self._live(step)
                except _SignOnAgain:
                    step = Outcome(None)
        except Stopped:
            return 0
        finally:
            self._end()
        return self._config.restart_exit_code if step.status is WorkerStatus.RESTART else 0

    @property
    def has_task(self) -> bool:
        """Whether a task is being run at this moment."""
        crew = self._crew
        return crew is not None and crew.has_task

    def stop(self, reason: str) -> None:
        """Hands running tasks back and makes `run` return soon; may be called repeatedly."""
        self._stopping.set()
        crew = self._crew
        if crew is not None:
            crew.end(Outcome(WorkerStatus.OFFLINE))
            crew.cancel(reason)
        # Called again while `run` has not returned, this also ends a request that has begun a
        # moment later.
        self._listening.abort()
        if self._membership.credentials is None:
            self._client.abort()

    def _sign_on(self) -> Outcome:
        signed_on = self._membership.sign_on()
        credentials, offers = signed_on.credentials, signed_on.offers
        self._listening.sign_in(credentials.worker_id, credentials.secret)
        # Who offers anything beyond Flamenco 3's protocol takes samples, too.
        self._host_reports.start(
            credentials.worker_id, credentials.secret, is_wanted=bool(offers) or None
        )
        self._images.start(credentials.worker_id)
        self._queue.start(
            credentials.worker_id, self._task_was_refused, takes_reports="reports" in offers
        )
        self._abilities.look_for_devices(signed_on.blender)
        return Outcome(signed_on.status)

    def _live(self, step: Outcome) -> Outcome:
        """Lives in one status and returns what comes after it."""
        match step.status:
            case None:
                return self._sign_on()
            case WorkerStatus.AWAKE if self._presence.is_used:
                return self._rest()
            case WorkerStatus.AWAKE if problem := self._problem_now():
                return self._be_unready(problem)
            case WorkerStatus.AWAKE:
                return self._be_awake()
            case WorkerStatus.ERROR:
                return self._be_unready(step.reason or self._problem_now())
            case WorkerStatus.ASLEEP if step.reason:
                return self._rest()
            case WorkerStatus.ASLEEP:
                return self._be_asleep()
        log.warning("the Manager asks for the status %s; this worker sleeps instead", step.status)
        return self._be_asleep()

    def _be_awake(self) -> Outcome:
        self._try(self._membership.declare_abilities)
        self._acknowledge(WorkerStatus.AWAKE)
        crew = Crew(
            Contacts(
                problem=self._problem_now,
                say_awake=self._say_awake,
                trouble=self._is_unknown_after,
                pause=self._pause,
                asks=self._waits_for_work,
                ask_no_more=self._queue.ask_no_more,
                settings_may_have_changed=self._refresh_settings,
                only_one_task=self._only_one_task,
            )
        )
        slots = self._slots.make(crew, self._membership.credentials, self._membership.offers)
        self._crew = crew
        try:
            if self._stopping.is_set():
                crew.end(Outcome(WorkerStatus.OFFLINE))
            if self._presence.is_used:
                crew.end(Outcome(WorkerStatus.ASLEEP, IN_USE))
            return self._still_wanted(crew.work(slots))
        finally:
            self._crew = None

    def _waits_for_work(self) -> None:
        self._host_reports.request_begins()
        self._abilities.rests()

    def _still_wanted(self, outcome: Outcome) -> Outcome:
        """What the Manager wants by now: the last task may have gone on for hours."""
        is_asked = outcome.status not in (None, WorkerStatus.AWAKE) and not outcome.reason
        if not is_asked or self._stopping.is_set() or not self._requests_may_wait:
            return outcome
        try:
            return Outcome(self._client.worker_state() or WorkerStatus.AWAKE)
        except FlamencoError as error:
            log.warning("%s", error)
            return outcome

    def _problem_now(self) -> str:
        """Why this machine can do no task now; empty if it can."""
        return self._readiness.problem(self._stopping.is_set)

    def _be_unready(self, problem: str) -> Outcome:
        """Takes no tasks, and is to blame for none, until the machine can do them again."""
        self._acknowledge(WorkerStatus.ERROR, problem)
        while not self._stopping.is_set():
            requested = self._listen(self._pace.while_unready)
            if requested not in _LEFT_TO_THE_MACHINE:
                return Outcome(requested)
            now = self._problem_now()
            if not now:
                return Outcome(WorkerStatus.AWAKE)
            if now != problem:
                problem = now
                self._acknowledge(WorkerStatus.ERROR, problem)
            if requested is not None:  # which the Manager goes on saying
                self._stopping.wait(self._pace.while_unready.total_seconds())
        return Outcome(WorkerStatus.OFFLINE)

    def _rest(self) -> Outcome:
        """Leaves the machine to whoever works at it."""
        self._acknowledge(WorkerStatus.ASLEEP, IN_USE)
        while not self._stopping.is_set() and self._presence.is_used:
            requested = self._listen(self._pace.task_wait)
            if requested not in _LEFT_TO_THE_MACHINE:
                return Outcome(requested)
            if requested is not None:
                self._presence.wait_until_unused(self._pace.task_wait)
        return Outcome(WorkerStatus.AWAKE)

    def _be_asleep(self) -> Outcome:
        self._acknowledge(WorkerStatus.ASLEEP)
        pauses = BackOff(self._pace.while_asleep, self._pace.longest_pause)
        is_held = self._requests_may_wait
        while not self._stopping.is_set():
            requested = self._listen(
                self._pace.longest_task_wait if is_held else pauses.next_wait()
            )
            if requested not in (None, WorkerStatus.ASLEEP):
                return Outcome(requested)
        return Outcome(WorkerStatus.OFFLINE)

    def _listen(self, duration: timedelta) -> WorkerStatus | None:
        """Waits that long at most; returns what the Manager wants by then."""
        is_held = self._requests_may_wait and duration >= _SHORTEST_WAIT
        if not is_held:
            self._stopping.wait(duration.total_seconds())
        if self._stopping.is_set():
            return None
        try:
            if is_held:
                self._host_reports.request_begins()
                return self._listening.worker_state(wait=min(duration, self._pace.task_wait))
            return self._listening.worker_state()
        except FlamencoError as error:
            if not self._presence_has_ended_a_wait():
                self._handle_trouble(error, self._new_back_off())
            return None

    def _presence_has_ended_a_wait(self) -> bool:
        return self._presence.is_on and not self._presence.is_used

    def _presence_changed(self, is_used: bool) -> None:
        """A person has come, or has been away for long enough; another thread says so."""
        if not is_used:
            self._listening.abort()
            return
        crew = self._crew
        if crew is None:
            return
        log.info("%s; it is left to them", IN_USE)
        crew.end(Outcome(WorkerStatus.ASLEEP, IN_USE))
        crew.cancel(IN_USE)
        killer = threading.Timer(GRACE_FOR_A_PERSON.total_seconds(), kill_all)
        killer.daemon = True
        killer.start()

    def _devices_found(self) -> None:
        """More is known of the machine; another thread says so."""
        self._try(self._membership.declare_abilities)

    @property
    def _requests_may_wait(self) -> bool:
        """Whether the Manager holds the question for a status until it wants another one."""
        return "state-wait" in self._membership.offers

    def _acknowledge(self, status: WorkerStatus, reason: str = "") -> None:
        """Tells the Manager what this worker does now; keeps trying, since it waits for that."""
        pauses = self._new_back_off()
        while not self._stopping.is_set():
            # It takes back the tasks of which it does not know yet that they are done.
            is_told = self._queue.wait_until_empty(self._pace.longest_pause)
            if not is_told and not self._queue.is_locked_out:
                continue
            try:
                self._client.worker_state_changed(status, reason=reason)
            except FlamencoError as error:
                self._handle_trouble(error, pauses)
            else:
                log.info("this worker is %s%s", status, f": {reason}" if reason else "")
                return

    def _say_awake(self) -> None:
        self._try(lambda: self._client.worker_state_changed(WorkerStatus.AWAKE))

    def _is_unknown_after(self, error: FlamencoError, pauses: BackOff) -> bool:
        """Waits before the next try; returns whether the Manager does not know our credentials."""
        try:
            self._handle_trouble(error, pauses)
        except _SignOnAgain:
            return True
        return False

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

    def _refresh_settings(self, task: AssignedTask) -> bool:
        """Asks for the Manager's settings if they have changed; whether there are other slots."""
        self._abilities.look_into(task)
        if task.settings_etag == self._machine.etag:
            return False
        before = self._machine.slots()
        try:
            self._machine.take(self._client.worker_settings())
        except FlamencoError as error:
            log.warning("the Manager does not tell its settings: %s", error)
        return self._machine.slots() != before

    def _task_was_refused(self, task_id: str, attempt: int | None, message: str) -> None:
        """The Manager takes no more updates of an attempt: it has gone to someone else."""
        crew = self._crew
        if crew is not None:
            crew.cancel_attempt(task_id, attempt, message)

    def _pause(self, pauses: BackOff) -> None:
        self._stopping.wait(pauses.next_wait().total_seconds())

    def _end(self) -> None:
        self._abilities.close()
        self._host_reports.close()
        self._images.close()
        is_known = self._membership.credentials is not None
        self._queue.close(self._pace.flush_at_end if is_known else timedelta(0))
        self._membership.sign_off()
        for client in (self._client, self._listening):
            client.close()  # threads that are not waited for may be about to use it

    def _new_back_off(self) -> BackOff:
        return BackOff(self._pace.first_pause, self._pace.longest_pause)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except FlamencoError as error:
            log.warning("%s", error)
