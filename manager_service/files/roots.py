"""Which files people may see through the Manager: those in the shared storage and in the folders
that `file_browser_roots` of the configuration names, and never those of the Manager itself.

A path is looked at twice: as it is written, so that nobody can find out what exists elsewhere, and
with all symbolic links followed, so that none of them leads out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath

from flamenco_core.config import Config
from flamenco_core.errors import InvalidInput, NotAllowed, NotFound, one_problem

_WHERE = "query path"
_DEVICES = frozenset(
    (
        *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
        *(f"{name}{number}" for name in ("COM", "LPT") for number in range(10)),
    )
)
"""Names that mean a device in every folder of Windows, whatever their extension."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder with everything in it."""

    name: str
    path: Path


class Roots:
    """All folders that may be looked into. Every method reads the disk."""

    def __init__(self, config: Config) -> None:
        self._all = [Root("Shared storage", config.shared_storage)]
        self._all += [Root(path.name or str(path), path) for path in config.file_browser_roots]
        self._own = config.home
        self._shared = config.shared_storage

    def __iter__(self) -> Iterator[Root]:
        return iter(self._all)

    def resolve(self, text: str) -> Path:
        """The file or folder that a path means, with all symbolic links followed.

        Raises:
            InvalidInput: if it is no absolute path.
            NotAllowed: if it lies, or leads, outside of all roots.
            NotFound: if nothing is there.
        """
        path = self._written(text)
        try:
            found = path.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"There is nothing at {text}") from None
        except (OSError, RuntimeError, ValueError) as error:
            # RuntimeError: links that lead to each other, before Python 3.13.
            raise NotFound(f"Nothing can be read at {text}: {_reason(error)}") from None
        if not self.may_see(found):
            raise _outside(text)
        return found

    def open(self, text: str) -> tuple[Path, int]:
        """A file that is open for reading: its path and its descriptor, which the caller closes.

        Raises:
            NotFound: if there is no file, but perhaps a folder or a device.
        """
        path = self.resolve(text)
        # Opening a pipe would wait for whoever writes to it. Windows knows neither flag.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise NotFound(f"{text} cannot be read: {_reason(error)}") from None
        try:
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode):
                raise NotFound(f"{text} is no file")
            # Somebody may have put a link in the place of a folder between looking and opening.
            if not os.path.samestat(opened, self.resolve(text).stat()):
                raise NotFound(f"{text} has just been replaced")
        except BaseException:
            os.close(descriptor)
            raise
        return path, descriptor

    def may_see(self, resolved: Path) -> bool:
        """Whether something may be seen, by its path without symbolic links."""
        for root in self._all:
            real = _real(root.path)
            if resolved.is_relative_to(real):
                return not self._is_own(resolved, real)
        return False

    def _is_own(self, resolved: Path, root: Path) -> bool:
        """Whether this is the Manager's own, inside a root that was made too large."""
        own, shared = _real(self._own), _real(self._shared)
        return (
            own.is_relative_to(root)
            and resolved.is_relative_to(own)
            and not (shared != own and resolved.is_relative_to(shared))
        )

    def _written(self, text: str) -> Path:
        """The path, if it lies inside a root as it is written."""
        refuse_odd_path(text, Path(text))
        path = Path(os.path.normpath(text))
        roots = {each for root in self._all for each in (root.path, _real(root.path))}
        if not any(path.is_relative_to(os.path.normpath(root)) for root in roots):
            raise _outside(text)
        return path


def refuse_odd_path(text: str, path: PurePath) -> None:
    """Raises `InvalidInput` for what is no absolute path to a file, on the path's platform."""
    if "\0" in text:
        raise one_problem(_WHERE, "has a character that no path can have")
    if not path.is_absolute():
        raise _not_absolute(text)
    if isinstance(path, PureWindowsPath):
        # `\\?\C:\` and `\\.\COM1` go around the usual rules of names.
        if path.drive.startswith(("\\\\?\\", "\\\\.\\")):
            raise _not_absolute(text)
        for part in path.parts[1:]:
            # `file.txt:stream` is another content of the file.
            if ":" in part or part.split(".")[0].rstrip().upper() in _DEVICES:
                raise one_problem(_WHERE, f"{part!r} is no name of a file")


def _not_absolute(text: str) -> InvalidInput:
    if not text:
        return one_problem(_WHERE, "is missing", "say the path of a file, as the Manager sees it")
    return one_problem(
        _WHERE,
        f"{text!r} is not the whole path of a file or folder, as the Manager sees it",
        "take it from the list of a folder; without a path, the top folders are listed",
    )


def _outside(text: str) -> NotAllowed:
    return NotAllowed(
        f"{text} is neither in the shared storage nor in one of the folders that "
        "file_browser_roots of the configuration names"
    )


def _real(path: Path) -> Path:
    return path.resolve()


def _reason(error: BaseException) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it leads nowhere"
