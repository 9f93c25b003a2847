"""The Manager's own set-up as it travels: settings, what the assistant of the first start asks for,
where files lie and how much room there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flamenco_core.model.manager import Audience, ErrorProblem
from flamenco_core.model.worker_protocol import SlotSettings


class SettingSource(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    """Nobody has said anything else."""
    FILE = "file"
    """The configuration file."""
    ENVIRONMENT = "environment"
    """An environment variable, which counts more than the file."""


class ConfigurationKind(StrEnum):
    """What the value of a setting is."""

    TEXT = "text"
    NUMBER = "number"
    """A whole number."""
    BOOLEAN = "boolean"
    DURATION = "duration"
    """A text with units, such as `1h30m0s`."""
    PATH = "path"
    CHOICE = "choice"
    """One of `choices`."""
    SECRET = "secret"  # noqa: S105 - no secret
    """A text that is never sent, only taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationSetting:
    """One setting, as it is in the file and the environment now."""

    name: str
    """Where it stands in the file: `shaman.garbageCollect.period`."""
    kind: ConfigurationKind
    is_list: bool
    """Whether the value is a list of such values."""
    is_by_name: bool = False
    """Whether the value is an object: such values by names."""
    value: Any = None
    """Absent for what has no value, and for secrets."""
    default: Any = None
    is_set: bool
    """Whether the value is another than the default, or a secret is there."""
    source: SettingSource
    place: str = ""
    """Where it was said: a line of the file, or the name of an environment variable."""
    environment_name: str
    """The environment variable that would count more than the file."""
    explanation: str
    needs_restart: bool
    """Whether a change waits for the next start."""
    is_waiting: bool = False
    """Whether the Manager still runs with another value, until it is started again."""
    choices: list[str] | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationSection:
    name: str
    settings: list[ConfigurationSetting]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredValue:
    """One value of a variable."""

    value: str
    platforms: list[str]
    """`linux`, `windows`, `darwin`, another system's name, or `all`."""
    audience: Audience | None = None
    """Absent: for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredVariable:
    values: list[ConfiguredValue] = field(default_factory=list)
    is_twoway: bool = False
    source: SettingSource | None = None
    """Not looked at when it is sent to the Manager."""
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredWorkerRule:
    """See `flamenco_core.provisioning.WorkerRule`."""

    platform: str | None = None
    tag: str | None = None
    worker: str | None = None
    programs: dict[str, str] | None = None
    slots: int | None = None
    slot_settings: list[SlotSettings] | None = None
    limits: dict[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationState:
    """How the file and the running Manager stand to each other."""

    file: str = ""
    """Empty if this Manager was started without a place for one."""
    exists: bool
    etag: str
    """Of the file's text; give it back as `If-Match` with a change."""
    waiting_for_restart: list[str]
    """Settings that the Manager will have other values of after the next start."""
    problems: list[ErrorProblem]
    """Why the file, as it is now, cannot be used; the Manager runs on with what it had."""
    warnings: list[ErrorProblem]
    """What should be looked at in the file, though it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationReport:
    """Everything that can be set, and how it is set."""

    state: ConfigurationState
    sections: list[ConfigurationSection]
    variables: dict[str, ConfiguredVariable]
    worker_settings: list[ConfiguredWorkerRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """What is to be changed in the configuration; what is left out stays."""

    settings: dict[str, Any] = field(default_factory=dict)
    """By name; `null` takes a setting out of the file, so that its default counts again."""
    variables: dict[str, ConfiguredVariable] | None = None
    """All variables; those of the file that are not among them are taken out."""
    worker_settings: list[ConfiguredWorkerRule] | None = None
    """All rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCheckInput:
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCheckResult:
    path: str
    is_usable: bool
    cause: str
    """Why it cannot be used, or what should be known of it; empty if there is nothing."""
    free_bytes: int | None = None
    can_symlink: bool | None = None
    """Whether symbolic links can be made there; without them Shaman copies files."""


class BlenderPathSource(StrEnum):
    """How a Blender was found."""

    FILE_ASSOCIATION = "file_association"
    """It is what opens .blend files on this machine."""
    PATH_ENVVAR = "path_envvar"
    """It lies in a folder of the PATH."""
    SYSTEM_LOCATION = "system_location"
    """It lies where the platform installs programs."""
    INPUT_PATH = "input_path"
    """Somebody gave its path."""
    DEFAULT = "default"
    """It is to be found by each worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlenderPathCheckResult:
    input: str
    path: str
    source: BlenderPathSource
    is_usable: bool
    cause: str
    """Why it cannot be used; else what it says of its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupAssistantConfig:
    storageLocation: str
    blenderExecutable: BlenderPathCheckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableTrial:
    """A text to try the variables on."""

    text: str = field(metadata={"maxLength": 10_000})
    audience: Audience = Audience.WORKERS
    platform: str
    """Of whoever has the text, or is to get it."""
    variables: dict[str, ConfiguredVariable] | None = None
    """To be tried instead of those that are set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableTrialResult:
    stored: str
    """What a job keeps of the text, when it is submitted on the platform."""
    expanded: str
    """What somebody on the platform gets of the text, when a job keeps it."""
    on_platforms: dict[str, str]
    """What those on each platform get, when the text is submitted on the one that was given."""
    missing: list[str]
    """Variables that the text names, and that have no value on the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFolder:
    """A folder of the Manager, and the file system that it lies on."""

    path: str
    exists: bool
    problem: str = ""
    """Why nothing more can be said; empty if it can."""
    total_bytes: int | None = None
    free_bytes: int | None = None
    """What programs of the Manager's user may still write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanUsage:
    """What the content store holds."""

    files: int
    bytes: int
    is_complete: bool
    """False if counting took too long, and there is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageReport:
    shared: StorageFolder
    jobs: StorageFolder
    """Where the files of submitted jobs lie."""
    local: StorageFolder
    """Task logs and thumbnails."""
    database: StorageFolder
    """The folder of the farm file."""
    database_bytes: int
    """Of the farm file and what SQLite keeps beside it."""
    shaman: ShamanUsage | None = None
    """Absent if Shaman is off."""
