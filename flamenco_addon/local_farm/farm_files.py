"""The folders and configuration of a farm of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class FarmFiles:
    """Everything lies below `home`, except the files of jobs and what they render."""

    def __init__(self, home: Path, storage: Path) -> None:
        """`storage` is a folder that the artist finds, and that outlives the extension."""
        self.home = home
        self.storage = storage
        self.manager = home / "manager"
        self.worker = home / "worker"
        self.database = self.manager / "flamenco-manager.sqlite"

    def log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def write_configuration(self, blender: str, registration_secret: str) -> None:
        """Writes what this computer decides; what people have set on the Manager's pages stays.

        Raises `OSError`.
        """
        self.manager.mkdir(parents=True, exist_ok=True)
        self.worker.mkdir(parents=True, exist_ok=True)
        file = self.manager / "flamenco-manager.yaml"
        settings = _read(file)
        settings.setdefault("manager_name", "This computer")
        settings.setdefault("shaman", {"enabled": True})
        variables = settings.setdefault("variables", {})
        variables["blender"] = _everywhere(blender)
        variables.setdefault("blenderArgs", _everywhere("-b -y"))
        settings |= {
            "_meta": {"version": 3},
            "shared_storage_path": str(self.storage),
            # Nobody else in the network, or on this computer, is let in.
            "autodiscoverable": False,
            "authentication": "local",
            "worker_registration_secret": registration_secret,
        }
        partial = file.with_name(f"{file.name}~")
        partial.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        partial.chmod(0o600)
        partial.replace(file)


def _read(file: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _everywhere(value: str) -> dict[str, Any]:
    return {"values": [{"platform": "all", "value": value}]}
