"""The messages of SSDP, by which workers find their Manager in the local network.

A search is a small HTTP-like request to a multicast group, an answer the head of an HTTP response.
What the headers are called and hold is what the workers of Flamenco 3 send and expect. They only
listen to one device, the same for every Manager; so each Manager answers as that one too, beside
the device that it really is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

GROUP = "239.255.255.250"
PORT = 1900
SERVICE_TYPE = "urn:flamenco:manager:0"
SHARED_DEVICE = "aa80bc5f-d0af-46b8-8630-23bd7e80ec4d"
"""The device that every Manager of Flamenco 3 is."""
DESCRIPTION_PATH = "upnp/description.xml"
"""From the address of a Manager on."""

SEARCH = "M-SEARCH * HTTP/1.1"
NOTIFY = "NOTIFY * HTTP/1.1"
ANSWER = "HTTP/1.1 200 OK"

NAME_HEADER = "NAME.FLAMENCO.BLENDER.ORG"
"""What the farm is called; percent-encoded, since headers are ASCII."""

_LONGEST_DATAGRAM = 4096
_HEADER = re.compile(r"([^\s:]+)[ \t]*:[ \t]*(.*?)[ \t]*")
_DEVICE = re.compile(r"uuid:([0-9A-Za-z-]+)(?:::|$)")


@dataclass(frozen=True, slots=True)
class Message:
    """What one datagram says."""

    start_line: str
    headers: Mapping[str, str]
    """With names in capitals."""

    @property
    def device(self) -> str:
        """The device that speaks, from the USN; empty if it does not say."""
        found = _DEVICE.match(self.headers.get("USN", ""))
        return found[1].lower() if found else ""

    @property
    def farm_name(self) -> str:
        return unquote(self.headers.get(NAME_HEADER, ""))

    def encode(self) -> bytes:
        lines = [self.start_line, *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("ascii", "replace")


def parse(datagram: bytes) -> Message | None:
    """None for what is no such message: anybody may send anything to the group."""
    if len(datagram) > _LONGEST_DATAGRAM:
        return None
    start_line, *lines = datagram.decode("latin-1").splitlines()  # some send bare newlines
    headers = {}
    for line in lines:
        if not line:
            break
        found = _HEADER.fullmatch(line)
        if found is None:
            return None
        headers[found[1].upper()] = found[2]
    return Message(start_line.strip(), headers)


def search(*, wait_seconds: int) -> bytes:
    """Asks for Managers, which may take so long to answer."""
    headers = {
        "HOST": f"{GROUP}:{PORT}",
        "MAN": '"ssdp:discover"',
        "MX": str(wait_seconds),
        "ST": SERVICE_TYPE,
    }
    return Message(SEARCH, headers).encode()


def encoded_name(name: str) -> str:
    return quote(name, safe=" ")
