"""Checkouts: folders in which a job finds its files under their own names.

Each checkout is a folder of its own that holds a marker file. It is never made inside another
one, so that erasing a job's checkout cannot reach the files of another job.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from flamenco_core.durable import make_folders, sync_folders
from flamenco_core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Problem,
    StorageError,
)
from flamenco_core.model import ShamanCheckout, ShamanCheckoutResult, ShamanFileSpec
from flamenco_core.shaman import claims
from flamenco_core.shaman.checkout_paths import (
    MARKER_NAME,
    checkout_path_problems,
    file_list_problems,
)
from flamenco_core.shaman.errors import CheckoutPathTaken, MissingFiles
from flamenco_core.shaman.layout import BlobIdentity, StoreLayout
from flamenco_core.shaman.links import Linker

logger = logging.getLogger(__name__)

_NAME_TRIES = 10
_SUFFIX_LENGTH = 4


class Checkouts:
    def __init__(
        self,
        root: Path,
        layout: StoreLayout,
        *,
        random_text: Callable[[int], str],
        clock: Callable[[], datetime],
        make_linker: Callable[[], Linker] = Linker,
    ) -> None:
        self._root = root
        self._layout = layout
        self._random_text = random_text
        self._clock = clock
        self._make_linker = make_linker
        self._names = threading.Lock()
        """Held while folders above or of a checkout come or go; not while it is filled."""
        self._being_filled: set[Path] = set()

    @property
    def root(self) -> Path:
        """The folder that all checkouts lie below."""
        return self._root

    def create(self, checkout: ShamanCheckout) -> ShamanCheckoutResult:
        self._check(checkout)
        try:
            folder, created_above = self._claim(checkout.checkoutPath)
        except OSError as error:
            raise StorageError(
                f"cannot make a folder for the checkout {checkout.checkoutPath!r} in "
                f"{self._root}: {error.strerror or error}"
            ) from error
        try:
            self._fill(folder, checkout.files)
        except BaseException as error:
            self._discard(folder, created_above)
            if isinstance(error, OSError):
                raise StorageError(
                    f"cannot make the checkout {checkout.checkoutPath!r}: {error}"
                ) from error
            raise
        finally:
            self._being_filled.discard(folder)
        return ShamanCheckoutResult(checkoutPath=folder.relative_to(self._root).as_posix())

    def erase(self, checkout_path: str) -> None:
        problems = checkout_path_problems(checkout_path)
        if problems:
            raise InvalidInput(
                f"{checkout_path!r} cannot be a checkout",
                problems=[Problem("checkoutPath", what) for what in problems],
            )
        folder = self._root / checkout_path
        try:
            with self._names:
                self._require_one_checkout(folder)
            _erase_all_but_marker(folder)
            with self._names:
                (folder / MARKER_NAME).unlink(missing_ok=True)
                folder.rmdir()
                self._remove_empty(folder.parent)
        except OSError as error:
            raise StorageError(f"cannot erase the checkout {folder}: {error}") from error

    def claim(self, checkout_path: str) -> None:
        if checkout_path_problems(checkout_path):
            return
        with self._names:
            claims.claim(self._root / checkout_path)

    def waiting(self, *, since: datetime) -> list[claims.WaitingCheckout]:
        return [
            waiting
            for waiting in claims.waiting_checkouts(self._root)
            if waiting.since <= since and self._root / waiting.path not in self._being_filled
        ]

    def _check(self, checkout: ShamanCheckout) -> None:
        """Raise everything that is wrong with the request at once."""
        problems = [
            Problem("checkoutPath", what) for what in checkout_path_problems(checkout.checkoutPath)
        ]
        problems += file_list_problems(checkout.files)
        missing: list[ShamanFileSpec] = []
        missing_problems: list[Problem] = []
        for index, file in enumerate(checkout.files):
            try:
                stored = self._layout.mark_as_used(BlobIdentity(file.sha, file.size))
            except InvalidInput as error:
                problems += [
                    Problem(f"files[{index}].{problem.where}", problem.what)
                    for problem in error.problems
                ]
                continue
            if not stored:
                missing.append(file)
                missing_problems.append(
                    Problem(f"files[{index}]", f"{file.path!r} is not in the store", "send it")
                )
        if problems:
            raise InvalidInput(
                "this checkout cannot be made", problems=[*problems, *missing_problems]
            )
        if missing:
            raise MissingFiles(missing, missing_problems)

    def _claim(self, requested: str) -> tuple[Path, list[Path]]:
        """Create the checkout's folder; returns it and the folders that were made above it."""
        wanted = requested.split("/")
        with self._names:
            names = list(wanted)
            for _ in range(_NAME_TRIES):
                taken = self._first_taken(names)
                if taken is None:
                    folder = self._root.joinpath(*names)
                    created_above = make_folders(folder.parent)
                    try:
                        folder.mkdir()
                    except FileExistsError:  # by another program: we hold the lock
                        taken = len(names) - 1
                    else:
                        self._mark_new(folder, created_above)
                        return folder, created_above
                names[taken] = f"{wanted[taken]}-{self._random_text(_SUFFIX_LENGTH)}"
        raise CheckoutPathTaken(
            f"the checkout path {requested!r} is taken, and so were {_NAME_TRIES - 1} variants"
        )

    def _first_taken(self, names: Sequence[str]) -> int | None:
        """Which component, if any, must be another one for the whole to be a new checkout."""
        for index in range(len(names)):
            path = self._root.joinpath(*names[: index + 1])
            if not os.path.lexists(path):
                return None
            is_plain_folder = path.is_dir() and not path.is_symlink()
            if index == len(names) - 1 or not is_plain_folder or (path / MARKER_NAME).exists():
                return index
        return None

    def _mark_new(self, folder: Path, created_above: list[Path]) -> None:
        try:
            self._mark(folder, since=self._clock())
            self._being_filled.add(folder)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            _remove_folders(created_above)
            raise

    def _mark(self, folder: Path, *, since: datetime | None = None) -> None:
        claims.write_marker(folder, folder.relative_to(self._root).as_posix(), since=since)

    def _fill(self, folder: Path, files: Sequence[ShamanFileSpec]) -> None:
        linker = self._make_linker()
        placed: dict[Path, BlobIdentity] = {}
        folders = {folder}
        for file in files:
            destination = folder / file.path
            identity = BlobIdentity(file.sha, file.size)
            if placed.setdefault(destination, identity) is not identity:
                continue  # listed twice: the check made sure that both are the same
            if destination.parent not in folders:
                destination.parent.mkdir(parents=True, exist_ok=True)
                folders.update(_folders_between(folder, destination.parent))
            try:
                linker.place(self._layout.blob(identity), destination)
            except FileExistsError:
                raise StorageError(
                    f"{file.path!r} exists already in the checkout: the storage takes two "
                    "different names for one (capital letters, accents)"
                ) from None
        sync_folders([*folders, folder.parent])

    def _discard(self, folder: Path, created_above: list[Path]) -> None:
        """Remove what a failed checkout made, and only that."""
        try:
            with self._names:
                shutil.rmtree(folder)
                _remove_folders(created_above)
        except OSError:  # the error that made the checkout fail is the one to tell
            logger.exception("cannot remove the unfinished checkout %s", folder)

    def _require_one_checkout(self, folder: Path) -> None:
        """Raise unless `folder` is one checkout, no more and no less."""
        path = self._root
        for name in folder.relative_to(self._root).parts:
            path /= name
            if path.is_symlink():
                raise Conflict(f"{path} is a link, not a folder of a checkout")
        if not folder.is_dir():
            raise NotFound(f"there is no checkout {folder}")
        is_marked = (folder / MARKER_NAME).exists()
        for entry in _walk(folder):
            if entry.name == MARKER_NAME and Path(entry.path).parent != folder:
                raise Conflict(f"{folder} holds another checkout, {Path(entry.path).parent}")
            # Flamenco 3 leaves no marker; its checkouts hold nothing but links into the store.
            if not is_marked and not self._is_link_into_store(entry):
                raise Conflict(f"{folder} is not a checkout: {entry.path} is not a stored file")
        if not is_marked:
            self._mark(folder)

    def _is_link_into_store(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return False
        target = Path(os.path.realpath(entry.path))
        return target.is_relative_to(os.path.realpath(self._layout.stored))

    def _remove_empty(self, folder: Path) -> None:
        with suppress(OSError):  # not empty: other checkouts lie in it
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent


def _folders_between(top: Path, folder: Path) -> Iterator[Path]:
    while folder != top:
        yield folder
        folder = folder.parent


def _remove_folders(created: Sequence[Path]) -> None:
    with suppress(OSError):  # not empty: somebody else uses it by now
        for folder in reversed(created):
            folder.rmdir()


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below `folder` that is not a folder itself."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            else:
                yield entry


def _erase_all_but_marker(folder: Path) -> None:
    """The marker goes last, so that a half erased checkout is still known as one."""
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.name == MARKER_NAME:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
