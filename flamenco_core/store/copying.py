"""Copies a farm to another file, which is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from flamenco_core.durable import make_private_file, sync_folder
from flamenco_core.errors import StorageError


def copy_farm(db: sqlite3.Connection, file: Path, target: Path) -> None:
    """Copies what `db`, a connection to `file`, sees now; on disk when this returns.

    The copy is one ordinary file with the permissions of the original. It replaces what is there.

    Raises:
        StorageError: if it cannot be written; what is at `target` then stays.
    """
    partial = target.with_name(f".{target.name}.{uuid.uuid4()}.partial")
    try:
        make_private_file(partial)
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            # All pages in one step: between two, a change of the farm would start it all over.
            db.backup(copy)
            # The copy has the farm's journal mode, with which it would be more than one file.
            copy.execute("PRAGMA journal_mode = DELETE")
        with partial.open("r+b") as stream:
            os.fsync(stream.fileno())
        shutil.copymode(file, partial)
        partial.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        # Not its whole text, which names the file in between.
        reason = error.strerror or error
        raise StorageError(f"The backup {target} cannot be written: {reason}") from error
    except sqlite3.Error as error:
        raise StorageError(f"The backup {target} cannot be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
