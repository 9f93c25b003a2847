"""The Manager follows the addresses of its machine."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Interface

import pytest

from flamenco_core.client import ssdp
from manager_service.discovery import announcer, ssdp_responder
from manager_service.discovery.announcer import Announcer
from manager_service.discovery.device import Device
from manager_service.listen_address import ListenAddress
from tests.manager_service.discovery.searches import ssdp_answers, ssdp_search
from tests.manager_service.running_manager import TIME_LIMIT

OWN = "4c3f5e0a-6d0e-4d58-9f3a-2f4f2a6f9b11"
DEVICE = Device(OWN, OWN, lambda: "Studio", lambda _asker: ["http://127.0.0.1:8080/"])


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "LOOKING_PERIOD", timedelta(milliseconds=50))


def is_found() -> bool:
    return bool(list(ssdp_answers(ssdp_search(f"uuid:{OWN}"), seconds=0.4)))


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIME_LIMIT
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, "this never came true"


def test_a_machine_that_gets_its_network_late_is_found_then() -> None:
    interfaces: list[str] = []

    async def run() -> None:
        announcing = Announcer(DEVICE, ListenAddress("", 8080), lambda: list(interfaces))
        announcing.start()
        assert not await asyncio.to_thread(is_found)
        interfaces.append("127.0.0.1")
        await until(is_found)
        interfaces.clear()
        await until(lambda: not is_found())
        interfaces.append("127.0.0.1")
        await until(is_found)
        await announcing.stop()
        assert not await asyncio.to_thread(is_found)

    asyncio.run(run())


def test_a_machine_that_does_not_tell_its_addresses_at_times_is_asked_again() -> None:
    looks = 0

    def interfaces() -> list[str]:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise OSError("too many open files")
        return ["127.0.0.1"]

    async def run() -> None:
        announcing = Announcer(DEVICE, ListenAddress("", 8080), interfaces)
        announcing.start()
        await until(is_found)
        await announcing.stop()

    asyncio.run(run())


def test_a_port_that_another_program_keeps_is_said_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))  # and does not share it
        monkeypatch.setattr(ssdp, "PORT", other.getsockname()[1])
        attempts = 0
        real = ssdp_responder.SsdpResponder.start

        async def counted(responder: ssdp_responder.SsdpResponder) -> None:
            nonlocal attempts
            attempts += 1
            await real(responder)

        monkeypatch.setattr(ssdp_responder.SsdpResponder, "start", counted)

        async def run() -> None:
            announcing = Announcer(DEVICE, ListenAddress("", 8080), lambda: ["127.0.0.1"])
            announcing.start()
            await until(lambda: "SSDP" in announcing.problems)
            await until(lambda: attempts > 3)
            other.close()
            await until(lambda: not announcing.problems)
            await announcing.stop()

        asyncio.run(run())
    said = [record.message for record in caplog.records if "over SSDP" in record.message]
    assert len(said) == 1, said
    assert "Address already in use" in said[0]


def test_nobody_outside_of_our_networks_is_answered_and_no_search_has_them_listed() -> None:
    """Whoever floods the Manager with searches must not have it ask the system each time."""
    asked: list[int] = []

    def networks() -> list[IPv4Interface]:
        asked.append(threading.get_ident())
        return known

    def interfaces() -> list[str]:
        looks.append(threading.get_ident())
        return ["127.0.0.1"]

    known, looks = [IPv4Interface("127.0.0.1/8")], list[int]()

    async def run() -> None:
        announcing = Announcer(DEVICE, ListenAddress("", 8080), interfaces, networks)
        announcing.start()
        await until(is_found)
        known[:] = [IPv4Interface("192.0.2.1/24")]
        await until(lambda: not is_found())
        await announcing.stop()

    asyncio.run(run())
    own = threading.get_ident()
    assert own in asked
    assert own not in looks, "the event loop waits for no system that lists its adapters"
