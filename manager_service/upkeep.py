"""What `flamenco-manager` does instead of running: check, repair, back up and restore a farm.

Findings and figures go to the standard output. The exit code is 1 if something is wrong and was
not mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flamenco_core.config import Config
from flamenco_core.errors import StorageError
from flamenco_core.manager import Finding, Manager, backups, verify_backup


def check(config: Config) -> int:
    """Says what is wrong with a farm; a Manager may run it meanwhile."""
    with Manager.open(_farm_file(config), config=config, read_only=True) as farm:
        return _tell(farm.check(whole_file=True))


def repair(config: Config) -> int:
    """Mends what can be mended. Raises `FarmLocked` if a Manager runs the farm."""
    # What a crash cut off can only be gone on with when the counts are right again.
    with Manager.open(_farm_file(config), config=config, resume=False) as farm:
        return _tell(farm.check(repair=True, whole_file=True))


def backup(config: Config, target: Path) -> int:
    """Copies a farm, whether a Manager runs it or not, and verifies the copy."""
    backups.back_up(_farm_file(config), target)
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


def _farm_file(config: Config) -> Path:
    """Opening a farm for writing would make one where there is none."""
    file = config.database_file
    if not file.is_file():
        raise StorageError(f"There is no farm at {file}")
    return file


def _tell(findings: Sequence[Finding]) -> int:
    for finding in findings:
        print(f"{'mended' if finding.is_mended else 'wrong'}: {finding.what}")
    left = sum(not finding.is_mended for finding in findings)
    if not findings:
        print("Everything adds up.")
    else:
        print(f"{len(findings)} found, {len(findings) - left} mended")
    return 1 if left else 0
