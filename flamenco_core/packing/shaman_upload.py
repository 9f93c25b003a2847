"""Sending a pack to the Manager's content store: only what it lacks, several files at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import IO, TypeVar, cast

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import InvalidInput
from flamenco_core.model import (
    ShamanCheckout,
    ShamanFileSpec,
    ShamanFileStatus,
    ShamanRequirementsRequest,
)
from flamenco_core.packing.contents import digest_of, opened, source_size
from flamenco_core.packing.digests import FileDigest, FileDigests
from flamenco_core.packing.errors import PackingCancelled, PackingError
from flamenco_core.packing.plan import PackedFile, PackPlan
from flamenco_core.packing.progress import (
    PackProgress,
    ProgressCallback,
    ProgressCounter,
    Stage,
    no_progress,
)
from flamenco_core.shaman.checkout_paths import file_list_problems

Item = TypeVar("Item")
Result = TypeVar("Result")

HASHING_THREADS = 2
SENDING_THREADS = 4
"""More connections gain nothing once the network is full, and each costs the Manager a thread."""

TRIES = 6
"""How often one file is sent when the connection breaks; each pause is twice the one before."""
WORTH_ASKING = 1 << 20
"""Bytes from which on the Manager is asked for a file's status before the file is sent."""
CHECKOUT_TRIES = 3
"""A file can vanish from the store between the question and the checkout, if it is old."""
PAUSE_BETWEEN_ROUNDS = timedelta(seconds=1)
TRYING_AGAIN = "The Manager cannot be reached; trying again"
OTHERS_SEND = "Somebody else is sending the same files"
PATIENCE = timedelta(seconds=30)
"""After so long with nothing left but files that others are sending, they are sent anyway."""


@dataclass(frozen=True, slots=True)
class UploadedPack:
    checkout_path: str
    """As the Manager named it, which may differ from what was asked for."""
    files_total: int
    files_sent: int
    bytes_sent: int


def erase_checkout(client: ManagerClient, checkout_path: str) -> None:
    """Has a checkout removed that no job uses, if the Manager can do that (Flamenco 3 cannot)."""
    with suppress(ManagerRefused, ManagerUnreachable):
        client.shaman_erase_checkout(checkout_path)


class _Outcome(Enum):
    DONE = auto()
    DEFERRED = auto()
    """Somebody else is sending this file."""


