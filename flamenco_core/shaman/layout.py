"""Where the content store keeps what: the folders and names of Flamenco 3.

A store that Flamenco 3 filled can be used as it is, and the other way round.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from flamenco_core.errors import InvalidInput, Problem, StorageError

_SHA256_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BlobIdentity:
    """A file's content: two files with the same sum and size are the same file.

    Raises `InvalidInput` for a sum or size that no file can have: both become parts of paths.
    """

    sha: str
    """SHA-256, 64 lower-case hexadecimal digits."""
    size: int
    """Bytes."""

    def __post_init__(self) -> None:
        problems = []
        if not _SHA256_HEX.fullmatch(self.sha):
            problems.append(
                Problem("sha", f"{self.sha!r} is not a SHA-256 sum in lower-case hexadecimal")
            )
        if self.size < 0:
            problems.append(Problem("size", f"a file cannot have {self.size} bytes"))
        if problems:
            raise InvalidInput("this identifies no file", problems=problems)


@dataclass(frozen=True, slots=True)
class StoreLayout:
    root: Path

    @property
    def stored(self) -> Path:
        return self.root / "stored"

    @property
    def uploading(self) -> Path:
        return self.root / "uploading"

    def blob(self, identity: BlobIdentity) -> Path:
        return self.stored / identity.sha[:2] / identity.sha[2:] / f"{identity.size}.blob"

    def uploads_folder(self, identity: BlobIdentity) -> Path:
        return self.uploading / identity.sha[:2] / identity.sha[2:]

    def upload(self, identity: BlobIdentity, random_part: str) -> Path:
        return self.uploads_folder(identity) / f"{identity.size}-{random_part}.tmp"

    def uploads(self, identity: BlobIdentity) -> list[Path]:
        """The temporary files that exist for this content, whoever writes or wrote them."""
        return sorted(self.uploads_folder(identity).glob(f"{identity.size}-*.tmp"))

    def mark_as_used(self, identity: BlobIdentity) -> bool:
        """Whether the file is stored, whole; if so its time is set to now.

        Raises `StorageError` if the storage does not answer.
        """
        blob = self.blob(identity)
        try:
            if blob.stat().st_size != identity.size:
                return False  # torn by a power cut or a full disk: it has to be sent again
            os.utime(blob)
        except FileNotFoundError:
            return False
        except PermissionError:
            return True  # another user's file: there, but only its owner can set its time
        except OSError as error:
            raise StorageError(f"cannot look at {blob}: {error.strerror or error}") from error
        return True
