"""The connection to an MQTT broker, by the Paho library: it connects again by itself."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from flamenco_core.config import MqttClient

logger = logging.getLogger(__name__)

KEEP_ALIVE = timedelta(seconds=30)
CONNECTING_TIME = timedelta(seconds=3)
"""How long a broker may take to answer at all; a Manager that stops may have to wait for that."""

SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
"""Between attempts to connect; each is twice as long as the one before."""

QUALITY_OF_SERVICE = 1
"""At least once: the broker acknowledges each message."""

IN_FLIGHT = 50
"""Messages that are sent and not acknowledged yet."""

_PORTS = {"mqtt": 1883, "tcp": 1883, "mqtts": 8883, "ssl": 8883, "tls": 8883, "ws": 80, "wss": 443}
_ENCRYPTED = frozenset({"mqtts", "ssl", "tls", "wss"})


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is, read from its URL."""

    host: str
    port: int
    is_encrypted: bool
    web_socket_path: str
    """Empty if MQTT is spoken directly."""


def broker_address(url: str) -> BrokerAddress:
    """The address that a configured URL stands for."""
    parts = urlsplit(url)
    is_web_socket = parts.scheme in ("ws", "wss")
    path = f"{parts.path or '/mqtt'}{f'?{parts.query}' if parts.query else ''}"
    return BrokerAddress(
        host=parts.hostname or "localhost",
        port=parts.port or _PORTS[parts.scheme],
        is_encrypted=parts.scheme in _ENCRYPTED,
        web_socket_path=path if is_web_socket else "",
    )


class Broker:
    """A broker that may be away. The callbacks come on a thread of the library's own."""

    def __init__(
        self,
        settings: MqttClient,
        *,
        on_connected: Callable[[], None],
        on_acknowledged: Callable[[int], None],
    ) -> None:
        """`on_acknowledged` gets what `send` returned. Messages that were not acknowledged when a
        connection broke are sent again over the next one.
        """
        self._settings = settings
        self._on_connected = on_connected
        self._on_acknowledged = on_acknowledged
        self._is_away = False
        """Whether that has been logged already."""
        self._address = broker_address(settings.broker)
        self._client = self._make_client()

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def start(self) -> None:
        """Begins to connect, and goes on with that until it succeeds."""
        self._client.connect_async(
            self._address.host, self._address.port, keepalive=int(KEEP_ALIVE.total_seconds())
        )
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes) -> int:
        """Has a message sent; returns its number in this connection."""
        return self._client.publish(topic, payload, qos=QUALITY_OF_SERVICE).mid

    def _make_client(self) -> paho.Client:
        settings, address = self._settings, self._address
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=paho.MQTTv5,
            transport="websockets" if address.web_socket_path else "tcp",
        )
        if address.web_socket_path:
            client.ws_set_options(path=address.web_socket_path)
        if address.is_encrypted:
            client.tls_set_context(ssl.create_default_context())
        if settings.username:
            client.username_pw_set(settings.username, settings.password or None)
        client.connect_timeout = CONNECTING_TIME.total_seconds()
        client.max_inflight_messages_set(IN_FLIGHT)
        client.reconnect_delay_set(
            int(SHORTEST_PAUSE.total_seconds()), int(LONGEST_PAUSE.total_seconds())
        )
        client.on_connect = self._connected
        client.on_connect_fail = self._not_connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        return client

    def _connected(
        self,
        _client: paho.Client,
        _data: Any,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._say_away(f"it answers {reason}; see mqtt.client.username and password")
            return
        self._is_away = False
        logger.info("Events are forwarded to the MQTT broker %s", self._settings.broker)
        self._on_connected()

    def _not_connected(self, _client: paho.Client, _data: Any) -> None:
        self._say_away("it cannot be reached")

    def _disconnected(
        self,
        _client: paho.Client,
        _data: Any,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._say_away(f"the connection was lost ({reason})")

    def _published(
        self,
        _client: paho.Client,
        _data: Any,
        number: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        if reason.is_failure:
            # The broker will not take it another time either.
            logger.warning("The MQTT broker does not take a message: %s", reason)
        self._on_acknowledged(number)

    def _say_away(self, why: str) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning(
                "The MQTT broker %s does not take events: %s. They are kept until it does",
                self._settings.broker,
                why,
            )
