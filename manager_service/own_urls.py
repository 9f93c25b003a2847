"""The addresses at which this Manager is reached, for people, workers and the log."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manager_service.listen_address import ListenAddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass(frozen=True, slots=True)
class OwnUrls:
    """What is known of the ways to a Manager."""

    listen: ListenAddress
    own_url: str = ""
    """From the configuration; it counts more than all else."""
    names: tuple[str, ...] = ()
    """Of the certificate: by other names clients would refuse it."""

    def all(self, interfaces: Iterable[IpInterface]) -> list[str]:
        """The best one first. Through `own_url` alone, if that is set."""
        if self.own_url:
            return [self.own_url if self.own_url.endswith("/") else f"{self.own_url}/"]
        hosts: Sequence[str] = _for_others(self.names)
        if not hosts:
            is_bound = not self.listen.is_everywhere
            hosts = [self.listen.host] if is_bound else reachable(i.ip for i in interfaces)
        return [self.listen.url_at(host) for host in hosts]


def _for_others(names: Iterable[str]) -> list[str]:
    """The names of a certificate that can be told to others; those of this machine if it has no
    others.
    """
    usable = [name for name in names if not name.startswith("*")]
    return [name for name in usable if not _is_of_this_machine(name)] or usable


def _is_of_this_machine(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def own_interfaces() -> list[IpInterface]:
    """The addresses of this machine, with their networks."""
    import ifaddr

    found: list[IpInterface] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            # An address of version 6 comes with its flow and scope.
            address = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            found.append(ipaddress.ip_interface(f"{address}/{ip.network_prefix}"))
    return found


def reachable(addresses: Iterable[IpAddress]) -> list[str]:
    """Those that others could use, in Flamenco 3's order: version 4 before 6, then by their bytes.

    Addresses that are good for one cable only count if there are no others; those of this machine
    alone come in at the very last.
    """
    usable = {ip for ip in addresses if not (ip.is_multicast or ip.is_unspecified)}
    usable -= {ip for ip in usable if ip.version == 6 and ip.is_link_local}
    for chosen in (
        [ip for ip in usable if not ip.is_loopback and not ip.is_link_local],
        [ip for ip in usable if not ip.is_loopback],
        usable,
    ):
        if chosen:
            return [str(ip) for ip in sorted(chosen, key=lambda ip: (ip.version, ip.packed))]
    return []
