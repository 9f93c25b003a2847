"""What Blender says of its devices on machines of each kind: type, name and id, in its order.

Names and ids are as people have published them from their machines: lists of Blender's
preferences, its logs, and what farms have kept of their workers. How Blender puts them together
(the processor behind the cards of each way, no processor where a way has no card) is held to
Blender itself by `test_devices_in_blender.py`.
"""

from __future__ import annotations

Recorded = dict[str, list[tuple[str, str, str]]]

_RYZEN = ("CPU", "AMD Ryzen 9 3900X 12-Core Processor", "CPU")
_FIRST, _SECOND = "GeForce RTX 2070 SUPER_0000:0c:00", "GeForce RTX 2070 SUPER_0000:0d:00"

NVIDIA: Recorded = {
    "CUDA": [
        ("CUDA", "GeForce RTX 2070 SUPER", f"CUDA_{_FIRST}"),
        ("CUDA", "GeForce RTX 2070 SUPER", f"CUDA_{_SECOND}"),
        _RYZEN,
    ],
    "OPTIX": [
        ("OPTIX", "GeForce RTX 2070 SUPER", f"CUDA_{_FIRST}_OptiX"),
        ("OPTIX", "GeForce RTX 2070 SUPER", f"CUDA_{_SECOND}_OptiX"),
        _RYZEN,
    ],
    "HIP": [],
    "ONEAPI": [],
}
OLD_NVIDIA: Recorded = {
    "CUDA": [("CUDA", "NVIDIA GeForce GTX 980", "CUDA_NVIDIA GeForce GTX 980_0000:01:00"), _RYZEN],
    "OPTIX": [],
}
_LEVEL_ZERO = "Intel(R) oneAPI Unified Runtime over Level-Zero"
_ULTRA = ("CPU", "Intel Core Ultra 9 285K", "CPU")
WORKSTATION: Recorded = {
    "CUDA": [("CUDA", "NVIDIA RTX A1000", "CUDA_NVIDIA RTX A1000_0000:01:00"), _ULTRA],
    "OPTIX": [("OPTIX", "NVIDIA RTX A1000", "CUDA_NVIDIA RTX A1000_0000:01:00_OptiX"), _ULTRA],
    "HIP": [],
    "ONEAPI": [
        (
            "ONEAPI",
            "Intel(R) Graphics",
            f"ONEAPI_{_LEVEL_ZERO} V2_Intel(R) Graphics_0000:00:02.0",
        ),
        _ULTRA,
    ],
}
"""A card, and the graphics that are part of the processor."""
AMD: Recorded = {
    "CUDA": [],
    "OPTIX": [],
    "HIP": [
        ("HIP", "AMD Radeon RX 6800M", "HIP_AMD Radeon RX 6800M_0000:03:00"),
        ("HIP", "AMD Radeon(TM) Graphics", "HIP_AMD Radeon(TM) Graphics_0000:68:00"),
        ("CPU", "AMD Ryzen 7 6800HS", "CPU"),
    ],
    "ONEAPI": [],
}
NEW_AMD: Recorded = {
    "CUDA": [],
    "OPTIX": [],
    "HIP": [
        ("HIP", "AMD Radeon RX 9070 XT", "HIP_AMD Radeon RX 9070 XT_0000:03:00"),
        ("CPU", "AMD Ryzen 9 9950X3D 16-Core Processor", "CPU"),
    ],
    "ONEAPI": [],
}
INTEL: Recorded = {
    "CUDA": [],
    "OPTIX": [],
    "HIP": [],
    "ONEAPI": [
        (
            "ONEAPI",
            "Intel(R) Arc(TM) A770 Graphics",
            f"ONEAPI_{_LEVEL_ZERO}_Intel(R) Arc(TM) A770 Graphics_0000:03:00.0",
        ),
        ("CPU", "13th Gen Intel Core i5-13400F", "CPU"),
    ],
}
APPLE: Recorded = {
    "METAL": [
        ("METAL", "Apple M4 Max (GPU - 40 cores)", "METAL_Apple M4 Max (GPU - 40 cores)"),
        ("CPU", "Apple M4 Max", "CPU"),
    ]
}
NO_CARD: Recorded = {"CUDA": [], "OPTIX": [], "HIP": [], "ONEAPI": []}

MACHINES = {
    "nvidia": NVIDIA,
    "old": OLD_NVIDIA,
    "workstation": WORKSTATION,
    "amd": AMD,
    "new amd": NEW_AMD,
    "intel": INTEL,
    "apple": APPLE,
    "none": NO_CARD,
}
