"""Tells the tasks that wait for others that those got done, or have to be done again.

Tens of thousands of tasks may wait for one: they are told in pieces, each in a transaction of its
own. While some still look ready that have to wait, nothing of their job is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from flamenco_core.events import JobUnsettled
from flamenco_core.manager.task_changes import requeue_alone
from flamenco_core.manager.unit import Unit
from flamenco_core.store import dependencies, dependency_groups, jobs
from flamenco_core.store.dependency_groups import UntoldGroup
from flamenco_core.store.jobs import StoredJob
from flamenco_core.store.tasks import StoredTask

CHANGE_COST = 10
"""What giving a task another status takes, compared to telling one."""


@dataclass(slots=True)
class Budget:
    """How many tasks may still be told in this transaction; a change of status counts as ten."""

    left: int

    @property
    def changes(self) -> int:
        """For how many changes of status it is enough."""
        return self.left // CHANGE_COST

    def spend_on_changes(self, count: int) -> None:
        self.left -= count * CHANGE_COST


class Told(Enum):
    """What came of telling the waiting tasks of a job."""

    ALL_KNEW = "all knew"
    ALL_KNOW_NOW = "all know now"
    SOME_DO_NOT_KNOW = "some do not know"


def tell(unit: Unit, job: StoredJob, budget: Budget) -> Told:
    """Tells waiting tasks of a job what they do not know yet."""
    group = dependency_groups.next_untold(unit.db, job.id)
    if group is None:
        return Told.ALL_KNEW
    while group is not None and budget.changes > 0:
        _tell_some(unit, group, budget)
        group = dependency_groups.next_untold(unit.db, job.id)
    unit.announce_ready(jobs.open_or_close(unit.db, job.id, job.status))
    if group is None:
        return Told.ALL_KNOW_NOW
    unit.announce(JobUnsettled(job_id=job.uuid))
    return Told.SOME_DO_NOT_KNOW


def _tell_some(unit: Unit, group: UntoldGroup, budget: Budget) -> None:
    size = budget.left
    last = dependency_groups.last_of_piece(unit.db, group, size=size)
    begun = _begun(unit, group, last, limit=budget.changes)
    if begun and len(begun) == budget.changes:
        last = begun[-1].id
    ready, told = dependency_groups.tell(unit.db, group, last=last)
    unit.announce_ready(ready)
    for task in begun:
        dependency_groups.demand_rework(unit.db, task.id)
        requeue_alone(unit, task, reason="Queued again, since a task before it is done again")
    budget.left -= size if last else told
    budget.spend_on_changes(len(begun))


def _begun(unit: Unit, group: UntoldGroup, last: int | None, *, limit: int) -> list[StoredTask]:
    """Tasks that used an old result, if they are to be done again."""
    if not group.is_rework:
        return []
    return dependencies.begun(unit.db, group, last=last, limit=limit)
