""" "Render on This Computer": a Manager and a Worker of one's own, started from Blender.

`farm_process` holds a pipe to a process outside of Blender (`bootstrap`, then `supervisor`), which
starts the two (`programs`) and ends them when no Blender is left. Only `operators` and `panel` know
Blender; the rest also runs outside of it.
"""

from __future__ import annotations


def register() -> None:
    from . import operators, panel

    operators.register()
    panel.register()


def unregister() -> None:
    from . import operators, panel

    panel.unregister()
    operators.unregister()
