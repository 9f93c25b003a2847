"""Finds what a job type in JavaScript asks for with `require`.

`./name` is looked for beside the file that asks, `name` there and then in each folder of scripts,
as a file of that name, with `.js` or `.json` behind it, or as a folder with a `package.json` or an
`index`. Nothing outside the folders of scripts is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flamenco_core.errors import FlamencoError, NotFound
from flamenco_core.file_stamp import FileStamp
from flamenco_core.job_types.script import read_source


@dataclass(slots=True)
class ModuleFinder:
    """Finds modules for one script, and remembers where it looked."""

    folders: Sequence[Path]
    """The farm's folders of scripts, the preferred one first."""
    _looked_at: dict[Path, FileStamp | None] = field(default_factory=dict)

    def find(self, name: str, asking: Path) -> tuple[Path, str]:
        """The file of a module that the file `asking` wants, and its text.

        Raises:
            NotFound: there is no such module.
            FlamencoError: it cannot be read.
        """
        for start in self._starts(name, asking):
            base = _absolute(start / name)
            if any(
                base.is_relative_to(_absolute(folder)) for folder in (asking.parent, *self.folders)
            ):
                for candidate in self._variations(base):
                    if self._is_file(candidate):
                        return candidate, self._text(candidate)
        places = ", ".join(str(folder) for folder in self.folders)
        raise NotFound(f"there is no module “{name}” (looked in {places})")

    def is_current(self) -> bool:
        """Whether it would find the same again, in the same version."""
        return all(FileStamp.of(path) == stamp for path, stamp in self._looked_at.items())

    def _starts(self, name: str, asking: Path) -> list[Path]:
        is_relative = name.startswith(("./", "../")) or name in (".", "..")
        return [asking.parent] if is_relative else [asking.parent, *self.folders]

    def _variations(self, base: Path) -> Iterator[Path]:
        yield from _with_suffixes(base)
        package = base / "package.json"
        if self._is_file(package):
            main = _main_of(self._text(package))
            target = _absolute(base / main)
            if main and target.is_relative_to(base):
                yield from _with_suffixes(target)
        yield from _with_suffixes(base / "index")

    def _is_file(self, path: Path) -> bool:
        self._looked_at[path] = FileStamp.of(path)
        return path.is_file()

    def _text(self, path: Path) -> str:
        try:
            return read_source(path).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise FlamencoError(f"the module {path} cannot be read: {error}") from error


def _absolute(path: Path) -> Path:
    """Without `..`, but with its links, which lead where the farm's admin wants them to."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links


def _with_suffixes(base: Path) -> Iterator[Path]:
    yield base
    yield base.with_name(f"{base.name}.js")
    yield base.with_name(f"{base.name}.json")


def _main_of(package: str) -> str:
    """The entry file that a `package.json` names; empty if it names none."""
    try:
        main = json.loads(package)["main"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return main if isinstance(main, str) else ""
