"""Which devices Blender can render on here. Blender is asked once, and what it says is kept.

It is asked again when it is another Blender, or another start of the machine: cards are not put in
while it runs.
"""

from __future__ import annotations

import json
import logging
import shlex
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from flamenco_worker.blender import in_blender_devices
from flamenco_worker.blender.in_blender_devices import LIST_PREFIX
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.process import Priority, ProgramMissing, find_program, run_process

log = logging.getLogger(__name__)

CACHE_NAME = "flamenco-worker-devices.json"
TIME_LIMIT = timedelta(minutes=10)
"""The first use of a card can compile programs for it, and a machine that renders leaves no time
to a program of the lowest priority."""
_SAME_START_SECONDS = 60.0
_SETTINGS_FOR_PROBE = ("--factory-startup", "-noaudio")


@dataclass(frozen=True, slots=True)
class Device:
    """One way to render on a card: a card of NVIDIA is there as `CUDA` and as `OPTIX`."""

    type: str
    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a Blender said."""

    version: str
    """`4.5.2`"""
    devices: tuple[Device, ...]
    program: str = ""
    """What was run, with its path and its first arguments."""


class DeviceInventory:
    """Asks a Blender, or remembers what it said. To be used by one thread at a time."""

    def __init__(self, home: Path) -> None:
        self._path = home / CACHE_NAME

    def known(self, blender: Sequence[str]) -> Inventory | None:
        """What this Blender said before, if that still holds."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            if kept["asked"] != _identity(blender):
                return None
            if abs(kept["machine_started"] - psutil.boot_time()) > _SAME_START_SECONDS:
                return None
            return _inventory(kept["version"], kept["devices"], blender)
        except (OSError, ValueError, KeyError, TypeError, ProgramMissing):
            return None

    def of_tasks(self) -> list[str] | None:
        """The Blender that was asked last, if that was one that tasks run and is still there."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            if not kept.get("is_of_task"):
                return None
            blender = [str(word) for word in kept["asked"][:-2]]
            return blender if _identity(blender) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None
        except ProgramMissing:
            return None

    def ask(
        self, blender: Sequence[str], cancellation: Cancellation, *, is_of_task: bool = False
    ) -> Inventory | None:
        """Starts this Blender, given with its first arguments, and keeps what it says.

        `is_of_task` says that tasks run it.

        None if it says nothing; the log says why.
        """
        lines: list[str] = []
        ending = Cancellation()
        in_time = threading.Timer(TIME_LIMIT.total_seconds(), ending.cancel, ["it took too long"])
        in_time.daemon = True
        in_time.start()
        try:
            with cancellation.callback(lambda: ending.cancel(cancellation.reason)):
                finished = run_process(
                    [*blender, *_probe()],
                    on_line=lines.append,
                    cancellation=ending,
                    priority=Priority.IDLE,
                )
        except (ProgramMissing, Cancelled) as error:
            log.info("Blender cannot be asked for its devices: %s", error)
            return None
        finally:
            in_time.cancel()
        said = [line for line in lines if line.startswith(LIST_PREFIX)]
        if not said:
            end = " ".join(lines[-3:])
            log.warning(
                "Blender does not tell its devices; it ended with exit code %d: %s",
                finished.exit_code,
                end,
            )
            return None
        content = json.loads(said[-1].removeprefix(LIST_PREFIX))
        found = _inventory(".".join(map(str, content["version"])), content["devices"], blender)
        self._keep(blender, found, is_of_task=is_of_task)
        return found

    def _keep(self, blender: Sequence[str], found: Inventory, *, is_of_task: bool) -> None:
        content = {
            "asked": _identity(blender),
            "is_of_task": is_of_task,
            "machine_started": psutil.boot_time(),
            "version": found.version,
            "devices": [asdict(device) for device in found.devices],
        }
        partial = self._path.with_name(f"{self._path.name}~")
        try:
            partial.write_text(json.dumps(content), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            log.info("%s cannot be written: %s", self._path, error.strerror)


def _probe() -> list[str]:
    path = in_blender_devices.__file__
    call = f"import runpy; runpy.run_path({path!r}, init_globals={{'REQUEST': {{'list': True}}}})"
    return ["--background", *_SETTINGS_FOR_PROBE, "--python-expr", call]


def _identity(blender: Sequence[str]) -> list[object]:
    """Changes when the program does."""
    status = Path(find_program(blender[0])).stat()
    return [*blender, status.st_size, status.st_mtime]


def _inventory(
    version: str, devices: Sequence[dict[str, str]], blender: Sequence[str]
) -> Inventory:
    program = shlex.join([str(find_program(blender[0])), *blender[1:]])
    return Inventory(version, tuple(Device(**device) for device in devices), program)
