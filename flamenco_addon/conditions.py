"""How things can stand with a Manager, each with a sentence and what to do. Knows no Blender."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from flamenco_core import model
from flamenco_core.client import ManagerRefused


class State(StrEnum):
    """How things stand with the Manager."""

    UNKNOWN = "unknown"
    """It was not asked yet."""
    ASKING = "asking"
    """It is being asked for the first time."""
    CONNECTED = "connected"
    OTHER_VERSION = "other-version"
    """Connected, but the Manager and this extension are of different releases."""
    BAD_ADDRESS = "bad-address"
    OFFLINE = "offline"
    """Blender is set not to use the network."""
    AWAY = "away"
    """No answer."""
    NO_MANAGER = "no-manager"
    """Something else answers there."""
    TOO_OLD = "too-old"
    """A Manager that lacks what this extension needs."""
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
        """Whether jobs can be sent and watched."""
        return self.state in (State.CONNECTED, State.OTHER_VERSION)


UNKNOWN = Condition(State.UNKNOWN, "The Manager was not asked yet.")

_CHECK_ADDRESS = "Is the address right? It should be that of a Flamenco Manager."


def connected(manager: model.FlamencoVersion, url: str, own_version: str) -> Condition:
    """The Manager has told everything; `own_version` is the extension's."""
    name = f"{manager.name} {manager.shortversion}"
    own, other = _release(own_version), _release(manager.version)
    # Managers of Flamenco 3 have no id, and count their versions differently.
    if not manager.farm_id or own == other or not (own and other):
        return Condition(State.CONNECTED, f"Connected with {name}.")
    if own < other:
        return Condition(
            State.OTHER_VERSION,
            f"Connected with {name}, which is newer than this extension ({own_version}).",
            f"Update the extension, or download it from {url}/flamenco-addon.zip",
        )
    return Condition(
        State.OTHER_VERSION,
        f"Connected with {name}, which is older than this extension ({own_version}).",
        "What that Manager does not know yet does not work. Ask for it to be updated.",
    )


def away(error: Exception) -> Condition:
    """No answer came."""
    sentence = str(error)
    if sentence.endswith("?"):  # it asks already whether the Manager runs
        return Condition(State.AWAY, sentence, "Is the address right?")
    return Condition(State.AWAY, sentence, "Is the Manager running, and is the address right?")


def no_manager(error: Exception) -> Condition:
    """What came is no answer of a Manager."""
    return Condition(State.NO_MANAGER, str(error), _CHECK_ADDRESS)


def refused(error: ManagerRefused, *, is_manager: bool) -> Condition:
    """`is_manager` says whether its version was told before."""
    if error.status == 401:
        return Condition(State.LOG_IN, "The Manager wants to know who you are.", "Log in.")
    if error.status == 403:
        return Condition(State.REFUSED, str(error), "Log in as somebody who may, or ask an admin.")
    if error.status in (404, 405):
        if not is_manager:
            return no_manager(error)
        return Condition(
            State.TOO_OLD,
            "This Manager is too old for this extension.",
            "Ask for it to be updated, or install the extension that came with it.",
        )
    return Condition(State.REFUSED, str(error), "The Manager's log says more.")


def offline(address: str) -> Condition:
    """Blender must not use the network, and the Manager is on another machine."""
    return Condition(
        State.OFFLINE,
        f"Blender is set not to use the network, so {address} is not asked.",
        "Switch on Preferences > System > Network > Allow Online Access.",
    )


def _release(version: str) -> tuple[int, ...]:
    """The first two numbers of `v1.2-14-abc1234`; empty if there are none."""
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else ()
