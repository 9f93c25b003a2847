"""Removing from the farm what was delivered for a job that does not come."""

from __future__ import annotations

import shutil
from pathlib import Path

from flamenco_core.packing.long_paths import openable
from flamenco_core.packing.pack_request import PackOutcome


def take_back(outcome: PackOutcome, manager_url: str, token: str = "") -> None:
    """Removes the folder or the checkout of a pack that no job uses.

    What was sent stays in the Manager's store, so that the next try does not send it again. Fails
    silently: what is left then takes some room, and harms nobody.
    """
    if outcome.folder:
        shutil.rmtree(openable(Path(outcome.folder)), ignore_errors=True)
    if outcome.shaman_checkout_id:
        from flamenco_core.client import ManagerClient
        from flamenco_core.packing.shaman_upload import erase_checkout

        with ManagerClient(manager_url, token=token or None) as client:
            erase_checkout(client, outcome.shaman_checkout_id)
