"""What Prometheus can ask a Manager, kept and written by its own client library.

Requests and what becomes of jobs and tasks are counted as they happen; everything else is looked
up when somebody asks. Jobs and tasks are those that are not done: the farm keeps their counts with
each job, so that no task is looked at, and how many are done is told by the counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from flamenco_core.events import Event, JobChanged, TaskChanged
from flamenco_core.statuses import FINAL_JOB_STATUSES, TaskStatus
from flamenco_core.store.farm_counts import FarmCounts
from flamenco_core.version import current_version

if TYPE_CHECKING:
    from manager_service.background import Chore
    from manager_service.health import Health
    from manager_service.network import Network
    from manager_service.service import Service
    from manager_service.upstream.state import Errand
    from manager_service.write_thread import WriteThread

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
"""Upper bounds of the latencies that are told apart; a wait for a task is a long one."""

_OUTCOMES = frozenset(
    {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.SOFT_FAILED, TaskStatus.CANCELED}
)


class Metrics:
    """Counted on the event loop's thread, read on any."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "flamenco_requests",
            "Requests that were answered.",
            ("operation", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "flamenco_request_duration_seconds",
            "From the head of a request to its answer.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._tasks = Counter(
            "flamenco_tasks_ended",
            "Tasks that took one of these statuses.",
            ("status",),
            registry=self.registry,
        )
        self._jobs = Counter(
            "flamenco_jobs_ended",
            "Jobs that took one of these statuses.",
            ("status",),
            registry=self.registry,
        )
        self._of_operation: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Notes one request."""
        # `labels` costs more than all the rest.
        parts = self._of_operation.get((operation, status))
        if parts is None:
            parts = (
                self._requests.labels(operation, status),
                self._seconds.labels(operation),
            )
            self._of_operation[operation, status] = parts
        parts[0].inc()
        parts[1].observe(seconds)

    def on_events(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, TaskChanged):
                if event.status in _OUTCOMES and event.status is not event.previous_status:
                    self._tasks.labels(event.status.value).inc()
            elif isinstance(event, JobChanged) and (
                event.status in FINAL_JOB_STATUSES and event.status is not event.previous_status
            ):
                self._jobs.labels(event.status.value).inc()

    def watch(self, service: Service, chores: Iterable[Chore | Errand]) -> None:
        """Adds what is looked up when somebody asks."""
        self.registry.register(_Parts(service, tuple(chores)))

    def text(self, counts: FarmCounts, accept: str) -> tuple[bytes, str]:
        """All of it in a form that `accept` names, and the name of that form. Takes some ms."""
        encode, media_type = choose_encoder(accept)
        one_time = CollectorRegistry()
        one_time.register(_Farm(counts))
        ending = b"# EOF\n"
        farm, rest = encode(one_time), encode(self.registry)
        return farm.removesuffix(ending) + rest, media_type


class _Farm(Collector):
    """The farm at one moment."""

    def __init__(self, counts: FarmCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        for name, what, found in (
            ("jobs", "Jobs that are not done, by status.", self._counts.jobs),
            ("tasks", "Tasks of jobs that are not done, by status.", self._counts.tasks),
            ("workers", "Workers, by status.", self._counts.workers),
        ):
            yield _gauges(f"flamenco_{name}", what, "status", found.items())


class _Parts(Collector):
    """The parts of the Manager itself."""

    def __init__(self, service: Service, chores: tuple[Chore | Errand, ...]) -> None:
        self._service = service
        self._chores = chores

    def describe(self) -> Iterable[Metric]:
        """Nothing: so that registering asks for nothing yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        version = {"version": current_version().shown}
        yield InfoMetricFamily("flamenco_manager", "This Manager.", value=version)
        yield GaugeMetricFamily(
            "flamenco_waiting_workers",
            "Workers that wait for a task inside their request.",
            value=len(self._service.waiting.worker_ids()),
        )
        yield from _write_thread(self._service.farm)
        yield from _health(self._service.health)
        yield from _certificate(self._service.network)
        yield from _chores(self._chores)


def _write_thread(farm: WriteThread) -> Iterator[Metric]:
    done = farm.statistics
    for name, what, value in (
        ("groups", "Transactions of the write thread.", done.groups),
        ("requests", "Requests that it carried out.", done.requests),
        ("repeated", "Those that ran once more, since their group failed.", done.repeated),
    ):
        yield CounterMetricFamily(f"flamenco_write_{name}", what, value=value)
    for name, what, value in (
        ("queue", "Requests that wait for the write thread.", farm.waiting_count),
        ("largest_group", "Most requests in one transaction so far.", done.largest_group),
    ):
        yield GaugeMetricFamily(f"flamenco_write_{name}", what, value=value)


def _health(health: Health) -> Iterator[Metric]:
    if health.write_lag is not None:
        yield GaugeMetricFamily(
            "flamenco_write_lag_seconds",
            "How long the last trial write took, with waiting and syncing.",
            value=health.write_lag.total_seconds(),
        )
    yield GaugeMetricFamily(
        "flamenco_ready",
        "Whether the Manager can do its work.",
        value=not health.problems(),
    )
    yield GaugeMetricFamily(
        "flamenco_integrity_findings",
        "What the last check found wrong with the farm.",
        value=health.findings,
    )
    known = [disk for disk in health.disks if not disk.error]
    for name, what, found in (
        ("free", "Room on the disks.", {disk.use: disk.free_bytes for disk in known}),
        ("size", "Size of the disks.", {disk.use: disk.total_bytes for disk in known}),
    ):
        yield _gauges(f"flamenco_disk_{name}_bytes", what, "use", found.items())


def _certificate(network: Network | None) -> Iterator[Metric]:
    state = network.certificate if network is not None else None
    if state is None:
        return
    if state.facts is not None:
        yield GaugeMetricFamily(
            "flamenco_certificate_expiry_timestamp_seconds",
            "Until when the certificate of HTTPS is good.",
            value=state.facts.not_after.timestamp(),
        )
    yield GaugeMetricFamily(
        "flamenco_certificate_problem",
        "Whether the last attempt to take a new certificate failed.",
        value=bool(state.problem),
    )


def _chores(chores: tuple[Chore | Errand, ...]) -> Iterator[Metric]:
    began = {chore.name: chore.state for chore in chores if chore.state.last_start}
    for name, what, found in (
        (
            "last_start_timestamp_seconds",
            "When it was last begun.",
            {key: s.last_start.timestamp() for key, s in began.items() if s.last_start},
        ),
        (
            "last_duration_seconds",
            "How long it took the last time.",
            {key: s.last_duration.total_seconds() for key, s in began.items() if s.last_duration},
        ),
        (
            "next_run_timestamp_seconds",
            "When it is due by the clock.",
            {c.name: c.state.next_run.timestamp() for c in chores if c.state.next_run},
        ),
        (
            "failing",
            "Whether it failed the last time.",
            {chore.name: float(bool(chore.state.error)) for chore in chores},
        ),
    ):
        yield _gauges(f"flamenco_background_{name}", what, "name", found.items())
    for name, what, counts in (
        ("runs", "How often it was begun.", {c.name: c.state.runs for c in chores}),
        ("failures", "How often it failed.", {c.name: c.state.failures for c in chores}),
    ):
        family = CounterMetricFamily(f"flamenco_background_{name}", what, labels=["name"])
        for key, count in counts.items():
            family.add_metric([key], count)
        yield family


def _gauges(name: str, what: str, label: str, found: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for key, value in found:
        family.add_metric([str(key)], value)
    return family
