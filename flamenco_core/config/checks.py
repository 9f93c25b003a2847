"""What can be wrong between settings that are each right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flamenco_core.config.document import Entry
from flamenco_core.config.keys import KEYS
from flamenco_core.config.report import Report
from flamenco_core.config.settings import Config
from flamenco_core.config.variables_section import VARIABLES
from flamenco_core.model import Audience, Platform
from flamenco_core.variables import JOBS, VariableTable

_WHAT_JOBS_FOLLOWS_FROM = {"shared_storage_path", "shaman_checkouts"}
_ABSOLUTE = re.compile(r"[/\\{]")
_ABSOLUTE_ON_WINDOWS = re.compile(r"[A-Za-z]:|\\\\|//|\{")


@dataclass(frozen=True, slots=True)
class Places:
    """Where things stand, for messages."""

    root: Entry
    fields: Mapping[str, Entry]
    """By the names that `Key.field` has."""
    variables: Mapping[str, Entry]


def check_together(config: Config, places: Places, report: Report) -> None:
    """Reports what does not fit together."""
    _check_https(config, places, report)
    if config.mqtt.enabled and not config.mqtt.broker:
        entry = places.fields["mqtt.enabled"]
        report.problem(entry, "mqtt.client.enabled", "needs mqtt.client.broker")
    _check_timeouts(config, places, report)
    upstream = config.upstream
    if bool(upstream.manager_id) != bool(upstream.manager_secret):
        name = "manager_id" if upstream.manager_id else "manager_secret"
        what = "is not enough to link this Manager to a server"
        hint = "manager_id and manager_secret belong together"
        report.warning(places.fields[f"upstream.{name}"], name, what, hint)
    if not _report_loops(config, places, report):
        _check_paths(config, places, report)
        _check_twoway(config, places, report)


def _check_timeouts(config: Config, places: Places, report: Report) -> None:
    """A worker that is lost should be found out before its task, which is then its failure."""
    if timedelta(0) < config.task_timeout <= config.worker_timeout:
        name = "task_timeout" if "task_timeout" in places.fields else "worker_timeout"
        what = "lets tasks of lost workers fail, which are else queued again"
        hint = "make task_timeout longer than worker_timeout"
        report.warning(places.fields[name], name, what, hint)


def _check_https(config: Config, places: Places, report: Report) -> None:
    tls = config.tls
    if (tls.key is None) != (tls.certificate is None):
        given, missing = ("tlskey", "tlscert") if tls.key else ("tlscert", "tlskey")
        entry = places.fields["tls.key" if tls.key else "tls.certificate"]
        report.problem(entry, given, f"needs {missing} too")
    if tls.has_certificate and tls.acme_domain_name:
        what = "is ignored: there is a certificate already"
        report.warning(places.fields["tls.acme_domain_name"], "acme_domain_name", what)
    if bool(tls.acme_key_id) != bool(tls.acme_hmac_key):
        given, missing = ("acme_key_id", "acme_hmac_key")[:: 1 if tls.acme_key_id else -1]
        report.problem(places.fields[f"tls.{given}"], given, f"needs {missing} too")
    if tls.is_wanted and config.own_url.startswith("http:"):
        what = "leads others to plain HTTP, where nothing is served but a way to HTTPS"
        report.warning(places.fields["own_url"], "own_url", what, "begin it with https://")
    if tls.acme_name and tls.listen in ("", config.listen):
        entry = places.fields.get("tls.listen") or places.fields["tls.acme_domain_name"]
        what = "leaves no address for plain HTTP, over which acme_domain_name is checked"
        report.problem(entry, "listen_https", what, "set it to another address than listen")


def _report_loops(config: Config, places: Places, report: Report) -> bool:
    """Whether there are any."""
    storage = places.fields.get("shaman_checkouts") if config.shaman_enabled else None
    storage = storage or places.fields.get("shared_storage_path")
    loops = config.variables.problems(job_storage=storage.text if storage else "")
    for problem in loops:
        name = problem.where.removeprefix(f"{VARIABLES}.")
        entry = storage if name == JOBS else places.variables.get(name)
        report.problem(entry or places.root, problem.where, problem.what)
    return bool(loops)


def _check_paths(config: Config, places: Places, report: Report) -> None:
    """Paths of the Manager's own must not hold variables that have no value for it."""
    without_jobs = config.variables.table(
        Audience.WORKERS, config.platform, manager_platform=config.platform
    )
    every = config.variables_for(Audience.WORKERS, config.platform)
    for key in KEYS:
        entry = places.fields.get(key.field)
        if entry is None:
            continue
        value = getattr(config, key.field.partition(".")[0])
        if key.field.startswith("tls."):
            value = getattr(value, key.field.partition(".")[2])
        paths = value if isinstance(value, tuple) else (value,)
        table = without_jobs if key.field in _WHAT_JOBS_FOLLOWS_FROM else every
        for path in paths:
            if isinstance(path, Path):
                _check_path(str(path), entry, key.path, table, report)


def _check_path(
    path: str, entry: Entry, setting: str, table: VariableTable, report: Report
) -> None:
    for name in table.missing(path):
        what = f"{{{name}}} has no value for workers on {table.platform}, where the Manager is"
        report.problem(entry, setting, what)
    if path.startswith("\\\\") and table.platform != Platform.WINDOWS:
        report.warning(entry, setting, "is a path for Windows, and this is another platform")


def _check_twoway(config: Config, places: Places, report: Report) -> None:
    """Two-way variables should each be a folder of its own, from the root on."""
    said: set[str] = set()
    for table in _tables(config):
        names_of: dict[str, str] = {}
        for name in sorted(table.twoway & table.values.keys() & places.variables.keys()):
            value = table.values[name]
            first = names_of.setdefault(value.replace("\\", "/").casefold(), name)
            is_absolute = (
                _ABSOLUTE_ON_WINDOWS if table.platform == Platform.WINDOWS else _ABSOLUTE
            ).match(value)
            what = ""
            if first != name:
                what = f"is the same folder as {{{first}}} on {table.platform}, which is used"
            elif not is_absolute:
                what = f"{value!r} is no whole path on {table.platform}"
            if what and name not in said:
                said.add(name)
                report.warning(places.variables[name], f"{VARIABLES}.{name}", what)


def _tables(config: Config) -> Iterator[VariableTable]:
    named = {
        platform
        for variable in config.variables.by_name.values()
        if variable.is_twoway
        for value in variable.values
        for platform in value.platforms
    }
    for platform in sorted(named):
        for audience in Audience:
            yield config.variables_for(audience, platform)
