"""The file in which a studio names its own failure classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.file_stamp import FileStamp
from flamenco_core.rules.failure_classes import BUILT_IN, FailureClass, parse_failure_classes

FAILURE_CLASSES_FILE = "failure-classes.yaml"
"""Lies in the data folder; read when the farm is opened, and when it changes."""


class FailureClassFile:
    """The file as it is now, for whoever looks at it again and again. Any thread may."""

    def __init__(self, home: Path) -> None:
        self._file = home / FAILURE_CLASSES_FILE
        self._seen = FileStamp.of(self._file)

    def news(self) -> Sequence[FailureClass] | None:
        """All classes, if the file is not what it was when it was last of use; else None.

        Raises:
            InvalidInput, StorageError: as `load_failure_classes`.
        """
        stamp = FileStamp.of(self._file)
        if stamp == self._seen:
            return None
        classes = load_failure_classes(self._file)
        self._seen = stamp
        return classes


def load_failure_classes(file: Path) -> Sequence[FailureClass]:
    """The classes of the file and the built-in ones; without a file only these.

    Raises:
        InvalidInput: with every mistake in the file.
        StorageError: if it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return BUILT_IN
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"The failure classes {file} cannot be read: {error}") from error
    return parse_failure_classes(text, name=file.name)
