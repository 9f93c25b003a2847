"""Build hooks: puts the version that git knows into what is built, and builds the web interface.

The page is built with Node when its sources have changed. `FLAMENCO_BUILD_WEB=0` leaves it out (who
wants the core only then downloads no Node), `FLAMENCO_BUILD_WEB=1` fails where it cannot be built;
without either, what is missing is said and the rest is installed.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VERSION_FILE = "flamenco_core/version.txt"
BUILD_WEB = "FLAMENCO_BUILD_WEB"


class PrepareBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Replaces `version.txt` in wheels and sdists; an editable installation keeps asking git."""

    def dependencies(self) -> list[str]:
        """Node, if the page has to be built and the machine has none."""
        page = self._web_builder()
        if page is None or page["is_up_to_date"]() or page["has_system_node"]():
            return []
        return [page["NODE_PACKAGE"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._folder = TemporaryDirectory(prefix="flamenco-version-")
        self._build_web()
        if version != "editable":
            self._write_version(build_data)

    def _build_web(self) -> None:
        page = self._web_builder()
        if page is None:
            return
        try:
            page["build_web"]()
        except page["WebBuildError"] as error:
            if os.environ.get(BUILD_WEB) == "1":
                raise
            self.app.display_warning(f"The web interface is left out. {error}")

    def _web_builder(self) -> dict[str, Any] | None:
        """`scripts/build_web.py`; None if the page is not wanted, or there are no sources of it."""
        script = Path(self.root, "scripts", "build_web.py")
        if os.environ.get(BUILD_WEB) == "0" or not script.exists():
            return None
        return runpy.run_path(str(script))

    def _write_version(self, build_data: dict[str, Any]) -> None:
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
