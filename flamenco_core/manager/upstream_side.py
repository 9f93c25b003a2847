"""The part of `Manager` that the link to a Flamenco Server calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from flamenco_core.manager import upstream_tasks
from flamenco_core.manager.opening import OpenFarm
from flamenco_core.manager.submission import PIECE_SIZE, JobStoring, Step
from flamenco_core.manager.transitions import follow_job
from flamenco_core.manager.unit import Unit
from flamenco_core.manager.upstream_tasks import OfferedJob
from flamenco_core.rules.upstream import OfferedTask
from flamenco_core.store import jobs, upstream
from flamenco_core.store.audit import MANAGER, Actor

SERVER = Actor("server")
"""The Flamenco Server that this Manager is linked to."""

LINK_SIZE = 50
"""Tasks that one transaction looks up, links or cancels, which keeps it well below 50 ms."""


class UpstreamSide(OpenFarm):
    """Taking in a server's tasks, and what it is told of them. Ids are the server's."""

    def upstream_marker(self) -> str:
        """What the server said with the last tasks that were all stored; empty at first."""
        return upstream.marker(self._db)

    def set_upstream_marker(self, text: str) -> None:
        with self._unit(SERVER) as unit:
            upstream.set_marker(unit.db, text)

    def take_offers(
        self, offered: Iterable[OfferedTask], *, told_meanwhile: frozenset[str] = frozenset()
    ) -> list[str]:
        """Follows what the server says of tasks that are known here; returns the others' ids.

        At most `LINK_SIZE` of them at once, to keep it short. `told_meanwhile` names tasks of
        which the server heard since it was asked.
        """
        with self._unit(SERVER) as unit:
            return upstream_tasks.take_offers(unit, offered, told_meanwhile)

    def unknown_upstream_tasks(self, upstream_ids: Iterable[str]) -> list[str]:
        """Which of these tasks of the server are not here."""
        return [one for one in upstream_ids if upstream.linked(self._db, one) is None]

    def home_of_offered(self, job: OfferedJob) -> str | None:
        """The UUID of the job that new tasks of a job of the server are to be added to.

        None if they are a job of their own.
        """
        with self._unit(SERVER) as unit:
            home = upstream_tasks.home_of(unit, job)
            return home.uuid if home else None

    def storing_offered(self, job: OfferedJob, *, home: str | None) -> Iterator[Callable[[], None]]:
        """The steps that store new tasks of one job of the server, each a transaction.

        They are added to the job `home`, or become one. Call each before taking the next, which
        any thread may do; whatever is left of a job of which a step failed, is dropped.
        """
        for step in self._appending(job, home) if home else self._storing_new(job):

            def run(step: Step = step) -> None:
                with self._unit(SERVER) as unit:
                    step(unit)

            yield run

    def cancel_upstream(self, upstream_ids: Sequence[str]) -> None:
        """Cancels tasks that the server wants cancelled; at most `LINK_SIZE` at once."""
        with self._unit(SERVER) as unit:
            upstream_tasks.cancel(unit, upstream_ids)

    def catch_up_upstream(self, *, after: int = 0) -> int | None:
        """Tells the server what became of its tasks while the link was off, piece by piece.

        Call it with what it returned, until that is None. Nothing is to be done if the link was
        on all the time.
        """
        if upstream.is_on(self._db):
            return None
        with self._unit(SERVER) as unit:
            return upstream_tasks.tell_statuses(unit, after=after, limit=LINK_SIZE)

    def note_upstream_link(self) -> None:
        """Remembers that a farm is run without the link it had, and nobody tells its server."""
        if not self.config.upstream.is_linked and upstream.is_on(self._db):
            with self._unit(MANAGER) as unit:
                upstream.set_on(unit.db, False)

    def upstream_handled(self, accepted: Sequence[str], sent: Sequence[str]) -> list[str]:
        """Forgets updates that the server has, and puts off others that were sent to it.

        Returns which tasks it has heard of. At most `LINK_SIZE` updates at once.
        """
        with self._unit(SERVER) as unit:
            return upstream_tasks.handled(unit, accepted, sent)

    def upstream_queue_length(self) -> int:
        """How many updates the server has not taken yet."""
        return upstream.waiting_count(self._db, limit=-1)

    def purge_upstream_queue(self) -> int:
        """Forgets what the server was to be told; returns how many updates there were.

        It will not hear of them. Meant for a program that has nothing else to do meanwhile.
        """
        count = 0
        while dropped := self._drop_some_updates():
            count += dropped
        return count

    def _drop_some_updates(self) -> int:
        with self._unit(MANAGER) as unit:
            return upstream.drop_some(unit.db, limit=PIECE_SIZE)

    def _appending(self, job: OfferedJob, home: str) -> Iterator[Step]:
        for piece in upstream_tasks.pieces(job, LINK_SIZE):

            def append(unit: Unit, piece: OfferedJob = piece) -> None:
                upstream_tasks.append(unit, jobs.by_uuid(unit.db, home), piece)

            yield append

    def _storing_new(self, job: OfferedJob) -> Iterator[Step]:
        compiled = upstream_tasks.compiled(
            job, platform=self.config.platform, now=self._clock(), new_id=self._new_id
        )
        besides = upstream_tasks.link_steps(job, compiled, piece_size=LINK_SIZE)
        yield from JobStoring(compiled, besides=besides).steps()
        yield lambda unit: follow_job(unit, jobs.by_uuid(unit.db, compiled.id).id)


def offered_jobs(offered: Iterable[OfferedTask]) -> list[OfferedJob]:
    """Tasks by their jobs, in the order in which the server made them: that of its ids."""
    by_job: dict[str, list[OfferedTask]] = {}
    for task in sorted(offered, key=lambda task: task.id):
        by_job.setdefault(task.job_id, []).append(task)
    return [OfferedJob(id=job_id, tasks=tuple(tasks)) for job_id, tasks in by_job.items()]


def in_pieces(ids: Iterable[str]) -> Iterator[list[str]]:
    """As many ids at once as the methods above take."""
    left = iter(ids)
    while piece := list(islice(left, LINK_SIZE)):
        yield piece
