"""What a worker goes by on its machine: its own configuration, and over it what the Manager tells.

The Manager's settings come at sign-on. With each task comes their etag, so that a change is noticed
before the next task is run.
"""

from __future__ import annotations

import logging
from pathlib import Path

from flamenco_core.model.worker_protocol import ProvisionedSettings
from flamenco_core.time_limits import TimeLimits
from flamenco_worker.config import WorkerConfig
from flamenco_worker.device_wishes import Fallback
from flamenco_worker.process import Priority
from flamenco_worker.slots import SlotConfig, SlotPlan, plan_slots

log = logging.getLogger(__name__)

_NOTHING = ProvisionedSettings(etag="")


class MachineSettings:
    """Read and written by any thread; what is told takes the place of what was as a whole."""

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
        slots = "" if self._told.slots is None else f"slots = {self._told.slots}"
        if self._told.slot_settings:
            slots += f" ({', '.join(slot.name or '?' for slot in self._told.slot_settings)})"
        said = "; ".join(text for text in (programs, slots, limits) if text)
        log.info("the Manager's settings: %s", said or "none")

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
    def home(self) -> Path:
        """The worker's own folder."""
        return self._config.home

    @property
    def time_limits(self) -> TimeLimits:
        return self._config.limits

    @property
    def threads(self) -> int | None:
        """Of the processor, for a render; `None`: as many as there are."""
        return self._told.limits.get("threads", self._config.threads)

    @property
    def device_fallback(self) -> Fallback:
        return self._config.device_fallback

    def slots(self) -> list[SlotPlan]:
        """The slots to have, each with what its tasks may use; one at least."""
        config = self._config
        for_all = SlotConfig(
            task_types=config.task_types,
            devices=config.devices,
            threads=config.threads,
            memory_limit=config.memory_limit,
        )
        return plan_slots(config.slots, for_all, self._told)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".exe")
