"""What the Manager does by itself, beside the requests."""

from manager_service.background.chore import Chore, ChoreState
from manager_service.background.work import BackgroundWork

__all__ = ["BackgroundWork", "Chore", "ChoreState"]
