"""Build hook: puts the version that git knows into what is built, where there is no git."""

from __future__ import annotations

import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VERSION_FILE = "flamenco_core/version.txt"


class WriteVersion(BuildHookInterface):  # type: ignore[type-arg]
    """Replaces `version.txt` in wheels and sdists; an editable installation keeps asking git."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._folder = TemporaryDirectory(prefix="flamenco-version-")
        if version == "editable":
            return
        if not Path(self.root, ".git").exists():
            return  # built from an sdist or an archive, which carries its version already
        source = runpy.run_path(str(Path(self.root, "flamenco_core", "version.py")))
        described = source["describe_checkout"](Path(self.root))
        if described is None:
            return
        written = Path(self._folder.name, "version.txt")
        written.write_text(f"{described}\n", encoding="utf-8")
        build_data["force_include"][str(written)] = VERSION_FILE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self._folder.cleanup()
