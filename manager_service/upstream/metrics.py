"""What Prometheus can ask of the link, beside what it finds of all background work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from manager_service.upstream.state import LinkState


class LinkMetrics(Collector):
    """Looked up when somebody asks."""

    def __init__(self, state: LinkState) -> None:
        self._state = state

    def describe(self) -> Iterable[Metric]:
        """Nothing: so that registering asks for nothing yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        state = self._state
        yield GaugeMetricFamily(
            "flamenco_upstream_waiting_updates",
            "Updates that the Flamenco Server does not have yet.",
            value=state.waiting_updates,
        )
        yield CounterMetricFamily(
            "flamenco_upstream_updates_sent",
            "Updates that were sent and answered.",
            value=state.updates_sent,
        )
        yield CounterMetricFamily(
            "flamenco_upstream_tasks_received",
            "Tasks that the Flamenco Server has sent.",
            value=state.tasks_received,
        )
        last = GaugeMetricFamily(
            "flamenco_upstream_last_success_timestamp_seconds",
            "When the Flamenco Server last answered as it should.",
            labels=["name"],
        )
        for errand in state.errands():
            if errand.done_at is not None:
                last.add_metric([errand.name], errand.done_at.timestamp())
        yield last
