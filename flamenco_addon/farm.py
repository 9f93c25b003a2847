"""What is known of a farm: asked of its Manager, kept on disk for each of them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from flamenco_core import model, wire
from flamenco_core.client import AccountsClient, ManagerRefused
from flamenco_core.errors import FlamencoError

_NOT_THERE = frozenset({403, 404, 405})
"""Answers to what a Manager of Flamenco 3 does not have, or does not tell this person."""
_WORKER_FIELDS = "id,name,status,version,can_restart,platform,capabilities,slots"
_WORKERS_AT_ONCE = 200
_MOST_WORKERS = 2000
"""Those of more are much like these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Farm:
    """A farm as its Manager described it at `fetched`."""

    version: model.FlamencoVersion
    fetched: datetime
    storage: model.SharedStorageLocation
    """Where this machine finds the farm's shared folder."""
    job_types: list[model.AvailableJobType] = field(default_factory=list)
    variables: dict[str, model.ManagerVariable] = field(default_factory=dict)
    """As they are for people on this platform."""
    tags: list[model.WorkerTag] = field(default_factory=list)
    workers: list[model.WorkerSummary] = field(default_factory=list)
    caller: model.WhoAmI | None = None
    """Whom the Manager takes us for; None if it does not know accounts."""

    @property
    def blender_versions(self) -> frozenset[str]:
        """Those that workers say they have, such as `4.5.2`; empty if none says."""
        return self._offered("blender")

    @property
    def devices(self) -> frozenset[str]:
        """What workers say that they render with: `cpu`, `gpu`; empty if none says."""
        return self._offered("device")

    def _offered(self, key: str) -> frozenset[str]:
        offered = {value for each in self.workers for value in _values(each, key)}
        return frozenset(offered)

    def job_type(self, name: str) -> model.AvailableJobType | None:
        return next((each for each in self.job_types if each.name == name), None)


def _values(worker: model.WorkerSummary, key: str) -> Iterator[str]:
    """What a worker and its slots have of something."""
    for abilities in (worker.capabilities, *(each.capabilities for each in worker.slots or ())):
        if abilities and key in abilities:
            yield abilities[key]


def this_platform() -> str:
    """As a Manager calls it: `linux`, `windows` or `darwin`."""
    return platform.system().lower()


def fetch_farm(client: AccountsClient, version: model.FlamencoVersion) -> Farm:
    """Asks a Manager for all there is to know. Blocks.

    Raises:
        ManagerUnreachable: if it stops answering.
        ManagerRefused: if it wants to know who is asking, or fails.
    """
    audience = model.Audience.USERS
    with _missing_operation():
        caller = None
        caller = client.who_am_i()
    with _missing_operation():
        workers: list[model.WorkerSummary] = []
        workers = _workers(client)
    return Farm(
        version=version,
        fetched=datetime.now(UTC),
        storage=client.get_shared_storage(audience, this_platform()),
        job_types=client.get_job_types(),
        variables=client.get_variables(audience, this_platform()),
        tags=client.fetch_worker_tags(),
        workers=workers,
        caller=caller,
    )


def _workers(client: AccountsClient) -> list[model.WorkerSummary]:
    """The farm's workers with what they have."""
    found: list[model.WorkerSummary] = []
    query = {"fields": _WORKER_FIELDS, "limit": str(_WORKERS_AT_ONCE)}
    while len(found) < _MOST_WORKERS:
        page = client.fetch_workers_page(query)
        found += page.workers
        if page.next is None:
            break
        query["cursor"] = page.next
    return found


class _missing_operation(suppress):
    """Goes on if this Manager has no such operation."""

    def __init__(self) -> None:
        super().__init__(ManagerRefused)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, ManagerRefused) and error.status not in _NOT_THERE:
            return False
        return super().__exit__(kind, error, trace)


def cached_farm(folder: Path, url: str) -> Farm | None:
    """What was stored for the Manager at `url`; None if there is nothing that can be used."""
    try:
        return wire.from_json_text(_file(folder, url).read_bytes(), Farm)
    except (OSError, FlamencoError):
        # Another version of this extension may have written it.
        return None


def store_farm(folder: Path, url: str, farm: Farm) -> None:
    """Raises `OSError` if it cannot be written."""
    import json

    file = _file(folder, url)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}~")
    partial.write_text(json.dumps(wire.to_json(farm)), encoding="utf-8")
    partial.replace(file)


def cached_files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("farm-*.json")


def _file(folder: Path, url: str) -> Path:
    name = hashlib.sha256(url.lower().encode()).hexdigest()[:16]
    return folder / f"farm-{name}.json"
