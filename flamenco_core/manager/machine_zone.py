"""The time zone that this machine is set to, with its changes of the clock.

Python knows the machine's offset at each moment, but has no time zone object for it: a name such
as `Europe/Amsterdam` is not to be had on every platform. This one asks the operating system.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class MachineZone(tzinfo):
    """Local time of this machine; only for aware datetimes, as `zoneinfo.ZoneInfo` is."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else _as_local(moment).utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else _as_local(moment).tzname()

    def fromutc(self, moment: datetime) -> datetime:
        local = moment.replace(tzinfo=UTC).astimezone()
        here = local.replace(tzinfo=self)
        is_second = _as_local(here).utcoffset() != local.utcoffset()
        return here.replace(fold=int(is_second))


def _as_local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None).astimezone()
