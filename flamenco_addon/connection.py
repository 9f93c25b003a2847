"""How things stand with the Manager, in words, and what is known of its farm.

`current()` answers from memory. `refresh()` asks the Manager on another thread; panels that are
shown cause that once a minute, and sooner while the Manager is away. A Manager that hangs makes
itself known as away, and nothing waits for it.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import bpy

from flamenco_core.client import AccountsClient, ManagerRefused, ManagerUnreachable
from flamenco_core.client.connection import Connection as HttpConnection
from flamenco_core.errors import FlamencoError, InvalidInput

from . import background, preferences
from .farm import Farm, cached_farm, fetch_farm, store_farm

log = logging.getLogger(__name__)

TIMEOUT = timedelta(seconds=10)
"""For each request of a refresh."""
REFRESH_INTERVAL = timedelta(minutes=1)
RETRY_INTERVAL = timedelta(seconds=10)
"""While the Manager is away."""


class State(StrEnum):
    """How things stand with the Manager."""

    UNKNOWN = "unknown"
    """It was not asked yet."""
    ASKING = "asking"
    """It is being asked for the first time."""
    CONNECTED = "connected"
    BAD_ADDRESS = "bad-address"
    OFFLINE = "offline"
    """Blender is set not to use the network."""
    AWAY = "away"
    """No answer."""
    NO_MANAGER = "no-manager"
    """Something else answers there."""
    OLD = "old"
    """A Manager of a version that this extension cannot talk to."""
    LOG_IN = "log-in"
    """It wants to know who is asking."""
    REFUSED = "refused"
    """It knows, and says no."""


@dataclass(frozen=True, slots=True)
class Condition:
    state: State
    sentence: str
    advice: str = ""
    """What to do; empty if there is nothing to be done."""

    @property
    def is_good(self) -> bool:
        return self.state is State.CONNECTED


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


_UNKNOWN = Condition(State.UNKNOWN, "The Manager was not asked yet.")
_current = Connection("", _UNKNOWN)
_refreshing: background.Work | None = None
_asking_client: AccountsClient | None = None
_asked_at = float("-inf")
on_change: list[Callable[[], object]] = []
"""Called on the main thread whenever `current()` has become another one."""


def current() -> Connection:
    """How things stand now."""
    return _current


def refresh() -> background.Work | None:
    """Asks the Manager for everything, unless that is under way; None if it may not be asked."""
    global _refreshing, _asked_at, _asking_client  # noqa: PLW0603
    if _refreshing is not None:
        return _refreshing
    _asked_at = time.monotonic()
    condition = _hindrance(preferences.manager_address())
    if condition is not None:
        _change(replace(_current, condition=condition))
        return None
    if _current.condition.state is State.UNKNOWN:
        asking = Condition(State.ASKING, f"Asking the Manager at {_current.url} …")
        _change(replace(_current, condition=asking))
    try:
        client = _asking_client = _current.client()
    except InvalidInput as error:
        _change(replace(_current, condition=Condition(State.LOG_IN, str(error))))
        return None
    url, folder = _current.url, cache_folder()
    _refreshing = background.run(
        lambda: _ask(client, url, folder), then=_take_over, name="asking the Manager"
    )
    return _refreshing


def address_changed() -> None:
    """Begins anew with the address in the preferences."""
    global _refreshing  # noqa: PLW0603
    if _refreshing is not None:
        _refreshing.cancel()
        _refreshing = None
    _abort()
    address = preferences.manager_address()
    try:
        url = HttpConnection(address).url
    except InvalidInput as error:
        _change(Connection("", Condition(State.BAD_ADDRESS, str(error))))
        return
    _change(Connection(url, _UNKNOWN))
    folder = cache_folder()
    background.run(
        lambda: cached_farm(folder, url), then=lambda farm: _remember(url, farm), name="farm cache"
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
    """Whether a name or address leads nowhere else."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _hindrance(address: str) -> Condition | None:
    """Why the Manager may not be asked at all."""
    if not _current.url:
        return _current.condition
    if bpy.app.online_access or is_this_machine(urlsplit(_current.url).hostname or ""):
        return None
    return Condition(
        State.OFFLINE,
        f"Blender is set not to use the network, so {address} is not asked.",
        "Switch on Preferences > System > Network > Allow Online Access.",
    )


def _ask(client: AccountsClient, url: str, folder: Path) -> tuple[str, Condition, Farm | None]:
    """On another thread: the Manager's address, how things stand, and the farm if it told."""
    try:
        with client:
            version = client.get_version()
            farm = fetch_farm(client, version)
    except ManagerUnreachable as error:
        advice = "Is the Manager running, and is the address right?"
        return url, Condition(State.AWAY, str(error), advice), None
    except ManagerRefused as error:
        return url, _refusal(error), None
    except FlamencoError as error:
        advice = "Is the address right? It should be that of a Flamenco Manager."
        return url, Condition(State.NO_MANAGER, str(error), advice), None
    try:
        store_farm(folder, url, farm)
    except OSError as error:
        log.info("What is known of the farm could not be stored: %s", error)
    sentence = f"Connected with {version.name} {version.shortversion}."
    return url, Condition(State.CONNECTED, sentence), farm


def _refusal(error: ManagerRefused) -> Condition:
    if error.status == 401:
        return Condition(State.LOG_IN, "The Manager wants to know who you are.", "Log in.")
    if error.status == 403:
        return Condition(State.REFUSED, str(error), "Log in as somebody who may, or ask an admin.")
    if error.status == 404:
        advice = "Is the address right? It should be that of a Flamenco Manager."
        return Condition(State.NO_MANAGER, str(error), advice)
    return Condition(State.REFUSED, str(error), "The Manager's log says more.")


def _take_over(answer: tuple[str, Condition, Farm | None]) -> None:
    global _refreshing  # noqa: PLW0603
    _refreshing = None
    url, condition, farm = answer
    if url == _current.url:
        _change(replace(_current, condition=condition, farm=farm or _current.farm))


def _remember(url: str, farm: Farm | None) -> None:
    if url == _current.url and _current.farm is None and farm is not None:
        _change(replace(_current, farm=farm))


def _change(connection: Connection) -> None:
    global _current  # noqa: PLW0603
    if connection == _current:
        return
    _current = connection
    for function in tuple(on_change):
        function()
    background.redraw()


def _look_again() -> None:
    """Once a second while a panel is shown."""
    interval = REFRESH_INTERVAL if _current.is_connected else RETRY_INTERVAL
    if time.monotonic() - _asked_at >= interval.total_seconds():
        refresh()


def _abort() -> None:
    global _asking_client  # noqa: PLW0603
    if _asking_client is not None:
        _asking_client.abort()
        _asking_client = None


def register() -> None:
    background.each_second(_look_again)
    address_changed()


def unregister() -> None:
    global _current, _refreshing, _asked_at
    background.no_more(_look_again)
    _abort()
    on_change.clear()
    _current, _refreshing, _asked_at = Connection("", _UNKNOWN), None, float("-inf")
