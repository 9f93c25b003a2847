"""Packages whose names are imported when they are first asked for.

if TYPE_CHECKING:
    from shapes.round import Circle, Sphere

__all__ = ["Circle", "Sphere"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), {"round": "Circle Sphere"})
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package_globals: dict[str, Any], modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package (PEP 562).

    `modules` has, for each module below the package, the names that come from there, with blanks
    in between.
    """
    package = package_globals["__name__"]
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        package_globals[name] = value  # so that this is not asked again
        return value

    return get, lambda: sorted(homes)
