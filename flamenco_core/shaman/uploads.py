"""Receiving one file in pieces: into a temporary file, hashed on the way, stored when it is right.

Several senders may send the same file at once. The first that ends well makes the others learn
that the file is stored; one that fails tells nobody anything.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from flamenco_core.durable import make_folders, sync_folder
from flamenco_core.errors import Conflict, StorageError
from flamenco_core.shaman.errors import AlreadyStored, ContentMismatch
from flamenco_core.shaman.layout import BlobIdentity, StoreLayout

logger = logging.getLogger(__name__)

_FOLDER_TRIES = 10
"""The folder of an upload vanishes when another upload of the same file ends just then."""


class Upload:
    """A file that is being received. End it with `finish` or `abort`; as a context manager it
    aborts unless it was finished.

    One thread at a time may use an upload; different uploads are independent.
    """

    def __init__(
        self, identity: BlobIdentity, layout: StoreLayout, ongoing: OngoingUploads
    ) -> None:
        self.identity = identity
        self._layout = layout
        self._ongoing = ongoing
        self._hash = hashlib.sha256()
        self._received = 0
        self._stored_by_another = threading.Event()
        self.path = layout.upload(identity, ongoing.random_text(16))
        """The temporary file."""
        self._file: BinaryIO | None = self._create()

    @property
    def stored_by_another(self) -> bool:
        """Whether another upload of the same file has ended well: sending more is wasted."""
        return self._stored_by_another.is_set()

    def note_stored_by_another(self) -> None:
        """Called, from any thread, when another upload of the same file has ended well."""
        self._stored_by_another.set()

    def write(self, piece: bytes) -> None:
        """Take the next piece.

        Raises `AlreadyStored` as soon as another upload has stored the file, `ContentMismatch`
        when more arrives than was announced, `StorageError` when it cannot be written. Each of
        them ends the upload.
        """
        file = self._open_file()
        if self.stored_by_another:
            self.abort()
            raise AlreadyStored(self.identity.sha, self.identity.size)
        self._received += len(piece)
        if self._received > self.identity.size:
            self.abort()
            raise ContentMismatch(
                "filesize",
                f"the file was announced with {self.identity.size} bytes, but more were sent",
            )
        self._hash.update(piece)
        try:
            file.write(piece)
        except OSError as error:
            self.abort()
            raise self._storage_error(error) from error
        self._ongoing.heard_of(self)

    def finish(self) -> None:
        """Check what was received and store it, durably.

        Raises `AlreadyStored` if another upload was quicker, `ContentMismatch` if this is not the
        announced file, `StorageError` when it cannot be stored. The upload is over in any case.
        """
        file = self._open_file()
        try:
            self._check_content()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._move_into_store()
        except OSError as error:
            raise self._storage_error(error) from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up and leave nothing behind. Does nothing for an upload that has ended."""
        if self._file is None:
            return
        with suppress(OSError):  # closing flushes, which fails again on a full disk
            self._file.close()
        self._file = None
        self._ongoing.remove(self)
        self._remove_temporary_file()

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abort()

    def _create(self) -> BinaryIO:
        """Open the temporary file, readable for every worker whatever user it runs as."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        for tries_left in reversed(range(_FOLDER_TRIES)):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                return os.fdopen(os.open(self.path, flags, 0o666), "wb")
            except FileNotFoundError as error:
                if not tries_left:
                    raise self._storage_error(error) from error
            except OSError as error:
                raise self._storage_error(error) from error
        raise AssertionError("the last try returns or raises")

    def _open_file(self) -> BinaryIO:
        if self._file is None:
            raise Conflict(f"the upload of {self.identity.sha} has ended already")
        return self._file

    def _check_content(self) -> None:
        if self._received != self.identity.size:
            raise ContentMismatch(
                "filesize",
                f"the file was announced with {self.identity.size} bytes, "
                f"but {self._received} were received",
            )
        received = self._hash.hexdigest()
        if received != self.identity.sha:
            raise ContentMismatch(
                "checksum",
                f"the file was announced with the SHA-256 sum {self.identity.sha}, "
                f"but what was received has {received}",
            )

    def _move_into_store(self) -> None:
        blob = self._layout.blob(self.identity)
        make_folders(blob.parent)
        if self.stored_by_another:
            raise AlreadyStored(self.identity.sha, self.identity.size)
        with self._ongoing.settling(self.identity):
            self._replace(blob)
            sync_folder(blob.parent)
        self._ongoing.announce_success(self)

    def _replace(self, blob: Path) -> None:
        try:
            self.path.replace(blob)  # by an equal file if two uploads get here together
        except PermissionError:
            # Windows: a program is reading the file that another upload just stored.
            if self._layout.mark_as_used(self.identity):
                raise AlreadyStored(self.identity.sha, self.identity.size) from None
            raise

    def _remove_temporary_file(self) -> None:
        """Remove what is left of the upload, and its folders if nobody else uses them."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("cannot remove the temporary upload %s: %s", self.path, error)
        with suppress(OSError):  # not empty: other uploads are going on
            self.path.parent.rmdir()
            self.path.parent.parent.rmdir()

    def _storage_error(self, error: OSError) -> StorageError:
        return StorageError(
            f"cannot store file {self.identity.sha} of {self.identity.size} bytes "
            f"below {self._layout.root}: {error.strerror or error}"
        )


