"""How things stand with the Manager, in words, and what is known of its farm.

`current()` answers from memory. `refresh()` asks the Manager on another thread; panels that are
shown cause that once a minute, and sooner while the Manager is away. A Manager that hangs makes
itself known as away, and nothing waits for it.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import bpy

from flamenco_core.client import AccountsClient, ManagerRefused, ManagerUnreachable
from flamenco_core.client.connection import Connection as HttpConnection
from flamenco_core.errors import FlamencoError, InvalidInput
from flamenco_core.version import current_version

from . import background, conditions, preferences
from .conditions import Condition, State
from .farm import Farm, cached_farm, fetch_farm, store_farm
from .trust import known_expressions

__all__ = [
    "Condition",
    "Connection",
    "State",
    "address_changed",
    "cache_folder",
    "current",
    "is_this_machine",
    "on_change",
    "refresh",
    "refresh_anew",
]

log = logging.getLogger(__name__)

TIMEOUT = timedelta(seconds=10)
"""For each request of a refresh."""
REFRESH_INTERVAL = timedelta(minutes=1)
RETRY_INTERVAL = timedelta(seconds=10)
"""While the Manager is away."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A snapshot: it does not change, ask `current()` again."""

    url: str
    """As `AccountsClient` spells it; empty if the address is none."""
    condition: Condition
    farm: Farm | None = None
    """As it was when last heard of, perhaps by an earlier Blender; None if never."""

    @property
    def is_connected(self) -> bool:
        return self.condition.is_good

    def client(self, timeout: timedelta = TIMEOUT) -> AccountsClient:
        """A client of its own, to be used on other threads; use it in a `with` statement.

        Raises:
            InvalidInput: if the address is none, or the stored token cannot be used.
        """
        return AccountsClient(self.url, timeout=timeout)


class _Asking:
    """What was heard of the Manager, and how far the next question is."""

    def __init__(self) -> None:
        self.connection = Connection("", conditions.UNKNOWN)
        self.refreshing: background.Work | None = None
        self.client: AccountsClient | None = None
        """What asks at the moment."""
        self.asked_at = float("-inf")

    def forget(self) -> None:
        """As it was when Blender started."""
        self.connection, self.asked_at = Connection("", conditions.UNKNOWN), float("-inf")


_asking = _Asking()
on_change: list[Callable[[], object]] = []
"""Called on the main thread whenever `current()` has become another one."""


def current() -> Connection:
    """How things stand now."""
    return _asking.connection


def refresh() -> background.Work | None:
    """Asks the Manager for everything, unless that is under way; None if it may not be asked."""
    if _asking.refreshing is not None:
        return _asking.refreshing
    _asking.asked_at = time.monotonic()
    condition = _hindrance(preferences.manager_address())
    if condition is not None:
        _change(replace(current(), condition=condition))
        return None
    if current().condition.state is State.UNKNOWN:
        asking = Condition(State.ASKING, f"Asking the Manager at {current().url} …")
        _change(replace(current(), condition=asking))
    url, folder = current().url, cache_folder()
    _asking.refreshing = background.run(
        lambda: _ask(url, folder), then=_take_over, failed=_could_not, name="asking the Manager"
    )
    return _asking.refreshing


def refresh_anew() -> background.Work | None:
    """Asks again even if that is under way already, since the answers would be others now."""
    _drop_refresh()
    return refresh()


def address_changed() -> None:
    """Begins anew with the address in the preferences."""
    _drop_refresh()
    address = preferences.manager_address()
    try:
        url = HttpConnection(address).url
    except InvalidInput as error:
        _change(Connection("", Condition(State.BAD_ADDRESS, str(error))))
        return
    _change(Connection(url, conditions.UNKNOWN))
    folder = cache_folder()
    background.run(
        lambda: _remembered(folder, url), then=lambda farm: _remember(url, farm), name="farm cache"
    )
    if not bpy.app.background:
        refresh()


def cache_folder() -> Path:
    """The extension's own folder in the user's files."""
    try:
        return Path(bpy.utils.extension_path_user(__package__, path="farms"))
    except ValueError:  # this is a checkout, not an installed extension
        return Path(bpy.utils.user_resource("CONFIG", path="flamenco_python")) / "farms"


def is_this_machine(host: str) -> bool:
    """Whether a name or address leads nowhere else; asks nobody."""
    own_names = ("localhost", socket.gethostname().lower())
    if host.lower() in own_names or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _hindrance(address: str) -> Condition | None:
    """Why the Manager may not be asked at all."""
    if not current().url:
        return current().condition
    if bpy.app.online_access or is_this_machine(urlsplit(current().url).hostname or ""):
        return None
    return conditions.offline(address)


def _ask(url: str, folder: Path) -> tuple[str, Condition, Farm | None]:
    """On another thread: the Manager's address, how things stand, and the farm if it told."""
    is_manager = False
    try:
        client = AccountsClient(url, timeout=TIMEOUT)
    except InvalidInput as error:  # the stored token cannot be used
        return url, Condition(State.LOG_IN, str(error), "Log in again."), None
    try:
        with _abortable(client):
            version = client.get_version()
            is_manager = True
            farm = fetch_farm(client, version)
            known_expressions()  # imported here, before the farm's settings ask for them
    except ManagerUnreachable as error:
        return url, conditions.away(error), None
    except ManagerRefused as error:
        return url, conditions.refused(error, is_manager=is_manager), None
    except FlamencoError as error:  # the answers are no Manager's
        return url, conditions.no_manager(error), None
    try:
        store_farm(folder, url, farm)
    except OSError as error:
        log.info("What is known of the farm could not be stored: %s", error)
    return url, conditions.connected(version, url, current_version().shown), farm


@contextmanager
def _abortable(client: AccountsClient) -> Iterator[None]:
    """Lets a change of the address end the requests."""
    _asking.client = client
    try:
        with client:
            yield
    finally:
        if _asking.client is client:
            _asking.client = None


def _take_over(answer: tuple[str, Condition, Farm | None]) -> None:
    _asking.refreshing = None
    url, condition, farm = answer
    if url == current().url:
        _change(replace(current(), condition=condition, farm=farm or current().farm))


def _could_not(error: Exception) -> None:
    log.error("The Manager could not be asked", exc_info=error)
    sentence = f"The Manager could not be asked: {error}"
    _take_over((current().url, Condition(State.REFUSED, sentence), None))


def _remembered(folder: Path, url: str) -> Farm | None:
    """On another thread."""
    known_expressions()
    return cached_farm(folder, url)


def _remember(url: str, farm: Farm | None) -> None:
    if url == current().url and current().farm is None and farm is not None:
        _change(replace(current(), farm=farm))


def _change(connection: Connection) -> None:
    if connection == current():
        return
    _asking.connection = connection
    for function in tuple(on_change):
        function()
    background.redraw()


def _look_again() -> None:
    """Once a second while a panel is shown."""
    interval = REFRESH_INTERVAL if current().is_connected else RETRY_INTERVAL
    if time.monotonic() - _asking.asked_at >= interval.total_seconds():
        refresh()


def _drop_refresh() -> None:
    """Ends what is under way."""
    if _asking.refreshing is not None:
        _asking.refreshing.cancel()
        _asking.refreshing = None
    if _asking.client is not None:
        _asking.client.abort()
        _asking.client = None


def register() -> None:
    background.each_second(_look_again)
    address_changed()


def unregister() -> None:
    background.no_more(_look_again)
    _drop_refresh()
    on_change.clear()
    _asking.forget()
