"""`Config`: how a Manager is set up, after the file and the environment have been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from flamenco_core.errors import Problem
from flamenco_core.model import Audience
from flamenco_core.paths import this_platform
from flamenco_core.provisioning import WorkerRule
from flamenco_core.statuses import WorkerStatus
from flamenco_core.variables import Variable, Variables, VariableTable, VariableValue

_MOST_TABLES = 100
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"

DEFAULT_VARIABLES: Mapping[str, Variable] = {
    "blender": Variable(
        (VariableValue("blender", ("linux", "darwin")), VariableValue("blender.exe", ("windows",)))
    ),
    "blenderArgs": Variable((VariableValue("-b -y"),)),
}


class Authentication(StrEnum):
    """How people are told apart."""

    NONE = "none"
    """Not at all: everybody in the network is trusted."""
    LOCAL = "local"
    """By accounts that this Manager keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttClient:
    """The broker that events are forwarded to."""

    enabled: bool = False
    broker: str = ""
    """Its address, such as `mqtt://broker:1883`."""
    client_id: str = "flamenco"
    topic_prefix: str = "flamenco"
    """Put before each topic, as it is."""
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """HTTPS: with a certificate of one's own, or one from Let's Encrypt."""

    listen: str = ":8443"
    """`host:port`; empty: HTTPS takes the place of HTTP on `Config.listen`."""
    key: Path | None = None
    certificate: Path | None = None
    acme_domain_name: str = ""
    acme_directory_url: str = LETS_ENCRYPT
    """Of the certificate authority that is asked."""
    acme_email: str = ""
    """Where it writes when something is wrong with the certificate."""
    acme_key_id: str = ""
    """Whom it knows already, if it serves nobody else ("external account binding")."""
    acme_hmac_key: str = field(default="", repr=False)
    """What proves that, in base64url."""

    @property
    def has_certificate(self) -> bool:
        return self.key is not None and self.certificate is not None

    @property
    def acme_name(self) -> str:
        """The name that the Manager gets a certificate for by itself; empty if it does not."""
        return "" if self.has_certificate else self.acme_domain_name

    @property
    def is_wanted(self) -> bool:
        return self.has_certificate or bool(self.acme_domain_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The Flamenco Server that this Manager gets tasks from and tells about them."""

    url: str = "https://cloud.blender.org/"
    manager_id: str = ""
    manager_secret: str = field(default="", repr=False)
    download_interval: timedelta = timedelta(minutes=10)
    download_throttle: timedelta = timedelta(seconds=10)
    """At most so often tasks are fetched because there are none left; negative: never for that."""
    push_interval: timedelta = timedelta(seconds=5)
    push_count: int = 3000
    """Updates sent at once; so many waiting are sent before the interval is over."""
    cancel_interval: timedelta = timedelta(seconds=10)
    """At least so often the server is asked what to cancel."""

    @property
    def is_linked(self) -> bool:
        return bool(self.url and self.manager_id and self.manager_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How a Manager is set up; the defaults are Flamenco 3's where it has the setting.

    Paths may hold variables. Intervals of zero switch off what they are for.
    """

    home: Path = field(default_factory=Path.cwd)
    """The data folder; relative paths in the file start here."""
    manager_name: str = "Flamenco"
    database: Path = Path("flamenco-manager.sqlite")
    database_check_period: timedelta = timedelta(minutes=10)
    listen: str = ":8080"
    """`host:port`; an empty host is every address of this machine."""
    own_url: str = ""
    """Where others reach this Manager, if that cannot be told from `listen`."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-…` headers are believed."""
    autodiscoverable: bool = True
    """Whether workers find this Manager by themselves."""
    ssdp_device_uuid: str = ""
    """What tells this Manager from others when workers look for one; empty: the farm's own id."""
    discovery_interfaces: tuple[str, ...] = ()
    """Addresses of this machine on whose networks the Manager can be found; empty: all that
    `listen` covers."""
    time_zone: str = ""
    """The zone of the times in sleep schedules; empty: that of this machine."""
    local_manager_storage_path: Path = Path("flamenco-manager-storage")
    """Task logs and thumbnails."""
    shared_storage_path: Path = Path("flamenco-shared-storage")
    """The folder that Manager, workers and artists share."""
    shaman_enabled: bool = True
    """Whether files are kept by content, each once. On Windows too, where copies do for links."""
    shaman_file_store: Path | None = None
    """Where uploaded files lie, if not in the shared storage."""
    shaman_checkouts: Path | None = None
    """Where jobs' files appear, if not in the shared storage."""
    shaman_extra_checkouts: tuple[Path, ...] = ()
    """More folders whose links keep uploaded files from being collected as garbage."""
    shaman_garbage_period: timedelta = timedelta(hours=24)
    shaman_garbage_max_age: timedelta = timedelta(days=31)
    shaman_checkout_max_age: timedelta = timedelta(days=7)
    """How long a checkout waits for its job before it is removed; zero: for ever."""
    file_browser_roots: tuple[Path, ...] = ()
    """More folders that people may look into with a browser, beside the shared storage."""
    watch_for_latest_image: Path | None = None
    """A folder whose newest image is shown as the last rendered one."""
    task_timeout: timedelta = timedelta(minutes=10)
    """How long a task may be silent."""
    task_progress_timeout: timedelta = timedelta(0)
    """How long a task may go without completing a step."""
    task_total_timeout: timedelta = timedelta(0)
    """How long a task may take."""
    worker_timeout: timedelta = timedelta(minutes=1)
    """How long a worker may be silent."""
    blocklist_threshold: int = 3
    """Failures of one worker in one job and task type before it gets no more of them."""
    task_fail_after_softfail_count: int = 3
    """Different workers that must fail at a task before it fails for good."""
    job_fail_percentage: int = 10
    """A job fails when this share of its tasks, in percent, has failed for good."""
    job_fail_percentage_by_type: Mapping[str, int] = field(default_factory=dict)
    """The same for jobs of some job types, by their names."""
    job_retention: timedelta = timedelta(0)
    """Jobs that have been done for so long are deleted, unless they are archived."""
    job_archive_after: timedelta = timedelta(0)
    """Jobs that have been done for so long are archived."""
    audit_retention: timedelta = timedelta(days=90)
    """How long the audit log goes back."""
    worker_cleanup_max_age: timedelta = timedelta(0)
    """Workers that were not seen for so long are forgotten."""
    worker_cleanup_status: tuple[WorkerStatus, ...] = (WorkerStatus.OFFLINE,)
    """Only workers with these statuses are."""
    worker_registration_secret: str = field(default="", repr=False)
    """What new workers must know; empty: anything registers."""
    authentication: Authentication = Authentication.NONE
    mqtt: MqttClient = field(default_factory=MqttClient)
    tls: Tls = field(default_factory=Tls)
    upstream: Upstream = field(default_factory=Upstream)
    variables: Variables = field(default_factory=lambda: Variables(DEFAULT_VARIABLES))
    worker_rules: tuple[WorkerRule, ...] = ()
    """What workers are told about their set-up."""
    platform: str = field(default_factory=this_platform)
    """The platform that the Manager runs on, and that its own paths are for."""
    file: Path | None = field(default=None, compare=False)
    """Where it came from, or would be saved; `None` for what was not read at all."""
    warnings: tuple[Problem, ...] = field(default=(), repr=False, compare=False)
    """What to tell the person who wrote the file, though it can be used."""
    places: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where settings were said, by field (`mqtt.broker`) or `variables.NAME`: a line of the file,
    or the name of an environment variable. What is not in it has its default."""
    _tables: dict[tuple[Audience, str], VariableTable] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def absolute(self, path: Path) -> Path:
        """A path from the file, with its variables filled in, from the home folder on."""
        return self._located(path, self.variables_for(Audience.WORKERS, self.platform))

    @property
    def database_file(self) -> Path:
        return self.absolute(self.database)

    @property
    def local_storage(self) -> Path:
        return self.absolute(self.local_manager_storage_path)

    @property
    def shared_storage(self) -> Path:
        return self._shared(self.shared_storage_path)

    @property
    def job_storage(self) -> Path:
        """Where the files of submitted jobs lie: the value of `{jobs}`."""
        if not self.shaman_enabled:
            return self.shared_storage
        if self.shaman_checkouts is not None:
            return self._shared(self.shaman_checkouts)
        return self.shared_storage / "jobs"

    @property
    def file_store(self) -> Path:
        """Shaman's content store."""
        if self.shaman_file_store is not None:
            return self.absolute(self.shaman_file_store)
        return self.shared_storage / "file-store"

    @property
    def scripts(self) -> Path:
        """The farm's own job types."""
        return self.home / "scripts"

    def with_located_paths(self) -> Config:
        """The same with the paths of its folders whole, so that they stay where they are even if
        the variables change that they were written with.
        """
        store, checkouts = self.shaman_file_store, self.shaman_checkouts
        return replace(
            self,
            database=self.database_file,
            local_manager_storage_path=self.local_storage,
            shared_storage_path=self.shared_storage,
            shaman_file_store=store and self.file_store,
            shaman_checkouts=checkouts and self._shared(checkouts),
        )

    def variables_for(self, audience: Audience, platform: str) -> VariableTable:
        """The variables as an audience on a platform sees them, with `{jobs}`."""
        key = (audience, platform)
        table = self._tables.get(key)
        if table is None:
            table = self.variables.table(
                audience,
                platform,
                job_storage=self.job_storage.as_posix(),
                manager_platform=self.platform,
            )
            if len(self._tables) < _MOST_TABLES:  # anybody may ask for any platform
                self._tables[key] = table
        return table

    def local_path(self, stored: str) -> Path:
        """Where a path that a job keeps is for this program."""
        table = self.variables_for(Audience.WORKERS, self.platform)
        return self.absolute(Path(table.expand(stored)))

    def _shared(self, path: Path) -> Path:
        """A folder that `{jobs}` may follow from, and whose path can therefore not name it."""
        table = self.variables.table(
            Audience.WORKERS, self.platform, manager_platform=self.platform
        )
        return self._located(path, table)

    def _located(self, path: Path, table: VariableTable) -> Path:
        return self.home / Path(table.expand(str(path))).expanduser()
