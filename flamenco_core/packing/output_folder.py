"""Where frames go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flamenco_core.model import SharedStorageLocation


def default_output_folder(storage: SharedStorageLocation) -> str:
    """Where a job's frames go if nobody says: beside the farm's job files, which workers see."""
    location = storage.location.replace("\\", "/").rstrip("/")
    if storage.shamanEnabled:
        # Then the location is the folder of the checkouts.
        location = location.rpartition("/")[0] or location
    return f"{location}/renders"
