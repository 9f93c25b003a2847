"""Which addresses a Manager tells others to use."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from manager_service.discovery.announcer import nearest_first
from manager_service.listen_address import ListenAddress
from manager_service.own_urls import OwnUrls, own_interfaces, reachable
from tests.manager_service.running_manager import RunningManager


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["::1", "127.0.0.1"], ["127.0.0.1", "::1"]),
        (["127.0.0.1", "169.254.3.4"], ["169.254.3.4"]),
        (["127.0.0.1", "169.254.3.4", "10.0.0.9"], ["10.0.0.9"]),
        (["fd00::7", "fe80::1", "192.168.1.2", "10.0.0.9"], ["10.0.0.9", "192.168.1.2", "fd00::7"]),
        (["0.0.0.0", "224.0.0.1"], []),
    ],
)
def test_the_most_useful_addresses_are_told(addresses: list[str], expected: list[str]) -> None:
    assert reachable(map(ip_address, addresses)) == expected


INTERFACES = [ip_interface(text) for text in ("127.0.0.1/8", "10.0.0.9/24", "10.1.0.9/24")]


def test_a_manager_on_every_address_has_one_url_for_each() -> None:
    urls = OwnUrls(ListenAddress("", 8080)).all(INTERFACES)
    assert urls == ["http://10.0.0.9:8080/", "http://10.1.0.9:8080/"]
    assert nearest_first(urls, INTERFACES, "10.1.0.77") == urls[::-1]
    assert nearest_first(urls, INTERFACES, "") == urls


def test_what_is_set_and_what_the_certificate_says_count_more() -> None:
    listen = ListenAddress("10.0.0.9", 443, "https")
    assert OwnUrls(listen).all(INTERFACES) == ["https://10.0.0.9/"]
    names = ("localhost", "127.0.0.1", "farm.studio", "*.lan", "fd00::7")
    assert OwnUrls(listen, names=names).all(INTERFACES) == [
        "https://farm.studio/",
        "https://[fd00::7]/",
    ]
    own = OwnUrls(listen, own_url="https://farm.studio:8443", names=names)
    assert own.all(INTERFACES) == ["https://farm.studio:8443/"]


def test_the_addresses_of_this_machine_are_known() -> None:
    assert "127.0.0.1" in {str(interface.ip) for interface in own_interfaces()}


def test_a_manager_tells_its_addresses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level("INFO"),
        RunningManager(tmp_path, own_url="https://farm.studio") as manager,
    ):
        report = manager.get("/network").json
    assert report["urls"] == ["https://farm.studio/"]
    assert "certificate" not in report
    assert "The Manager is reached at https://farm.studio/" in caplog.text
