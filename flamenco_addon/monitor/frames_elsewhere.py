"""Why a job's frames are not on this computer: what the Manager knows of them, in words."""

from __future__ import annotations

from flamenco_core.client import AccountsClient, ManagerRefused

from .frame_download import frames_on_farm
from .job_frames import FramesNotFound, StorageNotHere


def explained(client: AccountsClient, job_id: str, not_here: StorageNotHere) -> FramesNotFound:
    """Why the folder of a job's frames cannot be opened, and what to do. Blocks."""
    frames = known_frames(client, job_id)
    if frames is None:
        return not_here
    if not frames:
        return FramesNotFound(f"Nothing was rendered into {not_here.path} yet")
    return FramesNotFound(
        f"{not_here.path} is not on this computer: the farm's storage is not mounted here. Mount"
        " it, or choose Load Frames, which fetches them through the Manager"
    )


def known_frames(client: AccountsClient, job_id: str) -> frozenset[int] | None:
    """The frames that are on the farm; None if the Manager does not say. Blocks."""
    try:
        return frames_on_farm(client, job_id)
    except ManagerRefused:
        return None
