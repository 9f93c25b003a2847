"""The worker's settings: `flamenco-worker.yaml`, over it the environment and the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from flamenco_core.device_wishes import DeviceWish
from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.time_limits import TimeLimits
from flamenco_worker.blender.keeping_rules import KeepingRules
from flamenco_worker.config_keys import KEYS, OTHERWISE, PreTaskCheck, WrongValue
from flamenco_worker.device_wishes import Fallback
from flamenco_worker.host import default_home, host_name
from flamenco_worker.process import Priority
from flamenco_worker.slots import SlotConfig

CONFIG_NAME = "flamenco-worker.yaml"
DEFAULT_TASK_TYPES = ("blender", "ffmpeg", "file-management", "misc")
DEFAULT_FREE_SPACE = 500_000_000
DEFAULT_QUEUE_SIZE = 500_000_000
DEFAULT_LIMITS = TimeLimits(silence=timedelta(hours=1), quitting=timedelta(minutes=5))
DEFAULT_MAY_I_RUN = timedelta(seconds=10)
_VARIABLES_BEGIN_WITH = "FLAMENCO_WORKER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a worker needs to know before it talks to its Manager."""

    home: Path
    """The folder of credentials and queue."""
    worker_name: str
    manager_url: str = ""
    """Empty means: look for one in the local network."""
    discovery_interfaces: tuple[str, ...] = ()
    """Addresses of this machine in whose networks to look; empty means: all."""
    task_types: tuple[str, ...] = DEFAULT_TASK_TYPES
    restart_exit_code: int = 0
    """Anything but 0 says that something starts the worker again when it ends with it."""
    oom_score_adjust: int | None = None
    """Linux: what commands get as their OOM score; absent means: leave it."""
    process_priority: Priority = Priority.LOW
    """Of the programs that commands run."""
    minimum_free_space: int = DEFAULT_FREE_SPACE
    """Bytes that the disks of this machine must have left before a task; 0: do not look."""
    pre_task_check: PreTaskCheck = field(default_factory=PreTaskCheck)
    limits: TimeLimits = DEFAULT_LIMITS
    """For programs of tasks; a job may have others."""
    may_i_run_interval: timedelta = DEFAULT_MAY_I_RUN
    """While a task runs: how often the Manager is asked whether it may go on."""
    task_update_queue_db: Path | None = None
    """Where what the Manager is to be told waits; `None`: in the home folder."""
    queue_size: int = DEFAULT_QUEUE_SIZE
    """Bytes that may wait there; beyond that the oldest log text and images are let go."""
    warm_blender: KeepingRules = field(default_factory=KeepingRules)
    """Whether and how long Blender stays open between tasks."""
    ffmpeg: str = ""
    """The FFmpeg for tasks that ask for plain `ffmpeg`; empty means: look for one."""
    blender: str = ""
    """The Blender that is asked which devices there are; empty: one that tasks may name."""
    slots: tuple[SlotConfig, ...] = ()
    """Empty: one for everything."""
    devices: tuple[DeviceWish, ...] = ()
    """What to render on where a slot does not say it; empty: as the scenes say."""
    device_fallback: Fallback = Fallback.FAIL
    """Where a render would be done by the processor, though a graphics card was asked for."""
    threads: int | None = None
    """Of the processor, for a render; `None`: all."""
    memory_limit: int | None = None
    """Bytes that the programs of a task may have; `None`: all."""
    prefetch: bool = True
    """Whether the next task is reserved while one ends, where the Manager offers that."""
    only_if_unused_for: timedelta | None = None
    """How long nobody may have touched this machine's keyboard and mouse; `None`: any time."""
    worker_registration_secret: str = field(default="", repr=False)
    """What the Manager asks of new workers; empty if it takes any."""


def load_config(
    *,
    config_file: Path | None = None,
    home: Path | None = None,
    manager_url: str | None = None,
    worker_name: str | None = None,
    restart_exit_code: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> WorkerConfig:
    """Puts together what the file, the environment and the arguments say; the last one wins.

    Without `config_file` the file is looked for in the current folder, then in the home folder,
    and may be missing. The environment has a variable for each key, see `variable_of`.

    Raises:
        InvalidInput: with every problem, and its line or variable.
    """
    home = (home or default_home(environment)).absolute()
    path = config_file or _find_config(home)
    problems: list[Problem] = []
    values = _read_file(path, problems) if path is not None else {}
    values |= _read_environment(environment, problems)
    if problems:
        raise InvalidInput("The worker's configuration cannot be used", problems=problems)
    given = {
        "manager_url": manager_url,
        "worker_name": worker_name,
        "restart_exit_code": restart_exit_code,
    }
    values |= {key: value for key, value in given.items() if value not in (None, "")}
    name = values.pop("worker_name", "").strip() or host_name()
    return WorkerConfig(home=home, worker_name=name, **_fields(values))


def variable_of(key: str) -> str:
    """The environment variable of a key: `FLAMENCO_WORKER_TASK_TYPES`, `FLAMENCO_WORKER_NAME`."""
    return _VARIABLES_BEGIN_WITH + key.removeprefix("worker_").upper()


def _read_file(path: Path, problems: list[Problem]) -> dict[str, Any]:
    """Adds to `problems` what is wrong with keys and values; raises for a file that is none."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is no valid YAML: {error}") from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise InvalidInput(f"{path} must consist of keys and values")
    values: dict[str, Any] = {}
    loader = yaml.SafeLoader("")
    for key_node, value_node in node.value:
        place = f"{path}, line {key_node.start_mark.line + 1}"
        try:
            value = loader.construct_object(value_node, deep=True)
        except yaml.YAMLError as error:
            problems.append(Problem(place, f"is no valid YAML: {error}"))
            continue
        values |= _checked(str(key_node.value), value, place, problems)
    return values


def _read_environment(environment: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    """Variables that are empty count as not set. Adds to `problems` what is wrong."""
    found: dict[str, Any] = {}
    for key, definition in KEYS.items():
        variable = variable_of(key)
        text = environment.get(variable, "")
        place = f"the environment variable {variable}"
        try:
            value = text if definition.is_text else yaml.safe_load(text)
        except yaml.YAMLError as error:
            problems.append(Problem(place, f"is no valid YAML: {error}"))
            continue
        found |= _checked(key, value, place, problems)
    return found


def _checked(key: str, value: Any, place: str, problems: list[Problem]) -> dict[str, Any]:
    """Key and value, or nothing; an empty text is how Flamenco 3 writes "not set"."""
    definition = KEYS.get(key)
    if definition is None:
        hint = OTHERWISE.get(key, f"known are {', '.join(KEYS)}")
        problems.append(Problem(place, f"there is no setting {key!r}", hint))
    elif value is not None and value != "":
        try:
            return {key: definition.read(value)}
        except WrongValue as wrong:
            problems.append(Problem(place, f"{key} {wrong}"))
    return {}


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """With the names of `WorkerConfig`'s fields."""
    fields = dict(values)
    if "may_i_run_interval_seconds" in fields:
        fields["may_i_run_interval"] = fields.pop("may_i_run_interval_seconds")
    if "limits" in fields:
        fields["limits"] = DEFAULT_LIMITS.changed_by(fields["limits"])
    return fields


def _find_config(home: Path) -> Path | None:
    candidates = (Path.cwd() / CONFIG_NAME, home / CONFIG_NAME)
    return next((path for path in candidates if path.is_file()), None)
