"""The bytes of each file in a pack: the file as it is, or the rewritten copy of a blend file."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from flamenco_core.packing.dependencies import file_identity
from flamenco_core.packing.digests import FileDigest, FileDigests
from flamenco_core.packing.errors import PackingError
from flamenco_core.packing.long_paths import openable
from flamenco_core.packing.plan import PackedFile
from flamenco_core.packing.rewriting import write_rewritten


def digest_of(
    file: PackedFile,
    digests: FileDigests,
    *,
    on_bytes: Callable[[int], None],
    cancel: threading.Event | None,
) -> FileDigest:
    """The digest of what the pack holds for `file`.

    A rewritten copy is made only if its digest is not remembered. Raises `PackingError`,
    `PackingCancelled`.
    """
    _require_as_traced(file)
    source = digests.of_file(file.source, on_bytes=on_bytes, cancel=cancel)
    if not file.changes:
        return source
    known = digests.of_rewritten(source, file.changes)
    if known is not None:
        return known
    with opened(file) as content:
        digest = hashlib.file_digest(content, "sha256")  # type: ignore[arg-type]
        result = FileDigest(digest.hexdigest(), content.tell())
    digests.remember_rewritten(source, file.changes, result)
    return result


@contextmanager
def opened(file: PackedFile) -> Iterator[IO[bytes]]:
    """The packed content of `file`, to read from its start. Raises `PackingError`."""
    _require_as_traced(file)
    if not file.changes:
        with _opened_as_is(file.source) as content:
            yield content
        return
    with tempfile.TemporaryFile(prefix="flamenco-") as copy:
        try:
            write_rewritten(openable(file.source), file.changes, copy)
        except OSError as error:
            raise PackingError(
                f"cannot rewrite {file.source}: {error.strerror or error}"
            ) from error
        _require_as_traced(file)
        copy.seek(0)
        yield copy


def source_size(file: PackedFile) -> int:
    """Bytes of the file on this computer. Raises `PackingError` if it is gone."""
    try:
        return openable(file.source).stat().st_size
    except OSError as error:
        raise PackingError(f"cannot read {file.source}: {error.strerror or error}") from error


def _require_as_traced(file: PackedFile) -> None:
    """A blend file that was saved since it was traced may use other files, elsewhere in it."""
    if file.identity is None:
        return
    try:
        is_as_traced = file_identity(openable(file.source)) == file.identity
    except OSError as error:
        raise PackingError(f"cannot read {file.source}: {error.strerror or error}") from error
    if not is_as_traced:
        raise PackingError(f"{file.source} was saved while it was packed; try again")


def _opened_as_is(path: Path) -> IO[bytes]:
    try:
        return openable(path).open("rb")
    except OSError as error:
        raise PackingError(f"cannot read {path}: {error.strerror or error}") from error
