"""What a Manager does with each file of a large project takes it longer than other requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flamenco_core.client import ManagerClient, ManagerUnreachable
from flamenco_core.model import ShamanCheckout, ShamanFileSpec, ShamanRequirementsRequest

USUAL_TIME = timedelta(seconds=0.2)
SLOWLY = 1.0
"""Seconds; far more than `USUAL_TIME`, and far less than a large project is given."""
FILES = [ShamanFileSpec(sha="a" * 64, size=1, path=f"frame{n}.png") for n in range(3000)]


class SlowStorage(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        threading.Event().wait(SLOWLY)
        is_checkout = self.path.endswith("create")
        answer = {"checkoutPath": asked["checkoutPath"]} if is_checkout else {"files": []}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def client() -> Iterator[ManagerClient]:
    server = HTTPServer(("127.0.0.1", 0), SlowStorage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with ManagerClient(f"http://127.0.0.1:{server.server_port}", timeout=USUAL_TIME) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_large_project_is_waited_for(client: ManagerClient) -> None:
    assert client.shaman_checkout_requirements(ShamanRequirementsRequest(files=FILES)) == []
    assert client.shaman_checkout(ShamanCheckout(files=FILES, checkoutPath="shot")) == "shot"


def test_a_small_one_has_to_be_quick(client: ManagerClient) -> None:
    with pytest.raises(ManagerUnreachable, match="in time"):
        client.shaman_checkout(ShamanCheckout(files=FILES[:1], checkoutPath="shot"))
