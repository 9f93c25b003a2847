"""What the content store refuses, each with a type of its own so that a server can answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flamenco_core.errors import Conflict, InvalidInput, NotFound, Problem, Unavailable
from flamenco_core.model import ShamanFileSpec


class AlreadyStored(Conflict):
    """The file is in the store: there is nothing left to send."""

    def __init__(self, sha: str, size: int) -> None:
        super().__init__(f"file {sha} of {size} bytes is stored already")


class UploadInProgress(Unavailable):
    """Somebody else is sending this file right now, and the sender offered to come back later."""

    def __init__(self, sha: str, size: int) -> None:
        super().__init__(f"file {sha} of {size} bytes is being sent by somebody else, ask later")


class ContentMismatch(InvalidInput):
    """What was received is not the file that was announced; nothing of it was kept."""

    def __init__(self, where: str, what: str) -> None:
        """`where`: `checksum` or `filesize`, as the two are called where files are sent to."""
        super().__init__(what, problems=[Problem(where, what, "read the file again and send that")])


class MissingFiles(NotFound):
    """A checkout names files that the store does not have; `files` lists them."""

    def __init__(self, files: Sequence[ShamanFileSpec], problems: Iterable[Problem]) -> None:
        super().__init__(f"{len(files)} files are not in the store", problems=problems)
        self.files = tuple(files)


class CheckoutPathTaken(Conflict):
    """No free folder name was found for a checkout."""
