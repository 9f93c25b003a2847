"""Removes checkouts that no job came for, and notes of the others that theirs has come.

An artist's computer asks for a checkout, and then submits the job. If it is switched off in
between, or the Manager dies before it has answered, nobody knows of the checkout any more.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import timedelta

from flamenco_core.config import Config
from flamenco_core.errors import Conflict, NotFound, StorageError
from flamenco_core.shaman import ShamanStore
from flamenco_core.store import removal
from flamenco_core.store.database import connect_read_only
from manager_service.checkouts_in_hand import CheckoutsInHand

logger = logging.getLogger(__name__)

YOUNGEST = timedelta(hours=1)
"""A submission may be under way for so long, whatever the configuration says."""


class UsedCheckouts:
    """Checkouts whose job has just been stored.

    What a crash loses of them is found in the database the next time that unused ones are looked
    for; noting them at once keeps also those whose job is deleted soon, without its files.
    """

    def __init__(self, shaman: ShamanStore) -> None:
        self._shaman = shaman
        self._paths: deque[str] = deque()

    def add(self, path: str) -> None:
        self._paths.append(path)

    def claim(self) -> None:
        """On any thread. Raises `OSError` if the storage refuses; what is left stays noted."""
        while self._paths:
            self._shaman.claim_checkout(self._paths[0])
            self._paths.popleft()


def look(
    shaman: ShamanStore, config: Config, in_hand: CheckoutsInHand, *, stops: Callable[[], bool]
) -> str:
    """What there is to tell of it. Reads all markers: not for the event loop.

    Raises:
        StorageError: if a checkout cannot be looked at.
    """
    age = config.shaman_checkout_max_age
    if not age:
        return ""
    try:
        waiting = shaman.waiting_checkouts(min_age=max(age, YOUNGEST))
    except OSError as error:
        raise StorageError(f"The checkouts cannot be looked at: {error}") from error
    if not waiting:
        return "none was unused"
    paths = [each.path for each in waiting]
    removed = 0
    with closing(connect_read_only(config.database_file)) as db:
        in_settings = removal.checkouts_in_settings(db, paths)
        for path in paths:
            if stops():
                break
            if path in in_settings:
                shaman.claim_checkout(path)
            else:
                removed += _settle(shaman, db, in_hand, path)
    return f"{removed} were removed"


def _settle(
    shaman: ShamanStore, db: sqlite3.Connection, in_hand: CheckoutsInHand, path: str
) -> bool:
    """Whether the checkout was removed; its job may come at this very moment."""
    with ExitStack() as erasing:
        try:
            erasing.enter_context(in_hand.erasing(path))
        except Conflict:
            return False  # what becomes of it is seen the next time
        if removal.is_checkout_used(db, path):
            shaman.claim_checkout(path)
            return False
        with suppress(NotFound):  # whoever asked for it has just had it removed
            shaman.erase_checkout(path)
            logger.info("The checkout %s was removed: no job was submitted with it", path)
        return True
