"""Managers are found on the loopback interface, by programs that share no code with them."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from flamenco_core.client.discovery import find_managers
from tests.manager_service.discovery.searches import (
    SsdpAnswer,
    mdns_records,
    parsed,
    ssdp_answers,
    ssdp_listener,
    ssdp_search,
)
from tests.manager_service.running_manager import TIME_LIMIT, RunningManager

SERVICE = "urn:flamenco:manager:0"
EVERY_FLAMENCO_3 = "uuid:aa80bc5f-d0af-46b8-8630-23bd7e80ec4d"
ON_LOOPBACK: dict[str, Any] = {"discovery_interfaces": ("127.0.0.1",)}
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
NAMESPACE = "{urn:schemas-upnp-org:device-1-0}"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    home = tmp_path_factory.mktemp("farm")
    with RunningManager(home, manager_name="Straße 7", **ON_LOOPBACK) as running:
        yield running


def url(manager: RunningManager) -> str:
    return f"http://127.0.0.1:{manager.port}/"


def farm_id(manager: RunningManager) -> str:
    found: str = manager.get("/version").json["farm_id"]
    return found


def answers(manager: RunningManager, target: str, *, at_least: int = 1) -> list[SsdpAnswer]:
    """Those of this Manager to one search; others may run on this machine.

    A search that had to end before so many came is made again.
    """

    def ask() -> list[SsdpAnswer]:
        found = list(ssdp_answers(ssdp_search(target), seconds=0.6))
        own = [one for one in found if one.headers["LOCATION"].startswith(url(manager))]
        return own if len(own) >= at_least else []

    return until(ask)


def until(ask: Callable[[], list]) -> list:
    deadline = time.monotonic() + TIME_LIMIT
    while not (found := ask()):
        assert time.monotonic() < deadline, "nothing was found"
    return found


def test_workers_of_flamenco_3_find_it(manager: RunningManager) -> None:
    theirs = [
        one
        for one in answers(manager, SERVICE, at_least=2)
        if one.headers["USN"] == f"{EVERY_FLAMENCO_3}::{SERVICE}"
    ]
    (answer,) = theirs
    assert answer.status_line == "HTTP/1.1 200 OK"
    assert answer.headers["ST"] == SERVICE
    assert answer.headers["LOCATION"] == f"{url(manager)}upnp/description.xml"
    assert answer.headers["CACHE-CONTROL"] == "max-age=3600"
    assert {"DATE", "SERVER"} <= set(answer.headers)


def test_its_own_device_and_name_tell_it_from_other_farms(manager: RunningManager) -> None:
    own = f"uuid:{farm_id(manager)}"
    found = answers(manager, SERVICE, at_least=2)
    devices = {one.headers["USN"].partition("::")[0] for one in found}
    assert devices == {own, EVERY_FLAMENCO_3}
    (answer,) = answers(manager, own)
    assert answer.headers["USN"] == answer.headers["ST"] == own
    assert answer.headers["NAME.FLAMENCO.BLENDER.ORG"] == "Stra%C3%9Fe 7"


def test_searches_for_all_devices_find_it_once_in_each_role(manager: RunningManager) -> None:
    own = f"uuid:{farm_id(manager)}"
    assert [one.headers["USN"] for one in answers(manager, "ssdp:all", at_least=4)] == [
        f"{own}::upnp:rootdevice",
        own,
        f"{own}::{SERVICE}",
        f"{EVERY_FLAMENCO_3}::{SERVICE}",
    ]


@pytest.mark.parametrize(
    "question",
    [
        ssdp_search("urn:schemas-upnp-org:device:MediaServer:1"),
        ssdp_search(SERVICE, man='"ssdp:other"'),
        b"M-SEARCH * HTTP/1.1\r\nno header\r\n\r\n",
        b"\xff\x00" * 700,
        ssdp_search(SERVICE) + b"x" * 5000,
        b"",
    ],
)
def test_what_is_no_search_for_it_gets_no_answer(manager: RunningManager, question: bytes) -> None:
    found = list(ssdp_answers(question, seconds=0.4))
    assert not [one for one in found if url(manager) in one.headers.get("LOCATION", "")]
    assert answers(manager, SERVICE)  # and it goes on answering


def test_the_description_is_the_one_that_its_answer_points_to(manager: RunningManager) -> None:
    (answer, *_) = answers(manager, SERVICE)
    with DIRECTLY.open(answer.headers["LOCATION"], timeout=TIME_LIMIT) as reply:
        assert reply.headers.get_content_type() == "text/xml"
        device = ElementTree.fromstring(reply.read()).find(f"{NAMESPACE}device")
    assert device is not None
    texts = {child.tag.removeprefix(NAMESPACE): child.text for child in device}
    assert texts["deviceType"] == SERVICE
    assert texts["friendlyName"] == "Straße 7"
    assert texts["UDN"] == f"uuid:{farm_id(manager)}"
    assert texts["presentationURL"] == "/"


def test_it_says_when_it_comes_and_goes(tmp_path: Path) -> None:
    device = "0b7f1f2e-64ab-4f27-8d2b-0a0c3f5a1a11"
    with ssdp_listener() as listener:
        with RunningManager(tmp_path, ssdp_device_uuid=device, **ON_LOOPBACK) as manager:
            alive = _heard(listener, device)
            assert alive.headers["LOCATION"] == f"{url(manager)}upnp/description.xml"
            assert alive.headers["NTS"] == "ssdp:alive"
        while (gone := _heard(listener, device)).headers["NTS"] == "ssdp:alive":
            pass
        assert gone.headers["NTS"] == "ssdp:byebye"


def _heard(listener: socket.socket, device: str) -> SsdpAnswer:
    listener.settimeout(TIME_LIMIT)
    while True:
        message = parsed(listener.recv(65536))
        if message.status_line.startswith("NOTIFY") and device in message.headers["USN"]:
            return message


def test_the_name_service_of_the_network_knows_it(manager: RunningManager) -> None:
    def own_names() -> list[str]:
        names = mdns_records("_flamenco._tcp.local.", "PTR", seconds=0.5)
        return [name for name in names if name.startswith("Stra\\195\\159e\\0327")]

    own = until(own_names)
    (service, *_) = until(lambda: mdns_records(own[0], "SRV", seconds=0.5))
    assert service.split()[2] == str(manager.port)
    assert service.split()[3] == f"{socket.gethostname().partition('.')[0]}.local."
    (texts, *_) = until(lambda: mdns_records(own[0], "TXT", seconds=0.5))
    assert f'"id={farm_id(manager)}"' in texts
    assert f'"url={url(manager)}"' in texts


def test_our_own_search_tells_several_farms_apart(manager: RunningManager, tmp_path: Path) -> None:
    with RunningManager(tmp_path, manager_name="Annex", **ON_LOOPBACK) as annex:

        def both() -> list:
            found = find_managers(interfaces=["127.0.0.1"])
            ours = [one for one in found if one.url in (url(manager), url(annex))]
            return ours if len(ours) == 2 else []

        first, second = until(both)
        assert (first.name, first.url, first.farm_id) == ("Annex", url(annex), farm_id(annex))
        assert (second.name, second.url) == ("Straße 7", url(manager))


def test_a_manager_of_this_machine_alone_is_not_announced(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        assert manager.get("/network").json["is_discoverable"] is False
        with pytest.raises(urllib.error.HTTPError, match="404"):
            DIRECTLY.open(f"{url(manager)}upnp/description.xml", timeout=TIME_LIMIT)
        found = ssdp_answers(ssdp_search(SERVICE), seconds=0.5)
        assert not [one for one in found if url(manager) in one.headers["LOCATION"]]


def test_discovery_is_switched_off_by_its_setting(tmp_path: Path) -> None:
    with RunningManager(tmp_path, autodiscoverable=False, **ON_LOOPBACK) as manager:
        assert manager.get("/network").json["is_discoverable"] is False
        found = ssdp_answers(ssdp_search(SERVICE), seconds=0.5)
        assert not [one for one in found if url(manager) in one.headers["LOCATION"]]
