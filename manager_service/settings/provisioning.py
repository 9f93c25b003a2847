"""What workers are told about their set-up: looked up once, until something of it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flamenco_core.config import Config
from flamenco_core.events import (
    Event,
    TagChanged,
    WorkerChanged,
    WorkerDeleted,
    WorkerTagsChanged,
)
from flamenco_core.model import Audience
from flamenco_core.model.worker_protocol import ProvisionedSettings
from flamenco_core.provisioning import WorkerTraits, settings_for
from flamenco_core.store.reader import FarmReader
from manager_service.reading import ReaderPool


class Provisioning:
    """On the event loop's thread only."""

    def __init__(self, readers: ReaderPool, config: Callable[[], Config]) -> None:
        """`config` gives what the Manager runs with."""
        self._readers = readers
        self._config = config
        self._known: dict[str, ProvisionedSettings] = {}
        self._changes = 0

    async def settings(self, worker_id: str) -> ProvisionedSettings:
        """What the worker is told now; all of it may be empty."""
        known = self._known.get(worker_id)
        if known is not None:
            return known
        before = self._changes
        traits = await self._readers.read(lambda reader: _traits(reader, worker_id))
        config = self._config()
        variables = config.variables_for(Audience.WORKERS, traits.platform)
        found = settings_for(config.worker_rules, traits, expand=variables.expand)
        if before == self._changes:
            self._known[worker_id] = found
        return found

    async def told(self, worker_id: str) -> ProvisionedSettings | None:
        """The same, if there is anything to tell."""
        if not self._config().worker_rules:
            return None
        found = await self.settings(worker_id)
        is_empty = not (found.programs or found.limits or found.slots is not None)
        return None if is_empty else found

    async def etag(self, worker_id: str) -> str | None:
        """Of what there is to tell; goes with each task."""
        found = await self.told(worker_id)
        return None if found is None else found.etag

    def forget(self) -> None:
        """Something has changed that settings may come from."""
        self._changes += 1
        self._known.clear()

    def on_events(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case TagChanged():
                    self.forget()
                case WorkerChanged() | WorkerDeleted() | WorkerTagsChanged():
                    # A worker may have signed on under another name.
                    self._changes += 1
                    self._known.pop(event.worker_id, None)


def _traits(reader: FarmReader, worker_id: str) -> WorkerTraits:
    worker = reader.worker(worker_id)
    tags = worker.get("tags") or []
    return WorkerTraits(
        uuid=worker_id,
        name=worker["name"],
        platform=worker["platform"],
        tags=frozenset(value for tag in tags for value in (tag["id"], tag["name"])),
    )
