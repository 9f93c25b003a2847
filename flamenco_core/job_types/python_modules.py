"""What job types in Python share: other files of their folder, which they import relatively.

`from .shots import cut` in `scripts/render.py` reads `scripts/shots.py`, else one of that name in
another folder of scripts. A script is run afresh for
each use, and so are the modules that it imports, so that edits count at the next use. Nothing
compiled is kept beside them: Python tells versions apart by seconds, which is too coarse for that.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from flamenco_core.file_stamp import FileStamp

PACKAGE = "flamenco_job_types"
"""What every script takes for the package that it is part of."""


class _Loader(SourceFileLoader):
    """Reads source files only."""

    def get_code(self, fullname: str) -> CodeType | None:
        return self.source_to_code(self.get_data(self.path), self.path)


LookedAt = dict[Path, FileStamp | None]
"""Where modules were looked for, and what was there."""


class _Finder(MetaPathFinder):
    """Finds modules of our package beside the script that runs, and in the farm's folders."""

    def __init__(self) -> None:
        self.looked_at: LookedAt = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package.partition(".")[0] != PACKAGE:
            return None
        for folder in map(Path, path or ()):
            for file, inside in (
                (folder / f"{name}.py", None),
                (folder / name / "__init__.py", [str(folder / name)]),
            ):
                self.looked_at[file] = FileStamp.of(file)
                if file.is_file():
                    return importlib.util.spec_from_file_location(
                        fullname,
                        file,
                        loader=_Loader(fullname, str(file)),
                        submodule_search_locations=inside,
                    )
        return None


_finder = _Finder()


def begin_package(folders: Sequence[Path]) -> LookedAt:
    """Makes an empty package of folders, for a script that is about to run.

    What is returned fills as the script imports.
    """
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for name in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder) for folder in folders]
    sys.modules[PACKAGE] = package
    _finder.looked_at = {}
    return _finder.looked_at


def is_current(looked_at: LookedAt) -> bool:
    """Whether the same would be found again, in the same versions."""
    return all(FileStamp.of(file) == stamp for file, stamp in [*looked_at.items()])
