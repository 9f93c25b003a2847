"""What this Manager says of itself to those who look for one."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from flamenco_core.client import ssdp
from flamenco_core.version import current_version

_NAMESPACE = "urn:schemas-upnp-org:device-1-0"


@dataclass(frozen=True, slots=True)
class Device:
    """One farm's Manager, as others in the network tell it from the next one."""

    uuid: str
    farm_id: str
    name: Callable[[], str]
    """Can be changed while the Manager runs."""
    urls: Callable[[str], list[str]]
    """Where whoever asks from an address reaches it, the best first; `""` is nobody special."""

    @property
    def server(self) -> str:
        """The products, as UPnP wants them named."""
        release = current_version().tag.removeprefix("v")
        return f"{platform.system()}/{platform.release()} UPnP/1.1 Flamenco/{release}"


def description(device: Device) -> bytes:
    """The XML that a search's answer points to. Workers never read it; other programs show it."""
    root = ElementTree.Element("root", xmlns=_NAMESPACE)
    version = ElementTree.SubElement(root, "specVersion")
    _texts(version, major="1", minor="0")
    _texts(root, URLBase="/")
    details = ElementTree.SubElement(root, "device")
    _texts(
        details,
        deviceType=ssdp.SERVICE_TYPE,
        friendlyName=device.name(),
        manufacturer="Flamenco for Python",
        modelName="Flamenco",
        modelNumber=current_version().shown,
        serialNumber=device.farm_id,
        UDN=f"uuid:{device.uuid}",
    )
    ElementTree.SubElement(details, "serviceList")
    _texts(details, presentationURL="/")
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _texts(parent: ElementTree.Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text
