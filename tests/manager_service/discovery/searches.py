"""Programs that look for Managers, written from what the protocols say. They share no code with
ours, and never leave the loopback interface.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import dns.message
import dns.rdatatype

LOOPBACK = socket.inet_aton("127.0.0.1")
SSDP_GROUP = ("239.255.255.250", 1900)
MDNS_GROUP = ("224.0.0.251", 5353)


@dataclass(frozen=True)
class SsdpAnswer:
    status_line: str
    headers: dict[str, str]


def ssdp_search(target: str, *, seconds: float = 1.0, man: str = '"ssdp:discover"') -> bytes:
    return (
        "M-SEARCH * HTTP/1.1\r\n"
        "HOST: 239.255.255.250:1900\r\n"
        f"ST: {target}\r\n"
        f"MAN: {man}\r\n"
        f"MX: {seconds:.0f}\r\n\r\n"
    ).encode()


def ssdp_answers(question: bytes, *, seconds: float = 1.0) -> Iterator[SsdpAnswer]:
    """What comes back within that time; other programs of this machine may answer as they like."""
    with _sender() as sock:
        sock.sendto(question, SSDP_GROUP)
        for datagram in _received(sock, seconds):
            if datagram.startswith(b"HTTP/"):
                yield parsed(datagram)


def ssdp_listener() -> socket.socket:
    """Hears all that is said to the group on the loopback interface."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(SSDP_GROUP)
    member = socket.inet_aton(SSDP_GROUP[0]) + LOOPBACK
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    return sock


def parsed(datagram: bytes) -> SsdpAnswer:
    status_line, *lines = datagram.decode("ascii").split("\r\n")
    assert lines[-2:] == ["", ""]
    pairs = (line.split(": ", 1) for line in lines if line)
    return SsdpAnswer(status_line, dict(pair for pair in pairs if len(pair) == 2))


def mdns_records(name: str, kind: str, *, seconds: float = 1.0) -> list[str]:
    """The data of the records that come back, as text."""
    question = dns.message.make_query(name, kind, id=0, flags=0)
    found: list[str] = []
    with _sender() as sock:
        sock.sendto(question.to_wire(), MDNS_GROUP)
        for datagram in _received(sock, seconds):
            # NSEC records are compressed in mDNS, which plain DNS forbids.
            answer = dns.message.from_wire(datagram, continue_on_error=True)
            for section in (answer.answer, answer.additional):
                for records in section:
                    if records.rdtype == dns.rdatatype.from_text(kind):
                        found += [record.to_text() for record in records]
    return found


def _sender() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, LOOPBACK)
    sock.bind(("127.0.0.1", 0))
    return sock


def _received(sock: socket.socket, seconds: float) -> Iterator[bytes]:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            yield sock.recv(65536)
        except TimeoutError:
            return
