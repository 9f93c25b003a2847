"""Commands that move and copy files: make-directory, move-directory, copy-file."""

from __future__ import annotations

import filecmp
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader

DIRECTORY_MODE = 0o775


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Makes a folder and those above it; one that exists is fine."""

    path: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("make-directory", parameters)
        path = reader.text("path")
        reader.check()
        return cls(Path(path))

    def run(self, context: CommandContext) -> None:
        context.log(f"make-directory: {self.path}")
        try:
            self.path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandFailed(f"Cannot make {self.path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class MoveDirectory:
    """Renames a folder; one that stands in its way gets the time it was changed as a suffix."""

    source: Path
    destination: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("move-directory", parameters)
        source, destination = reader.text("src"), reader.text("dest")
        reader.check()
        return cls(Path(source), Path(destination))

    def run(self, context: CommandContext) -> None:
        if not self.source.is_dir():
            if context.may_be_done and self.destination.is_dir():
                context.log(f"move-directory: an earlier attempt has made {self.destination}")
                return
            raise CommandFailed(f"Cannot move {self.source}: there is no such folder")
        try:
            if self.destination.exists():
                self._move(context, self.destination, unused_name(self.destination))
            self._move(context, self.source, self.destination)
        except OSError as error:
            what = f"{self.source} to {self.destination}"
            raise CommandFailed(f"Cannot move {what}: {error.strerror or error}") from error

    def _move(self, context: CommandContext, source: Path, destination: Path) -> None:
        context.log(f"move-directory: moving {source} to {destination}")
        # Unlike a rename this also works between file systems.
        shutil.move(source, destination)


@dataclass(frozen=True, slots=True)
class CopyFile:
    """Copies a file to a place where nothing is yet; a half copy never has the final name."""

    source: Path
    destination: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("copy-file", parameters)
        source, destination = reader.text("src"), reader.text("dest")
        reader.check()
        return cls(Path(source), Path(destination))

    def run(self, context: CommandContext) -> None:
        for path in (self.source, self.destination):
            if not path.is_absolute():
                raise CommandFailed(f"Cannot copy: {path} is no absolute path")
        if not self.source.is_file():
            raise CommandFailed(f"Cannot copy {self.source}: there is no such file")
        if self.destination.exists():
            if self._is_copied():
                context.log(f"copy-file: {self.destination} is there already, the same")
                return
            raise CommandFailed(f"Cannot copy to {self.destination}: it exists already")
        context.log(f"copy-file: copying {self.source} to {self.destination}")
        partial = self.destination.with_name(f".{self.destination.name}.{uuid4().hex[:8]}")
        try:
            self.destination.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            shutil.copyfile(self.source, partial)
            partial.replace(self.destination)
        except OSError as error:
            partial.unlink(missing_ok=True)
            what = f"{self.source} to {self.destination}"
            raise CommandFailed(f"Cannot copy {what}: {error.strerror or error}") from error
        context.statistics.add_outputs([self.destination])

    def _is_copied(self) -> bool:
        """Whether an attempt that was broken off has done it."""
        try:
            return filecmp.cmp(self.source, self.destination, shallow=False)
        except OSError:
            return False


def unused_name(path: Path) -> Path:
    """`path` with the time it was last changed behind it, and a number if that is taken."""
    changed = datetime.fromtimestamp(round(path.stat().st_mtime))  # noqa: DTZ006 - people read it
    dated = path.with_name(f"{path.name}-{changed:%Y-%m-%d_%H%M%S}")
    if not dated.exists():
        return dated
    pattern = re.compile(re.escape(dated.name) + r"-(\d+)")
    siblings = (pattern.fullmatch(entry.name) for entry in dated.parent.iterdir())
    highest = max((int(match[1]) for match in siblings if match), default=0)
    return dated.with_name(f"{dated.name}-{highest + 1:03}")
