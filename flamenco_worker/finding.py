"""Which Manager a worker works for when nobody has told it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from flamenco_core.client.discovery import FoundManager, find_managers, wait_for_managers
from flamenco_core.durable import make_folders, replace_private_file
from flamenco_core.errors import FlamencoError, StorageError
from flamenco_worker.config import CONFIG_NAME, WorkerConfig

log = logging.getLogger(__name__)

LOCAL_MANAGER = "http://localhost:8080/"
"""Where a Manager on the worker's own machine is, if it listens where Managers do by default."""
SEARCH_TIME = timedelta(seconds=3)
"""How long answers are awaited, also when there is one: there may be several farms."""
SEARCH_LIMIT = timedelta(minutes=10)
LISTING_LIMIT = timedelta(minutes=1)
_FARM_NAME = "flamenco-worker-farm.json"
_HINT = f"give its address with --manager, or as manager_url in {CONFIG_NAME}"


class NoManagerFound(FlamencoError):
    """None answered, or more than one, so that a person has to choose."""


def list_managers(config: WorkerConfig) -> list[FoundManager]:
    """All that can be found; waits for a minute if there are none."""
    return wait_for_managers(limit=LISTING_LIMIT, search=_search(config))


def find_manager(config: WorkerConfig, *, limit: timedelta = SEARCH_LIMIT) -> str:
    """The address of this worker's Manager, waited for as long as `limit`.

    The first time, there has to be one on this machine, or exactly one in the network. From then
    on the worker belongs to that farm: another one never gets it while its own Manager is away.

    Raises:
        NoManagerFound: none was found, or it is not clear which is meant.
    """
    farm_id = _remembered(config.home)
    search = _search(config)

    def search_own() -> list[FoundManager]:
        found = search()
        return [manager for manager in found if not farm_id or manager.farm_id == farm_id]

    log.info("looking for a Manager in the local network")
    found = wait_for_managers(limit=limit, search=search_own)
    if not found:
        raise NoManagerFound(_nothing_found(config.home, farm_id))
    local = [manager for manager in found if manager.url == LOCAL_MANAGER]
    found = local or found
    if len(found) > 1:
        raise NoManagerFound(_too_many(found))
    log.info("found %s", found[0])
    if found[0].farm_id and not farm_id:
        _remember(config.home, found[0])
    return found[0].url


def _search(config: WorkerConfig) -> Callable[[], list[FoundManager]]:
    return lambda: find_managers(
        search_time=SEARCH_TIME, interfaces=config.discovery_interfaces, also=[LOCAL_MANAGER]
    )


def _nothing_found(home: Path, farm_id: str) -> str:
    if farm_id:
        return (
            f"The Manager of this worker's farm ({farm_id}) cannot be found in the local network; "
            f"{_HINT}, or delete {home / _FARM_NAME} to take another farm"
        )
    return f"No Manager can be found in the local network; {_HINT}"


def _too_many(found: Iterable[FoundManager]) -> str:
    names = "\n  ".join(map(str, found))
    return f"There are several Managers in the local network; {_HINT}:\n  {names}"


def _remembered(home: Path) -> str:
    """The id of the farm; empty if there is none yet, or if it cannot be told any more."""
    try:
        content = json.loads((home / _FARM_NAME).read_text(encoding="utf-8"))
        return str(content["farm_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _remember(home: Path, manager: FoundManager) -> None:
    path = home / _FARM_NAME
    content = {"farm_id": manager.farm_id, "name": manager.name}
    try:
        make_folders(home)
        replace_private_file(path, json.dumps(content).encode())
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
