"""The file in which a studio names its own failure classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.rules.failure_classes import BUILT_IN, FailureClass, parse_failure_classes

FAILURE_CLASSES_FILE = "failure-classes.yaml"
"""Lies in the data folder; read when the farm is opened."""


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
