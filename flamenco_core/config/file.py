"""The configuration of a running Manager, and the file that it came from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from flamenco_core.config.editing import edited
from flamenco_core.config.reading import parse_config, read_text
from flamenco_core.config.settings import Config
from flamenco_core.durable import replace_file
from flamenco_core.errors import StorageError

_PRIVATE = 0o600
"""The file may hold passwords."""


class ConfigFile:
    """Keeps `config` good: a new one takes its place only when all of it can be used."""

    def __init__(
        self,
        path: str | Path,
        *,
        home: str | Path | None = None,
        environment: Mapping[str, str] = os.environ,
        read: bool = True,
    ) -> None:
        """Reads the file; if there is none, the configuration is what the environment says.

        Without `read`, that is all there is in `config` at first: a file that cannot be used can
        then be replaced. Raises what `load_config` raises.
        """
        self.path = Path(path).absolute()
        self._home = Path(home) if home else self.path.parent
        self._environment = environment
        self.config = self._load() if read else self.parsed("")

    def reload(self) -> Config:
        """Reads the file again. What it raises leaves `config` as it was."""
        self.config = self._load()
        return self.config

    def save(self, changes: Mapping[str, Any]) -> Config:
        """Changes settings in the file and in `config`; the rest of the file stays, as do comments.

        `changes` has the form of the file, or names settings by their paths (`shaman.enabled`).
        Intervals, paths and enumerations may be what they are in `Config`; a value of `None` takes
        a setting out. What somebody else wrote into the file since it was read is kept. A file of
        an older version gets the present form.

        Raises:
            InvalidInput: if the file would have mistakes, or has some already; nothing changes.
            StorageError: if it cannot be read or written; nothing changes.
            Unavailable: if the library that keeps comments is not installed.
        """
        return self.replace(self.edited(changes))

    def edited(self, changes: Mapping[str, Any]) -> str:
        """What `save` would make of the file. Raises what `save` does."""
        return edited(
            self.text(),
            changes,
            name=self.path.name,
            home=self._home,
            environment=self._environment,
        )

    def text(self) -> str:
        """What stands in the file now; nothing if there is none. Raises `StorageError`."""
        return read_text(self.path) if self.path.exists() else ""

    def parsed(self, text: str) -> Config:
        """What the configuration would be if `text` were the file.

        Raises:
            InvalidInput: with every problem.
        """
        config = parse_config(
            text, name=self.path.name, home=self._home, environment=self._environment
        )
        return replace(config, file=self.path)

    def replace(self, text: str) -> Config:
        """Makes `text` the file, and what it says the configuration. Raises what `save` does."""
        config = self.parsed(text)
        try:
            _write(self.path, text)
        except OSError as error:
            raise StorageError(
                f"The configuration {self.path} cannot be written: {error.strerror or error}"
            ) from error
        self.config = config
        return config

    def _load(self) -> Config:
        return self.parsed(self.text())


def etag_of(text: str) -> str:
    """Tells one text of a file from any other."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _write(path: Path, text: str) -> None:
    """Puts a new file in the place of an old one; after a power cut one of them is there, whole."""
    path = path.resolve()  # a link stays a link
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else _PRIVATE
    replace_file(path, text.encode(), mode=mode)
