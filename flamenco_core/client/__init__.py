"""A Manager over HTTP: one method for each operation, with the model's types.

Uses the standard library only, so that it runs wherever Python does, Blender included.
"""

from flamenco_core.client.accounts_client import AccountsClient
from flamenco_core.client.connection import ManagerRefused, ManagerUnreachable
from flamenco_core.client.events import EventStream, FarmEvent, ReadAgain
from flamenco_core.client.manager_client import ManagerClient, StatusChangeRequested

__all__ = [
    "AccountsClient",
    "EventStream",
    "FarmEvent",
    "ManagerClient",
    "ManagerRefused",
    "ManagerUnreachable",
    "ReadAgain",
    "StatusChangeRequested",
]
