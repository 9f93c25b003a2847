"""Commands that make room, deliver and clean up: move-out-of-way, move-to-final,
move-with-counter, remove-file, remove-tree. They are those of Flamenco 2.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.file_management import DIRECTORY_MODE, unused_name
from flamenco_worker.commands.parameters import ParameterReader

_FEWEST_PARTS = 3
"""Of a path that may be removed: its root, a folder, and something in that."""


@dataclass(frozen=True, slots=True)
class MoveOutOfWay:
    """Gives a file or folder the time it was changed as a suffix; one that is not there is fine."""

    source: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("move-out-of-way", parameters)
        source = reader.text("src")
        reader.check()
        return cls(Path(source))

    def run(self, context: CommandContext) -> None:
        if not self.source.exists():
            context.log(f"move-out-of-way: there is no {self.source}")
            return
        try:
            target = unused_name(self.source)
            context.log(f"move-out-of-way: moving {self.source} to {target}")
            self.source.rename(target)
        except OSError as error:
            raise CommandFailed(f"Cannot move {self.source}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class MoveToFinal:
    """Moves a file or folder to where it is to stay; one that is not there is fine.

    What stands in its way gets the time it was changed as a suffix.
    """

    source: Path
    destination: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("move-to-final", parameters)
        source, destination = reader.text("src"), reader.text("dest")
        reader.check()
        return cls(Path(source), Path(destination))

    def run(self, context: CommandContext) -> None:
        if not self.source.exists():
            context.log(f"move-to-final: there is no {self.source}, so nothing is moved")
            return
        try:
            self.destination.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            if self.destination.exists():
                self._move(context, self.destination, unused_name(self.destination))
            self._move(context, self.source, self.destination)
        except OSError as error:
            what = f"{self.source} to {self.destination}"
            raise CommandFailed(f"Cannot move {what}: {error.strerror or error}") from error

    def _move(self, context: CommandContext, source: Path, destination: Path) -> None:
        context.log(f"move-to-final: moving {source} to {destination}")
        # Unlike a rename this also works between file systems.
        shutil.move(source, destination)


@dataclass(frozen=True, slots=True)
class MoveWithCounter:
    """Moves a file to a name with the next free number in it.

    The number stands behind the digits that the name begins with, such as a date, or before its
    extension.
    """

    source: Path
    destination: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("move-with-counter", parameters)
        source, destination = reader.text("src"), reader.text("dest")
        reader.check()
        return cls(Path(source), Path(destination))

    def run(self, context: CommandContext) -> None:
        if not self.source.is_file():
            if context.may_be_done and highest_number(self.destination):
                context.log(f"move-with-counter: an earlier attempt has moved {self.source}")
                return
            raise CommandFailed(f"Cannot move {self.source}: there is no such file")
        try:
            self.destination.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            target = numbered_name(self.destination)
            context.log(f"move-with-counter: moving {self.source} to {target}")
            # Unlike a rename this also works between file systems.
            shutil.move(self.source, target)
        except OSError as error:
            what = f"{self.source} to {self.destination}"
            raise CommandFailed(f"Cannot move {what}: {error.strerror or error}") from error
        context.output_produced(target)
        context.statistics.add_outputs([target])


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Removes a file; one that is not there is fine."""

    path: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        return cls(_removable("remove-file", parameters))

    def run(self, context: CommandContext) -> None:
        context.log(f"remove-file: {self.path}")
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CommandFailed(f"Cannot remove {self.path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class RemoveTree:
    """Removes a folder with all that is in it, or a file; one that is not there is fine."""

    path: Path

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        return cls(_removable("remove-tree", parameters))

    def run(self, context: CommandContext) -> None:
        context.log(f"remove-tree: {self.path}")
        try:
            if self.path.is_dir() and not self.path.is_symlink():
                shutil.rmtree(self.path)
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CommandFailed(f"Cannot remove {self.path}: {error.strerror}") from error


def numbered_name(path: Path) -> Path:
    """`path` with the number behind the highest that is there."""
    before, after = _around_number(path)
    return path.with_name(f"{before}_{highest_number(path) + 1:03}{after}")


def highest_number(path: Path) -> int:
    """The highest number that is there; 0 if there is none."""
    before, after = _around_number(path)
    pattern = re.compile(rf"{re.escape(before)}_(\d+){re.escape(after)}")
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    found = (pattern.fullmatch(name) for name in names)
    return max((int(match[1]) for match in found if match), default=0)


def _around_number(path: Path) -> tuple[str, str]:
    match = re.fullmatch(r"([0-9_]+)(.*)", path.name)
    return (match[1], match[2]) if match else (path.stem, path.suffix)


def _removable(command: str, parameters: Mapping[str, Any]) -> Path:
    """A path that is not so near to a root that removing it could only be a mistake."""
    reader = ParameterReader(command, parameters)
    path = Path(reader.text("path"))
    is_safe = path.is_absolute() and ".." not in path.parts and len(path.parts) >= _FEWEST_PARTS
    if not is_safe and path.parts:
        reader.wrong("path", f"is {str(path)!r}; only something in a folder can be removed")
    reader.check()
    return path
