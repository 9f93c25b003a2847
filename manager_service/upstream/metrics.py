"""What Prometheus can ask of the link."""

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
        failing = GaugeMetricFamily(
            "flamenco_upstream_failures",
            "How often in a row the Flamenco Server could not be spoken to.",
            labels=["errand"],
        )
        last = GaugeMetricFamily(
            "flamenco_upstream_last_success_timestamp_seconds",
            "When the Flamenco Server last answered as it should.",
            labels=["errand"],
        )
        for name, errand in state.errands().items():
            failing.add_metric([name], errand.failures)
            if errand.done_at is not None:
                last.add_metric([name], errand.done_at.timestamp())
        yield from (failing, last)
