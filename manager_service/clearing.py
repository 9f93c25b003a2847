"""Deletes what nobody can bring back, after asking, and after a backup."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.config import Config, Upstream
from flamenco_core.errors import NotAllowed
from flamenco_core.manager import Manager, backups
from flamenco_core.store.audit import Actor

WHO = Actor.person("flamenco-manager")

Ask = Callable[[str], None]
"""Returns if what the sentence says may be done; raises `NotAllowed` otherwise."""


def ask_on_terminal(what: str) -> None:
    """Raises `NotAllowed` unless a person types yes."""
    if not sys.stdin.isatty():
        raise NotAllowed(f"{what} Nobody can be asked here; add --yes if that is wanted")
    print(what)
    if input("Type yes to go on: ").strip().lower() != "yes":
        raise NotAllowed("Nothing was changed")


def nobody_is_asked(what: str) -> None:
    print(what)


def delete_all_jobs(config: Config, ask: Ask) -> int:
    """Deletes all jobs of a farm that is not running, with their logs and uploaded files.

    Workers, tags, statistics and what was rendered stay.
    """
    # Without the link, or a Flamenco Server would hear that its tasks are cancelled.
    with _opened(replace(config, upstream=Upstream())) as farm:
        with farm.reader() as reader:
            job_ids = [job["id"] for job in reader.jobs()]
        if not job_ids:
            print("There are no jobs.")
            return 0
        ask(f"All {len(job_ids)} jobs at {farm.file} will be deleted.")
        _back_up(farm, "before-cleanslate")
        for job_id in job_ids:
            farm.delete_job(job_id, actor=WHO)
        farm.finish_removals()
        # A Flamenco Server sends all of its tasks again.
        farm.set_upstream_marker("")
        with farm.reader() as reader:
            left = reader.jobs()
    for job in left:
        print(f"wrong: job {job['id']}: {job['activity']}")
    print(f"{len(job_ids) - len(left)} jobs were deleted.")
    return 1 if left else 0


def forget_updates(config: Config, ask: Ask) -> int:
    """Forgets what a Flamenco Server was not told yet, of a farm that is not running.

    It will never hear of it, so that its tasks may stay as they are there.
    """
    with _opened(config) as farm:
        count = farm.upstream_queue_length()
        if not count:
            print("Nothing waits to be told to a Flamenco Server.")
            return 0
        ask(f"{count} updates that a Flamenco Server was not told yet will be lost.")
        _back_up(farm, "before-purgequeue")
        print(f"{farm.purge_upstream_queue()} updates were forgotten.")
    return 0


def _opened(config: Config) -> Manager:
    from manager_service.upkeep import farm_file

    return Manager.open(farm_file(config), config=config)


def _back_up(farm: Manager, why: str) -> Path:
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = farm.file.with_name(f"{farm.file.name}.{why}-{time}.backup")
    backups.back_up(farm.file, target)
    print(f"The farm as it was is at {target}")
    return target
