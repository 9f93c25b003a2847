"""What Blender says of its devices on machines of each kind: type, name and id, in its order.

Names and ids are as people have published them from their machines; every list ends with the
processor, as Blender's do.
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
    "OPTIX": [_RYZEN],
}
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
INTEL: Recorded = {
    "CUDA": [],
    "OPTIX": [],
    "HIP": [],
    "ONEAPI": [
        (
            "ONEAPI",
            "Intel(R) Arc(TM) A770 Graphics",
            "ONEAPI_Intel(R) Level-Zero_Intel(R) Arc(TM) A770 Graphics_0000:03:00",
        ),
        ("CPU", "13th Gen Intel(R) Core(TM) i7-13700K", "CPU"),
    ],
}
APPLE: Recorded = {
    "METAL": [
        ("METAL", "Apple M4 Max (GPU - 40 cores)", "METAL_Apple M4 Max (GPU - 40 cores)"),
        ("CPU", "Apple M4 Max", "CPU"),
    ]
}
NO_CARD: Recorded = {"CUDA": [], "OPTIX": [], "HIP": [], "ONEAPI": []}
