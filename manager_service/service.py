"""What the operations work with: the farm, its readers, the content store, who waits for a task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flamenco_core.config import Config
from flamenco_core.errors import NotFound, StorageError, Unavailable
from flamenco_core.events import AccessChanged, Event
from flamenco_core.manager import Manager
from flamenco_core.manager.opening import Bearings
from flamenco_core.shaman import ShamanStore
from flamenco_core.store.reader import FarmReader
from manager_service.access import Access
from manager_service.accounts import Accounts
from manager_service.background import BackgroundWork, Chore
from manager_service.ending import Ending
from manager_service.event_log import log_events
from manager_service.file_threads import FileThreads
from manager_service.health import Health
from manager_service.images import RenderedImages
from manager_service.list_process import ListProcess
from manager_service.metrics import Metrics
from manager_service.mqtt.forwarder import MQTT_QUEUE_FILE, MqttForwarder
from manager_service.reading import ReaderPool
from manager_service.realtime.hub import Hub
from manager_service.realtime.metrics import LiveMetrics
from manager_service.settings.job_type_files import JobTypeFiles
from manager_service.settings.live_configuration import LiveConfiguration
from manager_service.settings.provisioning import Provisioning
from manager_service.settings.storage_report import StorageOverview
from manager_service.submissions import Submissions
from manager_service.upstream.link import UpstreamLink
from manager_service.upstream.metrics import LinkMetrics
from manager_service.upstream.state import Errand
from manager_service.uses import Uses
from manager_service.waiting import WaitingWorkers
from manager_service.worker_requests import WorkerRequests
from manager_service.write_thread import WriteThread

if TYPE_CHECKING:
    from flamenco_core.model import SubmittedJob
    from manager_service.network import Network

logger = logging.getLogger(__name__)

_ANSWERING_SECONDS = 0.2
"""How long a restart waits, so that whoever asked for it hears of it."""


class Service:
    """One running Manager: everything behind the HTTP operations."""

    _loop: asyncio.AbstractEventLoop | None = None
    _manager: Manager | None = None
    _callers: FarmReader | None = None
    _background: BackgroundWork | None = None

    def __init__(self, config: Config, *, address: str = "") -> None:
        """`address` is where people reach this Manager; it names the Manager that holds the farm
        to anybody who wants to open it too.
        """
        self.file_threads = FileThreads()
        self.configuration = LiveConfiguration(
            config,
            self.file_threads.own,
            self._take_over,
            objections=lambda wanted: self.accounts.objections(wanted, self.config),
        )
        """What the Manager runs with, and what its file says."""
        self.ending = Ending()
        """Where anything can let the Manager stop, or start anew."""
        self.health = Health()
        self.metrics = Metrics()
        self.waiting = WaitingWorkers()
        self.farm = WriteThread(lambda: self._open_manager(address))
        self.worker_requests = WorkerRequests(
            self.farm, config.database_file, self._bearings, self._on_events
        )
        """Does what workers ask all the time."""
        self.readers = ReaderPool(self._open_reader)
        self.long_lists = ListProcess(config.database_file)
        self.provisioning = Provisioning(self.readers, lambda: self.config)
        """What workers are told about their set-up."""
        self._uses = Uses(self.farm)
        self.access = Access(config, address=address, uses=self._uses)
        self.accounts = Accounts(self.farm, self.readers)
        self.live = Hub(self._open_reader)
        """Whoever follows what happens."""
        self.submissions = Submissions(self.farm, config.scripts)
        self.storage_overview = StorageOverview()
        self.job_type_files = JobTypeFiles(config.scripts)
        self.job_type_files_lock = asyncio.Lock()
        """Held by whoever changes scripts of job types."""
        self._job_files_lock = asyncio.Lock()
        self.images = RenderedImages(
            self.farm,
            self.file_threads.own,
            config.local_storage,
            job_files_lock=self._job_files_lock,
        )
        self.farm_id = ""
        """Known once the farm is open."""
        self.network: Network | None = None
        """How this Manager is reached, once the server listens."""
        self.shaman: ShamanStore | None = None
        if config.shaman_enabled:
            self.shaman = ShamanStore(config.file_store, config.job_storage)
        self.upstream: UpstreamLink | None = None
        """Speaks to the Flamenco Server, if there is one."""
        if config.upstream.is_linked:
            self.upstream = UpstreamLink(config, self.farm, address=address)

    async def start(self) -> None:
        """Opens the farm and begins the background work.

        Raises:
            Conflict: people have to log in, and there is no admin who could.
            FarmLocked: another program runs this farm.
            StorageError: the farm file or a folder cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._make_folders)
        await asyncio.to_thread(self.farm.start)
        self._callers = self._open_reader()
        await self.worker_requests.start()
        self.farm_id = await self.farm.run(lambda manager: manager.farm_id)
        self.access.open(self._callers, self.farm_id)
        self._background = BackgroundWork(
            self.farm,
            self.file_threads,
            self.config,
            self.shaman,
            self.waiting,
            self._job_files_lock,
            self.health,
            self.submissions.checkouts,
        )
        self._background.start()
        self.metrics.watch(self, self.chores)
        self.images.start()
        await self.configuration.start()
        if self.upstream is not None:
            self.metrics.registry.register(LinkMetrics(self.upstream.state))
            await self.upstream.start()
        mqtt: MqttForwarder | None = None
        if self.config.mqtt.enabled:
            file = self.config.home / MQTT_QUEUE_FILE
            mqtt = MqttForwarder(self.live, self.config.mqtt, file)
            mqtt.start()
        self.metrics.registry.register(LiveMetrics(self.live, mqtt))
        self.live.start(await self.farm.run(lambda manager: manager.farm_id))

    async def stop(self) -> None:
        """Answers what has been asked, stores what is known, and closes the farm."""
        self.waiting.close()
        if self.upstream is not None:
            await self.upstream.stop()
        await self.configuration.stop()
        await self.live.stop()
        await self.images.stop()
        if self._background is not None:
            await self._background.stop()
        await self.submissions.stop()
        await self._uses.close()
        await self.accounts.passwords.close()
        await self.file_threads.close()
        await self.worker_requests.close()
        # Readers go first: whoever closes the file last tidies it, and readers may not write.
        await self.long_lists.close()
        await asyncio.to_thread(self.readers.close)
        self.access.close()
        if self._callers is not None:
            self._callers.close()
            self._callers = None
        await asyncio.to_thread(self.farm.stop)

    @property
    def config(self) -> Config:
        """What the Manager runs with at this moment; ask for it anew each time."""
        return self.configuration.running

    def restart_soon(self) -> None:
        """Lets the Manager stop and start again, once what is being answered is on its way."""
        asyncio.get_running_loop().call_later(_ANSWERING_SECONDS, self.ending.restart)

    def note_use_of_checkout(self, job: SubmittedJob) -> None:
        """A submitted job has been stored, so that the checkout with its files is used."""
        path = job.storage.shaman_checkout_id if job.storage is not None else None
        if path and self._background is not None:
            self._background.checkout_used(path)

    @property
    def chores(self) -> Sequence[Chore | Errand]:
        """What the Manager does by itself."""
        chores = self._background.chores if self._background else ()
        return (*chores, *(self.upstream.state.errands() if self.upstream else ()))

    def chore(self, name: str) -> Chore | Errand:
        """Raises `NotFound`."""
        for chore in self.chores:
            if chore.name == name:
                return chore
        known = ", ".join(chore.name for chore in self.chores)
        raise NotFound(f"There is no background work {name}; there are {known}")

    async def is_alive(self) -> bool:
        """Returns once the write thread has answered; raises `Unavailable` if it has ended."""
        return await self.farm.run(lambda manager: bool(manager.farm_id))

    async def _take_over(self, config: Config) -> None:
        await self.farm.run(lambda manager: manager.use_config(config))
        self.provisioning.forget()
        if self._background is not None:
            self._background.use_config(config)

    def _make_folders(self) -> None:
        config = self.config
        folders = {
            "database": config.database_file.parent,
            "local_manager_storage_path": config.local_storage,
            "shared_storage_path": config.shared_storage,
        }
        for setting, folder in folders.items():
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = error.strerror or error
                raise StorageError(
                    f"{setting}: the folder {folder} cannot be made: {reason}"
                ) from error

    def _open_manager(self, address: str) -> Manager:
        manager = Manager.open(self.config.database_file, config=self.config, address=address)
        manager.subscribe(self._publish)
        self._manager = manager
        return manager

    def _bearings(self) -> Bearings:
        """May be asked for on any thread, as nothing else of the Manager may."""
        if self._manager is None:
            raise Unavailable("The farm is not open")
        return self._manager.bearings

    def _open_reader(self) -> FarmReader:
        return FarmReader.open(self.config.database_file, log_storage=self.config.local_storage)

    def _publish(self, events: Sequence[Event]) -> None:
        """Called on the write thread, after the commit and before its requests are answered."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._on_events, list(events))
        except RuntimeError:
            logger.debug("The event loop ended before %d events reached it", len(events))

    def _on_events(self, events: Sequence[Event]) -> None:
        log_events(events)
        self.metrics.on_events(events)
        self.waiting.on_events(events)
        self.provisioning.on_events(events)
        if any(isinstance(event, AccessChanged) for event in events):
            self.access.recheck()
        self.live.on_events(events)
        if self._background is not None:
            self._background.on_events(events)
        if self.upstream is not None:
            self.upstream.on_events(events)
