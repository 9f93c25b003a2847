"""Erases what deleted jobs left on disk. Touches files only, so that any thread may do it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from flamenco_core import task_logs
from flamenco_core.errors import Conflict, InvalidInput, NotFound, StorageError
from flamenco_core.shaman import ShamanStore
from flamenco_core.store.removal import Intent, IntentKind

__all__ = ["Intent", "IntentKind", "carry_out", "is_final"]


def carry_out(intent: Intent, *, log_storage: Path, shaman: ShamanStore | None) -> None:
    """Erases what the intent names; it is fine if that is not there (any more).

    Raises:
        StorageError: if the storage refuses.
        Conflict, InvalidInput: if what is there is not what was to be erased.
    """
    if intent.kind is IntentKind.ERASE_LOGS:
        _erase_logs(task_logs.job_folder(log_storage, intent.subject))
    elif intent.kind is IntentKind.ERASE_CHECKOUT and shaman is not None:
        with contextlib.suppress(NotFound):
            shaman.erase_checkout(intent.subject)


def is_final(error: Exception) -> bool:
    """Whether trying again cannot help."""
    return isinstance(error, Conflict | InvalidInput)


def _erase_logs(folder: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"cannot erase the folder {folder}: {error}") from error
    # Its parent is shared by the jobs whose ids begin alike.
    with contextlib.suppress(OSError):
        folder.parent.rmdir()
