"""The content store as the farm sees it: what is needed, what is there, receive, check out.

All methods may be called from several threads at once.
"""

from __future__ import annotations

import secrets
import shutil
import string
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flamenco_core.errors import InvalidInput, Problem, StorageError
from flamenco_core.model import (
    ShamanCheckout,
    ShamanCheckoutResult,
    ShamanFileSpecWithStatus,
    ShamanFileStatus,
    ShamanRequirementsRequest,
    ShamanRequirementsResponse,
)
from flamenco_core.shaman import garbage
from flamenco_core.shaman.checkout import Checkouts
from flamenco_core.shaman.claims import WaitingCheckout
from flamenco_core.shaman.errors import AlreadyStored, UploadInProgress
from flamenco_core.shaman.garbage import GarbageReport
from flamenco_core.shaman.layout import BlobIdentity, StoreLayout
from flamenco_core.shaman.uploads import OngoingUploads, Upload

QUIET_LIMIT = timedelta(minutes=5)
"""An upload of which nothing was heard for so long does not keep others waiting."""

SPACE_TO_SPARE = 50_000_000
"""Bytes that an upload leaves free, so that rendered frames still find room for a while."""

_RANDOM_ALPHABET = string.ascii_lowercase + string.digits


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_RANDOM_ALPHABET) for _ in range(length))


class ShamanStore:
    """Files by content in `file_store`, and folders of links to them in `checkouts`.

    Both are on the farm's shared storage, on one volume if links other than symbolic ones are to
    work. One Manager at a time may use them. `clock` answers with an aware datetime,
    `random_text(n)` with n characters of a–z and 0–9.
    """

    def __init__(
        self,
        file_store: Path,
        checkouts: Path,
        *,
        clock: Callable[[], datetime] = _utc_now,
        random_text: Callable[[int], str] = _random_text,
        quiet_limit: timedelta = QUIET_LIMIT,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self._clock = clock
        self._free_bytes = free_bytes
        self._layout = StoreLayout(file_store)
        self._uploads = OngoingUploads(
            self._layout, clock=clock, quiet_limit=quiet_limit, random_text=random_text
        )
        self._checkouts = Checkouts(checkouts, self._layout, random_text=random_text, clock=clock)

    def requirements(self, request: ShamanRequirementsRequest) -> ShamanRequirementsResponse:
        """Which of the files still have to be sent, in the order of the request, each once.

        Stored ones are marked as used just now, so that they outlive the coming checkout. Raises
        `InvalidInput` with every sum or size that no file can have.
        """
        needed: dict[BlobIdentity, str] = {}
        problems: list[Problem] = []
        for index, file in enumerate(request.files):
            try:
                needed.setdefault(BlobIdentity(file.sha, file.size), file.path)
            except InvalidInput as error:
                problems += [
                    Problem(f"files[{index}].{problem.where}", problem.what)
                    for problem in error.problems
                ]
        if problems:
            raise InvalidInput("the list of files cannot be used", problems=problems)
        answers = [
            ShamanFileSpecWithStatus(
                sha=identity.sha, size=identity.size, path=path, status=self._status(identity)
            )
            for identity, path in needed.items()
        ]
        return ShamanRequirementsResponse(
            files=[answer for answer in answers if answer.status is not ShamanFileStatus.STORED]
        )

    def status(self, sha: str, size: int) -> ShamanFileStatus:
        """Whether the file is stored (then it is marked as used just now), on its way, or unknown.

        Raises `InvalidInput` if `sha` and `size` identify no file.
        """
        return self._status(BlobIdentity(sha, size))

    def receive(self, sha: str, size: int, can_defer: bool) -> Upload:
        """Begin to receive a file.

        `can_defer`: the sender would rather send something else while somebody else sends this.
        Raises `AlreadyStored`, `UploadInProgress` (only if `can_defer`), `InvalidInput` if `sha`
        and `size` identify no file, `StorageError` when nothing can be written.
        """
        identity = BlobIdentity(sha, size)
        status = self._status(identity)
        if status is ShamanFileStatus.STORED:
            raise AlreadyStored(sha, size)
        if can_defer and status is ShamanFileStatus.UPLOADING:
            raise UploadInProgress(sha, size)
        self._need_space(size)
        return self._uploads.begin(identity)

    def checkout(self, checkout: ShamanCheckout) -> ShamanCheckoutResult:
        """Make a folder with a link to each file; it gets another name if the wanted one is taken.

        Raises `InvalidInput` with everything that is wrong with the request, `MissingFiles` if
        only files are missing, `CheckoutPathTaken` if no free name was found, `StorageError` when
        the storage refuses. Nothing is left behind then.
        """
        return self._checkouts.create(checkout)

    def erase_checkout(self, checkout_path: str) -> None:
        """Remove a checkout with all that lies in it, and folders above it that become empty.

        Raises `InvalidInput` for a path that names no checkout, `NotFound` if there is none,
        `Conflict` if the folder is not exactly one checkout, `StorageError` when the storage
        refuses; after the last one the call can be repeated.
        """
        self._checkouts.erase(checkout_path)

    def claim_checkout(self, checkout_path: str) -> None:
        """Notes that a job was submitted with a checkout, so that it stays as long as the job.

        Does nothing where there is none. Raises `OSError` when the storage refuses.
        """
        self._checkouts.claim(checkout_path)

    def waiting_checkouts(self, *, min_age: timedelta) -> list[WaitingCheckout]:
        """Checkouts that were made so long ago, and no job was claimed for.

        Those that are just being made are left out. Raises `OSError` if the storage refuses.
        """
        return self._checkouts.waiting(since=self._clock() - min_age)

    def remove_abandoned_uploads(self) -> int:
        """Delete what uploads left behind that were cut off by a crash; returns how many files."""
        return self._uploads.remove_abandoned()

    def collect_garbage(
        self, *, max_age: timedelta, also_used_by: Sequence[Path] = (), dry_run: bool = False
    ) -> GarbageReport:
        """Remove files that no checkout uses and that nobody asked for within `max_age`.

        `also_used_by` are more folders whose links keep files. With `dry_run` nothing is removed.
        Raises `StorageError` if not everything could be looked at; nothing is removed then.
        """
        return garbage.collect(
            self._layout,
            [self._checkouts.root, *also_used_by],
            unused_since=self._clock() - max_age,
            dry_run=dry_run,
        )

    def _need_space(self, size: int) -> None:
        """Refuses before gigabytes were sent for nothing; the disk may still fill up meanwhile."""
        existing = next(
            folder for folder in (self._layout.root, *self._layout.root.parents) if folder.exists()
        )
        try:
            free = self._free_bytes(existing)
        except OSError:
            return  # not every network drive tells; writing will
        if free < size + SPACE_TO_SPARE:
            raise StorageError(
                f"The disk of {self._layout.root} has {free / 1e6:,.0f} MB free, which is too "
                f"little for a file of {size / 1e6:,.0f} MB; make room on the shared storage"
            )

    def _status(self, identity: BlobIdentity) -> ShamanFileStatus:
        if self._layout.mark_as_used(identity):
            # Asked in this order: what settled in between is safe by now.
            is_settling = self._uploads.is_settling(identity)
            return ShamanFileStatus.UPLOADING if is_settling else ShamanFileStatus.STORED
        if self._uploads.is_going_on(identity):
            return ShamanFileStatus.UPLOADING
        return ShamanFileStatus.UNKNOWN
