"""Workers find their Manager by themselves, from answers of an independent program.

All of it on the loopback interface: the workers' configuration names no other one.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flamenco_core.client import ssdp
from flamenco_worker import finding
from flamenco_worker.config import WorkerConfig
from flamenco_worker.finding import NoManagerFound, find_manager
from tests.eventually import eventually

GROUP = "239.255.255.250"
SERVICE = "urn:flamenco:manager:0"
DEVICE = "aa80bc5f-d0af-46b8-8630-23bd7e80ec4d"
LOOPBACK = socket.inet_aton("127.0.0.1")
LIMIT = timedelta(seconds=1)
"""For what is not to be found."""
PATIENCE = timedelta(seconds=60)


class FoundFarm:
    """Answers searches and the question for a version, as Flamenco 3's Manager does.

    The answers are written out here; nothing of the project's own code takes part.
    """

    def __init__(self, name: str, farm_id: str = "", *, scheme: str = "http") -> None:
        version = {"version": "3.9", "shortversion": "3.9", "name": name, "git": "abc"}
        body = json.dumps(version | ({"farm_id": farm_id} if farm_id else {})).encode()

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_known = self.path == "/api/v3/version"
                self.send_response(200 if is_known else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"{scheme}://127.0.0.1:{self._http.server_address[1]}/"
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port = ssdp.PORT
        self._udp.bind((GROUP, self._port))
        member = socket.inet_aton(GROUP) + LOOPBACK
        self._udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._udp.settimeout(0.1)
        self._stopping = threading.Event()
        self.neighbours: tuple[FoundFarm, ...] = ()
        """Farms that are told of with this one, so that who hears of one hears of all."""

    @contextmanager
    def running(self) -> Iterator[str]:
        threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,)),
            threading.Thread(target=self._answer_searches),
        ]
        for thread in threads:
            thread.start()
        try:
            yield self.url
        finally:
            self._stopping.set()
            self._http.shutdown()
            for thread in threads:
                thread.join()
            self._http.server_close()
            self._udp.close()

    def _answer_searches(self) -> None:
        while not self._stopping.is_set():
            try:
                question, asker = self._udp.recvfrom(4096)
            except TimeoutError:
                continue
            lines = question.decode("ascii").split("\r\n")
            if lines[0] != "M-SEARCH * HTTP/1.1" or f"ST: {SERVICE}" not in lines:
                continue
            assert 'MAN: "ssdp:discover"' in lines
            assert f"HOST: 239.255.255.250:{self._port}" in lines
            assert any(line.startswith("MX: ") for line in lines)
            nothing = "HTTP/1.1 200 OK\r\nST: other\r\nLOCATION: http://127.0.0.1:1/\r\n\r\n"
            self._udp.sendto(b"garbage", asker)
            self._udp.sendto(nothing.encode(), asker)
            for farm in (self, *self.neighbours):
                self._udp.sendto(farm.answer.encode(), asker)

    @property
    def answer(self) -> str:
        """To a search."""
        return (
            "HTTP/1.1 200 OK\r\n"
            f"ST: {SERVICE}\r\n"
            f"USN: uuid:{DEVICE}::{SERVICE}\r\n"
            f"LOCATION: {self.url}upnp/description.xml\r\n"
            "CACHE-CONTROL: max-age=3600\r\nSERVER: Test\r\nEXT: \r\n\r\n"
        )


@contextmanager
def farms(*found: FoundFarm) -> Iterator[list[str]]:
    with ExitStack() as stack:
        yield [stack.enter_context(farm.running()) for farm in found]


@pytest.fixture(autouse=True)
def _quickly_and_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine's port 8080 is none of these tests' business."""
    monkeypatch.setattr(finding, "LOCAL_MANAGER", "http://127.0.0.1:1/")
    monkeypatch.setattr(finding, "SEARCH_TIME", timedelta(seconds=0.6))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("", 0))
        port: int = free.getsockname()[1]
    # Other Managers may be looked for on this machine at the same time.
    monkeypatch.setattr(ssdp, "PORT", port)


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(home=tmp_path, worker_name="w", discovery_interfaces=("127.0.0.1",))


def found_by(config: WorkerConfig, limit: timedelta = PATIENCE) -> str:
    return find_manager(config, limit=limit)


def test_the_only_manager_is_taken(config: WorkerConfig) -> None:
    with farms(FoundFarm("Flamenco")) as (url,):
        assert found_by(config) == url


def test_a_worker_stays_with_the_farm_that_it_found_first(config: WorkerConfig) -> None:
    with farms(FoundFarm("Studio", "farm-1")) as (url,):
        assert found_by(config) == url
    with farms(FoundFarm("Annex", "farm-2"), FoundFarm("Studio", "farm-1")) as (_, url):
        assert found_by(config) == url  # at its new address
    with (
        farms(FoundFarm("Annex", "farm-2")),
        pytest.raises(NoManagerFound, match=r"this worker's farm \(farm-1\)"),
    ):
        found_by(config, LIMIT)


def test_a_new_worker_does_not_choose_between_farms(config: WorkerConfig) -> None:
    studio, annex = FoundFarm("Studio", "farm-1"), FoundFarm("Annex", "farm-2")
    studio.neighbours, annex.neighbours = (annex,), (studio,)
    with (
        farms(studio, annex) as urls,
        pytest.raises(NoManagerFound, match="several Managers") as refused,
    ):
        found_by(config)
    assert all(url in str(refused.value) for url in urls)
    assert "--manager" in str(refused.value)


def test_one_farm_at_two_addresses_is_one(config: WorkerConfig) -> None:
    with farms(FoundFarm("Studio", "farm-1"), FoundFarm("Studio", "farm-1")) as urls:
        assert found_by(config) in urls


def test_a_manager_on_this_machine_comes_before_others(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with farms(FoundFarm("Annex", "farm-2"), FoundFarm("Studio", "farm-1")) as (_, url):
        monkeypatch.setattr(finding, "LOCAL_MANAGER", url)
        assert found_by(config) == url


def test_a_manager_that_cannot_be_reached_is_not_passed_over_in_silence(
    config: WorkerConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def is_named() -> bool:
        with pytest.raises(NoManagerFound):
            found_by(config, LIMIT)
        return "The Manager at https://127.0.0.1:" in caplog.text

    with farms(FoundFarm("Studio", scheme="https")):
        eventually(is_named)  # its answer may come too late for the first search
    assert "cannot be reached" in caplog.text
    assert "127.0.0.1:1 " not in caplog.text  # where nobody said that there is one


def test_nothing_found_says_what_to_do(config: WorkerConfig) -> None:
    with pytest.raises(NoManagerFound, match=r"No Manager can be found.*--manager"):
        found_by(config, LIMIT)


PROGRAM = """
import sys
from flamenco_core.client import ssdp
from flamenco_worker.cli import main
assert ssdp.PORT == 1900, "where Managers hear"
ssdp.PORT = int(sys.argv.pop(1))
main()
"""
"""Looks where no Manager of anybody else on this machine answers."""


def test_the_program_lists_what_it_finds(tmp_path: Path) -> None:
    (tmp_path / "flamenco-worker.yaml").write_text("discovery_interfaces: [127.0.0.1]\n")
    options = [str(ssdp.PORT), "--find-manager", "--home", str(tmp_path)]
    with farms(FoundFarm("Studio", "farm-1")) as (url,):
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *options],
            cwd=tmp_path,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert f"Studio at {url} (3.9)" in ended.stdout.splitlines()
