"""What Prometheus can ask about those who follow what happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from manager_service.mqtt.forwarder import MqttForwarder
from manager_service.realtime.event_session import EventSession
from manager_service.realtime.hub import Follower, Hub
from manager_service.realtime.socket_io import SocketIoSession

_CHANNELS: dict[type[Follower], str] = {EventSession: "events", SocketIoSession: "socket.io"}


class LiveMetrics(Collector):
    """Looked up when somebody asks."""

    def __init__(self, hub: Hub, mqtt: MqttForwarder | None) -> None:
        self._hub = hub
        self._mqtt = mqtt

    def describe(self) -> Iterable[Metric]:
        """Nothing: so that registering asks for nothing yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        counts = Counter(type(follower) for follower in self._hub.followers)
        followers = GaugeMetricFamily(
            "flamenco_followers", "Clients that are told what happens.", labels=["channel"]
        )
        for kind, channel in _CHANNELS.items():
            followers.add_metric([channel], counts[kind])
        yield followers
        yield CounterMetricFamily(
            "flamenco_events_told", "Events that somebody was told.", value=self._hub.told
        )
        if self._mqtt is not None:
            yield GaugeMetricFamily(
                "flamenco_mqtt_connected",
                "Whether the MQTT broker is there.",
                value=self._mqtt.is_connected,
            )
            yield GaugeMetricFamily(
                "flamenco_mqtt_waiting",
                "Events that the MQTT broker does not have yet.",
                value=self._mqtt.waiting,
            )
