"""Only what really comes from the Manager's own machine counts as that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.test_utils import make_mocked_request

from manager_service.this_machine import is_from_this_machine


class Transport:
    """The part of a connection that tells whose other end it is."""

    def __init__(self, peer: Any) -> None:
        self._peer = peer

    def get_extra_info(self, key: str, default: Any = None) -> Any:
        return self._peer if key == "peername" else default

    def is_closing(self) -> bool:
        return False


def request(
    peer: Any,
    host: str = "localhost:8080",
    *,
    old: bool = False,
    extra: Mapping[str, str] | None = None,
) -> web.Request:
    named = {name.replace("_", "-"): value for name, value in (extra or {}).items()}
    return make_mocked_request(
        "GET",
        "/",
        headers={"Host": host, **named},
        version=HttpVersion10 if old else HttpVersion11,
        transport=Transport(peer),
    )


HERE = ("127.0.0.1", 50000)


@pytest.mark.parametrize(
    "peer", [HERE, ("127.8.9.1", 1), ("::1", 1, 0, 0), ("::ffff:127.0.0.1", 1, 0, 0)]
)
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_a_program_on_this_machine_is_known(peer: Any, host: str) -> None:
    assert is_from_this_machine(request(peer, host))


@pytest.mark.parametrize(
    "peer",
    [
        ("10.0.0.7", 1),
        ("192.168.1.2", 1),
        ("fe80::1%eth0", 1, 0, 2),
        ("::ffff:10.0.0.7", 1),
        "",
        None,
    ],
)
def test_another_machine_is_never_this_one_whatever_it_says(peer: Any) -> None:
    assert not is_from_this_machine(request(peer, extra={"X-Real-IP": "127.0.0.1"}))
    assert not is_from_this_machine(request(peer, "127.0.0.1"))


@pytest.mark.parametrize(
    "mark",
    ["Forwarded", "X_Forwarded_For", "X_Forwarded_Host", "X_Forwarded_Proto", "Via", "X_Real_IP"],
)
def test_what_a_proxy_passes_on_is_not_from_this_machine(mark: str) -> None:
    assert not is_from_this_machine(request(HERE, extra={mark: "127.0.0.1"}))


@pytest.mark.parametrize(
    "host", ["farm.studio", "10.0.0.7:8080", "localhost.evil.example", "", "0"]
)
def test_a_proxy_that_keeps_the_name_is_noticed_by_it(host: str) -> None:
    assert not is_from_this_machine(request(HERE, host))


def test_a_proxy_that_speaks_http_1_0_is_noticed() -> None:
    assert not is_from_this_machine(request(HERE, old=True))


def test_a_configured_proxy_is_never_this_machine() -> None:
    assert not is_from_this_machine(request(HERE), proxies=["127.0.0.1"])
    assert not is_from_this_machine(request(HERE), proxies=["127.0.0.0/8"])
    assert is_from_this_machine(request(HERE), proxies=["10.0.0.0/8", "fd00::/8"])
