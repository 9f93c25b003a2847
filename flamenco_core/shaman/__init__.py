"""The content store: each file of a project is sent to the farm once, and jobs link to it."""

from flamenco_core.shaman.errors import (
    AlreadyStored,
    CheckoutPathTaken,
    ContentMismatch,
    MissingFiles,
    UploadInProgress,
)
from flamenco_core.shaman.garbage import GarbageReport
from flamenco_core.shaman.store import ShamanStore
from flamenco_core.shaman.uploads import Upload

__all__ = [
    "AlreadyStored",
    "CheckoutPathTaken",
    "ContentMismatch",
    "GarbageReport",
    "MissingFiles",
    "ShamanStore",
    "Upload",
    "UploadInProgress",
]
