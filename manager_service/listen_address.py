"""Where a Manager listens."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from typing import Self

from flamenco_core.errors import FlamencoError, InvalidInput, Problem

HIGHEST_PORT = 65535
EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})
"""Hosts that stand for all addresses of this machine."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class AddressInUse(FlamencoError):
    """Another program listens where this Manager should."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; an empty host is every address of this machine."""

    host: str
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The address that a person on this machine can open."""
        return self.url_at("localhost" if self.is_everywhere else self.host)

    @property
    def is_everywhere(self) -> bool:
        return self.host in EVERY_ADDRESS

    def url_at(self, host: str) -> str:
        """The address with another name or IP address of this machine."""
        host = f"[{host}]" if ":" in host else host
        port = "" if DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}/"

    def with_port(self, port: int) -> Self:
        return replace(self, port=port)


def parse_listen(text: str, *, scheme: str = "http", setting: str = "listen") -> ListenAddress:
    """Reads `host:port`, `:port` or `[v6 address]:port`; raises `InvalidInput`."""
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not colon or not port.isascii() or not port.isdigit() or int(port) > HIGHEST_PORT:
        what = f"{text!r} is not host:port, such as localhost:8080 or :8080"
        raise InvalidInput(what, problems=[Problem(setting, what)])
    return ListenAddress(host, int(port), scheme)


def listen_error(error: OSError, listen: ListenAddress) -> FlamencoError:
    """Why it is not possible to listen there, in words for whoever can change that."""
    where = f"{listen.host or 'every address'}, port {listen.port}"
    if error.errno == errno.EADDRINUSE:
        option = "--listen" if listen.scheme == "http" else "listen_https"
        return AddressInUse(
            f"Another program already listens on {where}; stop it, or choose another port "
            f"with {option}"
        )
    return AddressInUse(f"Cannot listen on {where}: {error.strerror or error}")
