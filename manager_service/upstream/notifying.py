"""Tells the server where this Manager is, its variables, and what its workers can do."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any

from flamenco_core.config import Config
from flamenco_core.errors import FlamencoError
from flamenco_core.events import Event, WorkerChanged, WorkerDeleted, WorkerRegistered
from flamenco_core.store.upstream_reader import WorkersForServer
from flamenco_core.variables import Variable
from manager_service.upstream.commands import task_types_there
from manager_service.upstream.connection import ServerConnection
from manager_service.upstream.farm_reading import FarmReading
from manager_service.upstream.state import LinkState

logger = logging.getLogger(__name__)

STARTUP_DELAY = timedelta(milliseconds=100)
STARTUP_RETRY = timedelta(seconds=30)
UPDATE_RETRY = timedelta(seconds=10)

SETTINGS_VERSION = 2

_ALL_PLATFORMS = ("linux", "darwin", "windows")


class Notifier:
    """Says it at the start, and again when the workers' task types have changed."""

    def __init__(
        self,
        config: Config,
        address: str,
        reading: FarmReading,
        connection: ServerConnection,
        state: LinkState,
    ) -> None:
        """`address` is where this Manager is reached, unless the configuration says so."""
        self._config = config
        self._url = config.own_url or address
        self._reading = reading
        self._connection = connection
        self._state = state
        self._due = asyncio.Event()
        self._is_wanted = False
        state.notification.on_due = self._want

    def _want(self) -> None:
        self._is_wanted = True
        self._due.set()

    def on_event(self, event: Event) -> None:
        if isinstance(event, WorkerRegistered | WorkerChanged | WorkerDeleted):
            self._due.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        delay, name, retry = STARTUP_DELAY, "startup", STARTUP_RETRY
        told: tuple[str, ...] | None = None
        while True:
            await asyncio.sleep(delay.total_seconds())
            self._due.clear()
            workers = await self._reading.read(lambda reader: reader.workers())
            if workers.task_types == told and not self._is_wanted:
                delay = timedelta(0)
                await self._due.wait()
                continue
            if await self._tell(name, workers):
                told, name, retry = workers.task_types, "update", UPDATE_RETRY
                self._is_wanted = False
                delay = timedelta(0)
                await self._due.wait()
            else:
                delay = retry

    async def _tell(self, name: str, workers: WorkersForServer) -> bool:
        self._state.notification.begins()
        body = json.dumps(notification(self._config, self._url, workers)).encode()
        try:
            await self._connection.post(name, body)
        except FlamencoError as error:
            if self._state.notification.failed(str(error)):
                logger.warning("The Flamenco Server could not be greeted: %s", error)
            return False
        self._state.notification.succeeded()
        return True


def notification(config: Config, url: str, workers: WorkersForServer) -> dict[str, Any]:
    """What the server is told of this Manager."""
    return {
        "_meta": {"version": SETTINGS_VERSION},
        "manager_url": url,
        "variables": {
            name: _variable(variable) for name, variable in config.variables.by_name.items()
        },
        "nr_of_workers": workers.count,
        "worker_task_types": task_types_there(workers.task_types),
    }


def _variable(variable: Variable) -> dict[str, Any]:
    values = []
    for value in variable.values:
        is_for_all = len(value.audiences) > 1
        audience = "all" if is_for_all else next(iter(value.audiences)).value
        is_everywhere = "all" in value.platforms
        platforms = _ALL_PLATFORMS if is_everywhere else value.platforms
        values.append({"audience": audience, "platforms": list(platforms), "value": value.value})
    return {"direction": "twoway" if variable.is_twoway else "oneway", "values": values}
