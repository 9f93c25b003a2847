"""A real MQTT broker on a port of its own, and its command that prints what is published."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.manager_service.running_manager import TIME_LIMIT
from tests.ports import free_port

USER, PASSWORD = "flamenco", "unguessable"


def find_mosquitto() -> str:
    """The broker's program; skips the test if there is none."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("mosquitto", path=places)
    if found is None:
        pytest.skip("mosquitto is missing: apt-get install mosquitto")
    return found


@dataclass
class Mosquitto:
    """Runs while it is entered; can be stopped and started again on the same port."""

    folder: Path
    options: list[str] = field(default_factory=list)
    """More lines of its configuration."""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        if not self.port:
            self.port = free_port()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        # What the broker has accepted must survive its own restart.
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {self.folder}/",
            "user root" if os.geteuid() == 0 else "",
            *(self.options or ["allow_anonymous true"]),
        ]
        file = self.folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [find_mosquitto(), "-c", str(file)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "mosquitto.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(TIME_LIMIT)
            self.process = None


class Listener:
    """Subscribes to everything, in a session that the broker keeps while it is away."""

    def __init__(self, port: int, *, password: str = "") -> None:
        self.heard: list[tuple[str, Any]] = []
        self._changed = threading.Condition()
        self._is_ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False
        )
        if password:
            self._client.username_pw_set(USER, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._is_ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._is_ready.wait(TIME_LIMIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, *_: Any) -> None:
        self._client.subscribe("#", qos=1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            assert message.qos == 1
            assert not message.retain
            self.heard.append((message.topic, json.loads(message.payload)))
            self._changed.notify_all()

    def wait(self, topic: str, is_it: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first message under a topic that fits."""
        deadline = time.monotonic() + TIME_LIMIT
        with self._changed:
            while True:
                for heard, data in self.heard:
                    if heard == topic and is_it(data):
                        return data
                left = deadline - time.monotonic()
                assert left > 0, f"no such {topic} among {self.heard}"
                self._changed.wait(left)
