"""A farm file that is open: its lock, its transactions, and what is published after each."""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from flamenco_core.config import Config
from flamenco_core.errors import NotAllowed
from flamenco_core.events import Event
from flamenco_core.job_types.library import JobTypeLibrary, has_scripts
from flamenco_core.manager.failure_class_file import (
    FAILURE_CLASSES_FILE,
    load_failure_classes,
)
from flamenco_core.manager.lock import FarmLock, refuse_network_file_system
from flamenco_core.manager.machine_zone import MachineZone
from flamenco_core.manager.steady_time import SteadyTime
from flamenco_core.manager.unit import Unit
from flamenco_core.rules.failure_classes import BUILT_IN, FailureClass
from flamenco_core.rules.scheduling import RESERVATION
from flamenco_core.store import farm, silence, workers
from flamenco_core.store.audit import Actor
from flamenco_core.store.database import Transactions, connect, connect_read_only
from flamenco_core.store.migrations import migrate, refuse_other_schema
from flamenco_core.store.reader import FarmReader
from flamenco_core.store.workers import Sighting

if TYPE_CHECKING:
    from flamenco_core.job_types.compile_process import CompileProcess

logger = logging.getLogger(__name__)

Subscriber = Callable[[Sequence[Event]], None]


LAST_SEEN_PERIOD = timedelta(seconds=1)
"""Workers' signs of life go along with a change this often at most: each is a row to be written."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _random_id() -> str:
    return str(uuid.uuid4())


def _configured_zone(config: Config) -> tzinfo:
    return ZoneInfo(config.time_zone) if config.time_zone else MachineZone()


@dataclass(frozen=True, slots=True)
class Bearings:
    """What decisions depend on besides the farm file: the same in all processes that decide."""

    config: Config
    failure_classes: Sequence[FailureClass]
    clock_origin: tuple[datetime, float]
    """See `SteadyTime.origin`."""


class OpenFarm(ABC):
    """What `Manager` stands on: opening and closing, units of work, events."""

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        config: Config | None = None,
        read_only: bool = False,
        resume: bool = True,
        address: str = "",
        clock: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = _random_id,
        zone: tzinfo | None = None,
        compile_here: bool = False,
    ) -> Self:
        """Opens a farm file, and makes it if it is not there.

        Without a `config`, everything the farm keeps lies beside the file. `address` tells
        whoever tries to open the same farm where to find this program. With `read_only` the
        farm may be open elsewhere, and every change is refused with `NotAllowed`. With `resume`
        off, what a crash cut off stays as it is: for a farm that has to be repaired first.
        Sleep schedules are read in `zone`, by default that of the configuration, which by default
        is this machine's. Job types of the farm's own run in a helper process, which is ended
        when they take too long or too much memory; with `compile_here` they run in this one.

        Raises:
            FarmLocked: if another program has the farm open.
            InvalidInput: if the studio's failure classes have mistakes.
            StorageError: if the file cannot be used: no farm, of a newer version, or on a
                network drive.
        """
        if config is None:
            config = Config(home=Path(path).absolute().parent if path else Path.cwd())
        file = Path(path).absolute() if path else config.database_file
        manager = cls(file, config, clock, monotonic, new_id, zone or _configured_zone(config))
        manager._compiles_here = compile_here
        if read_only:
            manager._open_for_reading()
        else:
            manager._open_for_writing(address, resume=resume)
        return manager

    @classmethod
    def open_beside(cls, file: Path, bearings: Bearings) -> Self:
        """Opens a farm that the process which started this one has open, to write to it too.

        The two have to take turns (`manager_service/turn.py`): there is still one writer at a time.

        Raises:
            StorageError: if the file cannot be used.
        """
        config = bearings.config
        zone = _configured_zone(config)
        manager = cls(file, config, _utc_now, time.monotonic, _random_id, zone)
        manager._open_beside()
        manager.use_bearings(bearings)
        return manager

    def __init__(
        self,
        file: Path,
        config: Config,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        new_id: Callable[[], str],
        zone: tzinfo,
    ) -> None:
        """Use `open`."""
        self.file = file
        self.farm_id = ""
        self.config = config
        self._clock = clock
        self._steady = SteadyTime(clock(), monotonic)
        self._new_id = new_id
        self._zone = zone
        self._subscribers: list[Subscriber] = []
        self._events: list[Event] = []
        self._last_seen: dict[str, Sighting] = {}
        self._last_seen_written = self._steady.now - LAST_SEEN_PERIOD
        self._job_types = JobTypeLibrary([config.scripts])
        self._compiles_here = False
        self._compiler: CompileProcess | None = None
        self._failure_classes: Sequence[FailureClass] = BUILT_IN
        self._bearings = Bearings(config, BUILT_IN, self._steady.origin)
        self._is_read_only = False

    def _open_for_writing(self, address: str, *, resume: bool) -> None:
        refuse_network_file_system(self.file)
        self.use_failure_classes(load_failure_classes(self.config.home / FAILURE_CLASSES_FILE))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as on_failure:
            lock = FarmLock(self.file, address=address)
            on_failure.callback(lock.release)
            self._use(connect(self.file))
            on_failure.callback(self._db.close)
            migrate(self._db, self.file)
            with self.unit_of_work():
                self.farm_id = farm.identify(self._db, new_id=self._new_id, now=self._clock())
                waits = (found.wait for found in self._failure_classes)
                silence.pull_back(self._db, self._steady.now, longest_hold=max(RESERVATION, *waits))
            if resume:
                self._resume()
            self._closing = on_failure.pop_all()

    def _open_for_reading(self) -> None:
        with ExitStack() as on_failure:
            self._use(connect_read_only(self.file))
            on_failure.callback(self._db.close)
            refuse_other_schema(self._db, self.file)
            self.farm_id = farm.identity(self._db)
            self._is_read_only = True
            self._closing = on_failure.pop_all()

    def _open_beside(self) -> None:
        with ExitStack() as on_failure:
            self._use(connect(self.file))
            on_failure.callback(self._db.close)
            refuse_other_schema(self._db, self.file)
            self.farm_id = farm.identity(self._db)
            self._closing = on_failure.pop_all()

    def _use(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._transactions = Transactions(db)
        self._reader = FarmReader(db, log_storage=self.config.local_storage)

    def _compile_process(self) -> CompileProcess | None:
        """What runs job types of the farm's own; None if there are none, or they may run here."""
        if self._compiles_here or not has_scripts(self.config.scripts):
            return None
        if self._compiler is None:
            from flamenco_core.job_types.compile_process import CompileProcess

            self._compiler = CompileProcess([self.config.scripts])
            self._closing.callback(self._compiler.close)
        return self._compiler

    def close(self) -> None:
        """Writes what is still in memory and lets go of the farm."""
        try:
            if self._last_seen and not self._is_read_only:
                self.store_last_seen()
        finally:
            self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def has_transaction(self) -> bool:
        """Whether a transaction stands; some errors (disk full) end one by themselves."""
        return self._transactions.is_open

    @property
    def is_spoiled(self) -> bool:
        """Whether a call inside `group_of_work` failed in such a way that nothing of it stands."""
        return self._transactions.is_spoiled

    @contextmanager
    def group_of_work(self) -> Iterator[None]:
        """Makes one transaction of many calls, quicker than `unit_of_work` if they succeed.

        Raises:
            Spoiled: if a call failed, or took something back, after it had changed something. All
                of the group is taken back then, and its calls have to be made again one by one.
        """
        with self._unit_in(self._transactions.group()):
            yield

    @contextmanager
    def unit_of_work(self) -> Iterator[None]:
        """Makes one transaction of several calls; inside another one, a savepoint of it."""
        if not self._transactions.is_group:
            with self._unit_in(self._transactions.unit()):
                yield
            return
        # Inside a group it has to cost next to nothing.
        first_event, changes_before = len(self._events), self._db.total_changes
        try:
            yield
        except BaseException:
            del self._events[first_event:]
            self._transactions.spoil_if_changed(changes_before)
            raise

    @contextmanager
    def _unit_in(self, transaction: AbstractContextManager[None]) -> Iterator[None]:
        if self._is_read_only:
            raise NotAllowed(f"The farm {self.file} was opened for reading only")
        is_outermost = not self._transactions.depth
        first_event = len(self._events)
        changes_before = self._db.total_changes
        try:
            with transaction:
                yield
                if is_outermost:
                    self._take_along_last_seen(changes_before)
        except BaseException:
            del self._events[first_event:]
            raise
        if is_outermost:
            self._publish()

    def use_config(self, config: Config) -> None:
        """Decides by another configuration from now on; files and folders stay where they are."""
        self.config = config
        self._bearings = replace(self._bearings, config=config)

    def use_failure_classes(self, classes: Sequence[FailureClass]) -> None:
        """Tells by these why tasks fail from now on; see `failure_class_file`."""
        self._failure_classes = classes
        self._bearings = replace(self._bearings, failure_classes=classes)

    @property
    def bearings(self) -> Bearings:
        """What another process needs to decide as this one does; any thread may ask. It is the
        same object until something of it changes.
        """
        return self._bearings

    def use_bearings(self, bearings: Bearings) -> None:
        """Decides as another process does from now on."""
        self.config = bearings.config
        self._failure_classes = bearings.failure_classes
        self._bearings = bearings
        started, first = bearings.clock_origin
        self._steady = SteadyTime(started, time.monotonic, first=first)

    def record(self, actor: Actor, action: str, subject: str, **details: object) -> None:
        """Puts into the audit log what somebody did that is not stored in the farm."""
        with self._unit(actor) as unit:
            unit.audit(action, subject, **details)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Calls `subscriber`, in this thread, with what happened, after each commit."""
        self._subscribers.append(subscriber)

    def reader(self) -> FarmReader:
        """A read-only view of the farm, for any one thread."""
        return FarmReader.open(self.file, log_storage=self.config.local_storage)

    def worker_seen(self, worker_id: str) -> None:
        """Notes a sign of life; written with the next change of the farm."""
        self._last_seen[worker_id] = Sighting(self._clock(), self._steady.now)

    def store_last_seen(self) -> None:
        """Writes the signs of life that no change has taken along yet."""
        with self.unit_of_work():
            self._write_last_seen()

    def probe_writing(self) -> None:
        """Writes what is there already, so that a disk that takes nothing is noticed."""
        with self.unit_of_work():
            farm.write_again(self._db)

    def _take_along_last_seen(self, changes_before: int) -> None:
        """A poll alone is no reason to write to the disk; a change takes its time along."""
        is_time = self._steady.now >= self._last_seen_written + LAST_SEEN_PERIOD
        if is_time and self._db.total_changes != changes_before:
            self._write_last_seen()

    def _write_last_seen(self) -> None:
        # Should the commit fail, the next sign of life brings a newer time anyway.
        workers.store_last_seen(self._db, self._last_seen)
        self._last_seen.clear()
        self._last_seen_written = self._steady.now

    @contextmanager
    def _unit(self, actor: Actor) -> Iterator[Unit]:
        with self.unit_of_work():
            yield self._new_unit(actor, self._events)

    @contextmanager
    def _trial(self, actor: Actor) -> Iterator[Unit]:
        """A unit of which nothing is kept, nor told."""
        if self._is_read_only:
            raise NotAllowed(f"The farm {self.file} was opened for reading only")
        with self._transactions.trial():
            yield self._new_unit(actor, [])

    def _new_unit(self, actor: Actor, events: list[Event]) -> Unit:
        return Unit(
            db=self._db,
            now=self._clock(),
            steady=self._steady.now,
            zone=self._zone,
            actor=actor,
            config=self.config,
            failure_classes=self._failure_classes,
            new_id=self._new_id,
            events=events,
        )

    @abstractmethod
    def _resume(self) -> None:
        """Called once the farm is open for writing, to end what a crash cut off."""

    def _publish(self) -> None:
        events, self._events = self._events, []
        if events:
            for subscriber in self._subscribers:
                try:
                    subscriber(events)
                except Exception:
                    # What happened is stored; nobody may take that for a failure.
                    logger.exception("A subscriber could not take %d events", len(events))
