"""What `flamenco-manager` does instead of running: check, repair, back up, restore, migrate a farm.

Findings and figures go to the standard output. The exit code is 1 if something is wrong and was
not mended.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flamenco_core.config import Config, ConfigFile
from flamenco_core.config.fields import value_of
from flamenco_core.config.keys import KEYS
from flamenco_core.config.variables_section import variable_as_written
from flamenco_core.errors import StorageError
from flamenco_core.manager import Finding, Manager, backups, verify_backup
from flamenco_core.shaman import ShamanStore


def check(config: Config) -> int:
    """Says what is wrong with a farm; a Manager may run it meanwhile."""
    with Manager.open(farm_file(config), config=config, read_only=True) as farm:
        return _tell(farm.check(whole_file=True))


def repair(config: Config) -> int:
    """Mends what can be mended. Raises `FarmLocked` if a Manager runs the farm."""
    # What a crash cut off can only be gone on with when the counts are right again.
    with Manager.open(farm_file(config), config=config, resume=False) as farm:
        return _tell(farm.check(repair=True, whole_file=True))


def backup(config: Config, target: Path) -> int:
    """Copies a farm, whether a Manager runs it or not, and verifies the copy."""
    backups.back_up(farm_file(config), target)
    return verify(target)


def restore(config: Config, backup: Path) -> int:
    """Puts a backup in the place of a farm that is not running, which is set aside."""
    aside = backups.restore(backup, config.database_file)
    print(f"The farm at {config.database_file} is now as in {backup}.")
    if aside is not None:
        print(f"What was there is at {aside}")
    return 0


def verify(file: Path) -> int:
    """Says what a backup holds, and whether a farm could go on from it."""
    report = verify_backup(file)
    found = report.contents
    changed = found.last_change.isoformat(timespec="seconds") if found.last_change else "never"
    print(f"{file}: farm {found.farm_id}, last changed {changed}")
    print(f"{found.jobs} jobs, {found.tasks} tasks, {found.workers} workers")
    return _tell([Finding(problem) for problem in report.problems])


def migrate(config: Config) -> int:
    """Brings a farm to the schema of this version. Raises `FarmLocked` if a Manager runs it."""
    file = farm_file(config)
    before = _backups_of_older_schemas(file)
    with Manager.open(file, config=config, resume=False):
        pass
    for backup_file in sorted(_backups_of_older_schemas(file) - before):
        print(f"The farm as it was is at {backup_file}")
    print(f"The farm at {file} is up to date.")
    return 0


def collect_garbage(config: Config, *, dry_run: bool) -> int:
    """Removes uploaded files that no job has used for long, or says how many there are."""
    if not config.shaman_enabled:
        print("Shaman is switched off, and keeps no files.")
        return 0
    report = ShamanStore(config.file_store, config.job_storage).collect_garbage(
        max_age=config.shaman_garbage_max_age,
        also_used_by=config.shaman_extra_checkouts,
        dry_run=dry_run,
    )
    print(report)
    return 0


def write_config(path: Path, *, home: Path) -> int:
    """Writes all settings to a configuration file, which keeps what it says already.

    Raises:
        InvalidInput: if the file is there, and has mistakes.
    """
    file = ConfigFile(path, home=home, environment={})
    settings: dict[str, Any] = {}
    for key in KEYS:
        value = value_of(file.config, key.field)
        if value is not None:
            *sections, name = key.path.split(".")
            section = settings
            for part in sections:
                section = section.setdefault(part, {})
            section[name] = value
    variables = file.config.variables.by_name.items()
    settings["variables"] = {name: variable_as_written(variable) for name, variable in variables}
    file.save(settings)
    print(f"The configuration is at {file.path}")
    return 0


def _backups_of_older_schemas(file: Path) -> set[Path]:
    return set(file.parent.glob(f"{glob.escape(file.name)}.schema-*.backup"))


def farm_file(config: Config) -> Path:
    """The file of a farm that is there. Raises `StorageError`.

    Opening a farm for writing would make one where there is none.
    """
    file = config.database_file
    if not file.is_file():
        raise StorageError(no_farm(file))
    return file


def no_farm(file: Path) -> str:
    return f"There is no farm at {file}; --home or --config says where the Manager keeps one"


def _tell(findings: Sequence[Finding]) -> int:
    for finding in findings:
        print(f"{'mended' if finding.is_mended else 'wrong'}: {finding.what}")
    left = sum(not finding.is_mended for finding in findings)
    if not findings:
        print("Everything adds up.")
    else:
        print(f"{len(findings)} found, {len(findings) - left} mended")
    return 1 if left else 0