class ShamanUpload:
    """One pack on its way to one Manager."""

    def __init__(
        self,
        client: ManagerClient,
        digests: FileDigests,
        *,
        progress: ProgressCallback = no_progress,
        cancel: threading.Event | None = None,
        pause: timedelta = PAUSE_BETWEEN_ROUNDS,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._client = client
        self._digests = digests
        self._progress = progress
        self._cancel = cancel or threading.Event()
        self._pause = pause
        self._patience = patience
        self._failed = threading.Event()
        """Set when one file fails, so that those under way do not take their time."""
        self._lock = threading.Lock()
        self._files_sent = self._bytes_sent = 0

    def run(self, plan: PackPlan, checkout_path: str) -> UploadedPack:
        """Send what the store lacks and check the pack out.

        Raises `PackingError` if a file cannot be read or sent, `PackingCancelled`,
        `ManagerRefused`, `ManagerUnreachable`. Nothing is checked out then; files that were sent
        stay in the store, so that a second try does not send them again.
        """
        files = self._hash_all(plan.files)
        specs = [
            ShamanFileSpec(sha=digest.sha, size=digest.size, path=file.path_in_pack)
            for file, digest in files
        ]
        problems = file_list_problems(specs)
        if problems:
            raise InvalidInput("these files cannot be sent to the farm", problems=problems)
        by_digest = {digest: file for file, digest in files}
        checkout = ShamanCheckout(files=specs, checkoutPath=checkout_path)
        for tries_left in reversed(range(CHECKOUT_TRIES)):
            self._send_all(by_digest, specs)
            self._check_cancelled()
            self._progress(PackProgress(Stage.CHECKING_OUT, checkout_path, 0, len(files), 0, 0))
            try:
                path = self._client.shaman_checkout(checkout)
            except ManagerRefused as error:
                if error.status != HTTPStatus.FAILED_DEPENDENCY or not tries_left:
                    raise
            else:
                if self._cancel.is_set():
                    erase_checkout(self._client, path)
                    raise PackingCancelled
                return UploadedPack(path, len(files), self._files_sent, self._bytes_sent)
        raise AssertionError("the last try returns or raises")

    def _hash_all(self, files: Sequence[PackedFile]) -> list[tuple[PackedFile, FileDigest]]:
        counter = ProgressCounter(
            Stage.HASHING,
            self._progress,
            files_total=len(files),
            bytes_total=sum(source_size(file) for file in files),
        )

        def hash_one(file: PackedFile) -> tuple[PackedFile, FileDigest]:
            self._check_cancelled()
            digest = digest_of(
                file,
                self._digests,
                on_bytes=lambda count: counter.add_bytes(file.path_in_pack, count),
                cancel=self._cancel,
            )
            counter.file_done(file.path_in_pack)
            return file, digest

        return _in_threads(HASHING_THREADS, hash_one, files, self._failed)

    def _send_all(
        self, by_digest: dict[FileDigest, PackedFile], specs: Sequence[ShamanFileSpec]
    ) -> None:
        answer = self._client.shaman_checkout_requirements(
            ShamanRequirementsRequest(files=list(specs))
        )
        # What somebody else is sending comes last: by then it is probably there.
        answer.sort(key=lambda file: file.status is ShamanFileStatus.UPLOADING)
        wanted: list[FileDigest] = []
        for needed in answer:
            digest = FileDigest(needed.sha, needed.size)
            if digest not in by_digest:
                raise PackingError(
                    f"the Manager asks for a file that is not part of the pack: {needed.path}"
                )
            wanted.append(digest)
        counter = ProgressCounter(
            Stage.SENDING,
            self._progress,
            files_total=len(wanted),
            bytes_total=sum(digest.size for digest in wanted),
        )
        self._send_rounds(deque(wanted), by_digest, counter)

    def _send_rounds(
        self,
        waiting: deque[FileDigest],
        by_digest: dict[FileDigest, PackedFile],
        counter: ProgressCounter,
    ) -> None:
        """Send in rounds: each sends again what the one before could not."""
        failures: dict[FileDigest, int] = {}
        last_success = time.monotonic()
        while waiting:
            can_defer = time.monotonic() - last_success < self._patience.total_seconds()
            batch = list(waiting)
            waiting.clear()

            def send(
                digest: FileDigest, can_defer: bool = can_defer
            ) -> tuple[FileDigest, _Outcome | Exception]:
                return digest, self._send_one(by_digest[digest], digest, can_defer, counter)

            for digest, outcome in _in_threads(SENDING_THREADS, send, batch, self._failed):
                if outcome is _Outcome.DONE:
                    last_success = time.monotonic()
                    continue
                waiting.append(digest)
                if isinstance(outcome, Exception):
                    failures[digest] = failures.get(digest, 0) + 1
                    if failures[digest] >= TRIES:
                        raise outcome
            if waiting:
                has_failed = any(digest in failures for digest in waiting)
                counter.wait_because(TRYING_AGAIN if has_failed else OTHERS_SEND)
                worst = max((failures.get(digest, 0) for digest in waiting), default=0)
                self._cancel.wait(self._pause.total_seconds() * 2 ** max(0, worst - 1))
                self._check_cancelled()

    def _send_one(
        self, file: PackedFile, digest: FileDigest, can_defer: bool, counter: ProgressCounter
    ) -> _Outcome | Exception:
        """Send one file; an exception that is *returned* is one after which to try again."""
        self._check_cancelled()
        known = self._outcome_so_far(digest, can_defer) if digest.size >= WORTH_ASKING else None
        if known is _Outcome.DONE:
            counter.add_bytes(file.path_in_pack, digest.size)
            counter.file_done(file.path_in_pack)
        if known is not None:
            return known
        with opened(file) as content:
            counted = _CountedContent(
                content, lambda count: counter.add_bytes(file.path_in_pack, count), self._is_over
            )
            outcome = self._send_content(file, digest, can_defer, counted)
            if outcome is not _Outcome.DONE:
                counted.take_back()
                return outcome
            counted.complete(digest.size)
        with self._lock:
            self._files_sent += 1
            self._bytes_sent += digest.size
        counter.file_done(file.path_in_pack)
        return outcome

    def _send_content(
        self, file: PackedFile, digest: FileDigest, can_defer: bool, content: _CountedContent
    ) -> _Outcome | Exception:
        try:
            self._client.shaman_file_store(
                digest.sha,
                digest.size,
                cast("IO[bytes]", content),  # its read() is all that is called
                can_defer=can_defer,
                original_filename=PurePosixPath(file.path_in_pack).name,
            )
        except ManagerRefused as error:
            if error.status == HTTPStatus.TOO_EARLY:
                return _Outcome.DEFERRED
            if error.status == HTTPStatus.EXPECTATION_FAILED:
                raise PackingError(
                    f"{file.source} changed while it was sent; try again when it is saved"
                ) from error
            if error.status in _PASSING_TROUBLE:
                return error
            raise
        except ManagerUnreachable as error:
            self._check_cancelled()
            content.raise_read_error(file)
            # A Manager that does not want the rest of a file hangs up, and its answer may be
            # lost with the connection.
            return self._outcome_so_far(digest, can_defer) or error
        return _Outcome.DONE

    def _outcome_so_far(self, digest: FileDigest, can_defer: bool) -> _Outcome | None:
        """What sending this file would lead to; None if it has to be sent, or nobody knows."""
        try:
            status = self._client.shaman_file_store_check(digest.sha, digest.size)
        except ManagerUnreachable:
            return None
        if status is ShamanFileStatus.STORED:
            return _Outcome.DONE
        return _Outcome.DEFERRED if can_defer and status is ShamanFileStatus.UPLOADING else None

    def _is_over(self) -> bool:
        return self._cancel.is_set() or self._failed.is_set()

    def _check_cancelled(self) -> None:
        if self._cancel.is_set():
            raise PackingCancelled


_PASSING_TROUBLE = frozenset(
    [
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    ]
)


class _CountedContent:
    """A file that is read by an HTTP client: counts, and stops when cancelled."""

    def __init__(
        self, content: IO[bytes], on_bytes: Callable[[int], None], is_over: Callable[[], bool]
    ) -> None:
        self._content = content
        self._on_bytes = on_bytes
        self._is_over = is_over
        self._count = 0
        self._read_error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        if self._is_over():
            # An OSError makes the client give up the connection, whose request is incomplete.
            raise OSError("cancelled")
        try:
            piece = self._content.read(size)
        except OSError as error:
            self._read_error = error
            raise
        self._count += len(piece)
        if piece:
            self._on_bytes(len(piece))
        return piece

    def take_back(self) -> None:
        """What was read does not count, since it has to be sent again."""
        if self._count:
            self._on_bytes(-self._count)
            self._count = 0

    def complete(self, size: int) -> None:
        """The Manager has the whole file, even if it did not want to read all of it."""
        self._on_bytes(size - self._count)
        self._count = size

    def raise_read_error(self, file: PackedFile) -> None:
        if self._read_error is not None:
            raise PackingError(
                f"cannot read {file.source}: {self._read_error.strerror or self._read_error}"
            ) from self._read_error


def _in_threads(
    count: int, work: Callable[[Item], Result], items: Iterable[Item], on_failure: threading.Event
) -> list[Result]:
    """`work` on each item, in order of the items.

    The first error ends what has not begun and sets `on_failure` for what has.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix="pack")
    try:
        return list(pool.map(work, items))
    except BaseException:
        on_failure.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