class OngoingUploads:
    """The uploads of this process, and the traces that others left on disk.

    An upload counts as going on only while something was heard of it recently: after a crash, or
    with a sender that hangs, others must not be told for ever to wait for it.
    """

    def __init__(
        self,
        layout: StoreLayout,
        *,
        clock: Callable[[], datetime],
        quiet_limit: timedelta,
        random_text: Callable[[int], str],
    ) -> None:
        self._lock = threading.Lock()
        self.random_text = random_text
        self._layout = layout
        self._clock = clock
        self._quiet_limit = quiet_limit
        self._last_heard: dict[BlobIdentity, dict[Upload, datetime]] = {}
        self._settling: Counter[BlobIdentity] = Counter()

    def begin(self, identity: BlobIdentity) -> Upload:
        upload = Upload(identity, self._layout, self)
        with self._lock:
            self._last_heard.setdefault(identity, {})[upload] = self._clock()
        return upload

    def heard_of(self, upload: Upload) -> None:
        with self._lock:
            self._last_heard[upload.identity][upload] = self._clock()

    def remove(self, upload: Upload) -> None:
        with self._lock:
            others = self._last_heard.get(upload.identity, {})
            others.pop(upload, None)
            if not others:
                self._last_heard.pop(upload.identity, None)

    @contextmanager
    def settling(self, identity: BlobIdentity) -> Iterator[None]:
        """While a file has its name in the store but a power cut could take it away again."""
        with self._lock:
            self._settling[identity] += 1
        try:
            yield
        finally:
            with self._lock:
                self._settling[identity] -= 1
                if not self._settling[identity]:
                    del self._settling[identity]

    def is_settling(self, identity: BlobIdentity) -> bool:
        with self._lock:
            return identity in self._settling

    def announce_success(self, upload: Upload) -> None:
        """Tell the other uploads of the same file."""
        with self._lock:
            others = [*self._last_heard.get(upload.identity, {})]
        for other in others:
            if other is not upload:
                other.note_stored_by_another()

    def is_going_on(self, identity: BlobIdentity) -> bool:
        oldest = self._clock() - self._quiet_limit
        with self._lock:
            ours = dict(self._last_heard.get(identity, {}))
        if any(heard >= oldest for heard in ours.values()):
            return True
        own_paths = {upload.path for upload in ours}
        return any(
            path not in own_paths and _changed_at_or_after(path, oldest)
            for path in self._layout.uploads(identity)
        )

    def remove_abandoned(self) -> int:
        """Delete temporary files that nobody writes to any more; returns how many."""
        oldest = self._clock() - self._quiet_limit
        with self._lock:
            own_paths = {upload.path for uploads in self._last_heard.values() for upload in uploads}
        removed = 0
        for path in self._layout.uploading.glob("*/*/*.tmp"):
            if path in own_paths or _changed_at_or_after(path, oldest):
                continue
            with suppress(OSError):
                path.unlink()
                removed += 1
                path.parent.rmdir()
                path.parent.parent.rmdir()
        return removed


def _changed_at_or_after(path: Path, oldest: datetime) -> bool:
    try:
        changed = path.stat().st_mtime
    except OSError:  # it ended while we looked
        return False
    return changed >= oldest.timestamp()
