"""Putting a stored file into a checkout.

A relative symbolic link is best: it costs nothing and holds on every machine that mounts the
storage somewhere else. Windows makes symbolic links only in Developer Mode or for users with that
right, and some network shares cannot store them: there a hard link takes its place, and where
that fails too (another volume, FAT) the file is copied, which a file system with shared blocks
does without using space.
"""

from __future__ import annotations

import errno
import os
import shutil
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

_COPY_PIECE = 1 << 30
"""Bytes that one call asks the kernel to copy."""

_WINDOWS_PRIVILEGE_NOT_HELD = 1314

_LINKS_REFUSED = frozenset(
    [errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL]
)
_HARD_LINKS_REFUSED = _LINKS_REFUSED | {errno.EXDEV, errno.EMLINK}
_KERNEL_COPY_REFUSED = _LINKS_REFUSED | {errno.EXDEV, errno.EBADF}


class LinkKind(Enum):
    """The ways of getting a file into a checkout, best first."""

    SYMBOLIC = auto()
    HARD = auto()
    COPY = auto()


class Linker:
    """Places files by the best way that works; what failed once is not tried again.

    One per checkout, so that a storage that was mended (or mounted anew) gets another chance.
    """

    def __init__(self, kinds: tuple[LinkKind, ...] = tuple(LinkKind)) -> None:
        self._kinds = list(kinds)

    @property
    def kind(self) -> LinkKind:
        """The way that will be tried next."""
        return self._kinds[0]

    def place(self, blob: Path, destination: Path) -> None:
        """Make `destination`, in a folder that exists, have the content of `blob`.

        Raises `FileExistsError` if there is something already, `OSError` if no way works.
        """
        while True:
            try:
                _PLACE[self.kind](blob, destination)
                return
            except OSError as error:
                if len(self._kinds) == 1 or not _refuses_kind(self.kind, error):
                    raise
                del self._kinds[0]


def _refuses_kind(kind: LinkKind, error: OSError) -> bool:
    """Whether the storage does not know this way, rather than failing at this one file."""
    if kind is LinkKind.HARD:
        return error.errno in _HARD_LINKS_REFUSED
    if getattr(error, "winerror", None) == _WINDOWS_PRIVILEGE_NOT_HELD:
        return True
    # No right to write in the folder looks the same as no right to make links; then the next
    # way fails as well, and its error is the one that is reported.
    return error.errno in _LINKS_REFUSED


def _place_symbolic_link(blob: Path, destination: Path) -> None:
    # Both ends resolved: a link's target counts from where the link really is, so `..` through
    # a folder that is a symbolic link itself would lead astray.
    target = os.path.relpath(os.path.realpath(blob), os.path.realpath(destination.parent))
    destination.symlink_to(target)


def _place_hard_link(blob: Path, destination: Path) -> None:
    os.link(blob, destination)


def _place_copy(blob: Path, destination: Path) -> None:
    with blob.open("rb") as source, destination.open("xb") as copy:
        try:
            if not _copy_in_kernel(source, copy):
                shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        except OSError:
            copy.close()
            destination.unlink(missing_ok=True)
            raise


def _copy_in_kernel(source: BinaryIO, copy: BinaryIO) -> bool:
    """Copy without the bytes passing through here, sharing blocks where the file system can.

    Only Linux has this call. False if it is not available for these files; nothing was copied.
    """
    if not hasattr(os, "copy_file_range"):
        return False
    copied = 0
    while True:
        try:
            count = os.copy_file_range(source.fileno(), copy.fileno(), _COPY_PIECE)
        except OSError as error:
            if copied or error.errno not in _KERNEL_COPY_REFUSED:
                raise
            return False
        if not count:
            return True
        copied += count


_PLACE = {
    LinkKind.SYMBOLIC: _place_symbolic_link,
    LinkKind.HARD: _place_hard_link,
    LinkKind.COPY: _place_copy,
}
