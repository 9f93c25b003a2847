"""Where `flamenco_core` comes from: the extension's wheels, or the checkout around this folder."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

_CORE = "flamenco_core"
_added: list[str] = []


def find_core() -> None:
    """Makes `flamenco_core` importable.

    Raises:
        ImportError: if neither the extension nor a checkout around it has it.
    """
    if find_spec(_CORE) is not None:
        return
    # A folder that was linked into Blender's extensions lies in the checkout all the same.
    checkout = Path(__file__).resolve().parent.parent
    if not (checkout / _CORE / "__init__.py").exists():
        raise ImportError(
            "This extension is not complete: flamenco_core is missing. Install the zip that"
            " scripts/build_extension.py makes, not a copy of the folder flamenco_addon."
        )
    sys.path.append(str(checkout))
    _added.append(str(checkout))


def forget_core() -> None:
    """Lets go of what came with the extension, so that an update does not meet the old one."""
    core = sys.modules.get(_CORE)
    is_own = core is not None and ".local" in Path(core.__file__ or "").parts
    if is_own:
        for name in [name for name in sys.modules if name.split(".")[0] == _CORE]:
            del sys.modules[name]
    while _added:
        path = _added.pop()
        if path in sys.path:
            sys.path.remove(path)
