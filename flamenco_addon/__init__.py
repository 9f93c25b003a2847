"""The Blender extension: submit, watch and mend without leaving Blender.

`flamenco_core` comes from the extension's wheels, or from the checkout that this folder is part
of. Each module of `MODULES` has `register()` and `unregister()`; the modules are imported when the
extension is enabled, not before, and undone in reverse.

Conventions for all of them:

- Imports inside this package are relative, since Blender decides what it is called. A Manager is
  talked to through `flamenco_core.client` only, and never on the main thread: `background.run`
  calls a function on another thread and hands its result over on the main thread.
- `connection.current()` says how things stand with the Manager and what is known of its farm, from
  memory: reading it costs nothing, also in `draw`.
- A panel calls `background.shown(context)` in its `draw`, which keeps it up to date while it can
  be seen and lets everything rest when it cannot.
- Timers do not tick in the `bpy` module and in `blender --background`: there `background.step()`
  or `background.wait_for(work)` does what the timer does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from .core_location import find_core, forget_core

MODULES = (
    "broken_pipes",
    "translations",
    "background",
    "preferences",
    "connection",
    "connection_operators",
    "projects",
    "packing_process",
    "monitor",
    "expressions",
    "submission_properties",
    "job_settings",
    "rna_overrides",
    "preflight.fixes",
    "submission_drivers",
    "submit_operators",
    "submit_panel",
    "connection_panel",
    "local_farm",
)
"""In the order of registering."""

_registered: list[ModuleType] = []


def register() -> None:
    """Blender calls this when the extension is enabled; whatever fails leaves nothing behind."""
    find_core()
    try:
        for name in MODULES:
            module = import_module(f".{name}", __package__)
            module.register()
            _registered.append(module)
    except BaseException:
        unregister()
        raise


def unregister() -> None:
    """Blender calls this when the extension is disabled, updated or removed."""
    while _registered:
        _registered.pop().unregister()
    # An update enables the new version in the same Blender, which must not meet the old one.
    for name in [name for name in sys.modules if name.startswith(f"{__package__}.")]:
        del sys.modules[name]
    forget_core()
