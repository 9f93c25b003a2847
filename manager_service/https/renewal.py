"""When a certificate is asked for: in good time, not all at once, and not too often."""

from __future__ import annotations

from datetime import datetime, timedelta

from manager_service.https.certificates import CertificateFacts

_SHORTEST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=8)
"""Between attempts that fail. Let's Encrypt allows five failures an hour for a name."""
_EARLIER = 0.1
"""Up to this share of the remaining third it is earlier, or all Managers that were started by one
power failure would ask at the same moment."""
_LONGER = 0.2


def renewal_time(facts: CertificateFacts, chance: float) -> datetime:
    """When a third of the lifetime is left, or somewhat more; `chance` is from 0 to 1."""
    third = (facts.not_after - facts.not_before) / 3
    return facts.not_after - third * (1 + _EARLIER * chance)


def retry_delay(failures: int, chance: float, *, at_least: timedelta = timedelta(0)) -> timedelta:
    """How long to wait after so many failures in a row; `chance` is from 0 to 1."""
    wait = min(_SHORTEST_WAIT * (1 << min(failures - 1, 10)), _LONGEST_WAIT)
    return max(wait, at_least) * (1 + _LONGER * chance)
