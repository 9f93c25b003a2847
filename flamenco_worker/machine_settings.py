"""What a worker goes by on its machine: its own configuration, and over it what the Manager tells.

The Manager's settings come at sign-on. With each task comes their etag, so that a change is noticed
before the next task is run.
"""

from __future__ import annotations

import logging

from flamenco_core.model.worker_protocol import ProvisionedSettings
from flamenco_core.time_limits import TimeLimits
from flamenco_worker.config import WorkerConfig
from flamenco_worker.process import Priority

log = logging.getLogger(__name__)

_NOTHING = ProvisionedSettings(etag="")


class MachineSettings:
    """Read by the thread that runs tasks, after the thread that talks to the Manager has written
    it: one after the other.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._told = _NOTHING

    @property
    def etag(self) -> str | None:
        """Of what the Manager told; `None` if that was nothing."""
        told = self._told
        return told.etag if told.programs or told.limits or told.slots is not None else None

    def take(self, told: ProvisionedSettings | None) -> None:
        """From now on the Manager's settings are these."""
        before, self._told = self._told, told or _NOTHING
        if self._told == before:
            return
        programs = ", ".join(f"{name} = {path}" for name, path in self._told.programs.items())
        limits = ", ".join(f"{name} = {value}" for name, value in self._told.limits.items())
        said = "; ".join(text for text in (programs, limits) if text)
        log.info("the Manager's settings: %s", said or "none")
        if self._told.slots not in (None, 1):
            log.warning(
                "the Manager wants %d tasks at a time; this worker runs one", self._told.slots
            )

    def program(self, name: str) -> str:
        """What to run where a command names a program; a path is run as it is."""
        if "/" in name or "\\" in name:
            return name
        programs = {_plain(known): path for known, path in self._told.programs.items()}
        return programs.get(_plain(name), name)

    @property
    def ffmpeg(self) -> str:
        """Empty: look for one."""
        found = self.program("ffmpeg")
        return self._config.ffmpeg if found == "ffmpeg" else found

    @property
    def oom_score(self) -> int | None:
        return self._told.limits.get("oom_score_adjust", self._config.oom_score_adjust)

    @property
    def priority(self) -> Priority:
        return self._config.process_priority

    @property
    def time_limits(self) -> TimeLimits:
        return self._config.limits

    @property
    def threads(self) -> int | None:
        """Of the processor, for a render; `None`: as many as there are."""
        return self._told.limits.get("threads")


def _plain(name: str) -> str:
    return name.lower().removesuffix(".exe")
