"""The Blender add-on. It does nothing yet: enabling it registers no class, handler or timer.

Until it offers submitting from within Blender, `flamenco submit FILE.blend` does so from a
terminal. Whatever moves in here talks to a Manager through `flamenco_core.client` only.
"""

from __future__ import annotations


def register() -> None:
    """Blender calls this when the add-on is enabled."""


def unregister() -> None:
    """Blender calls this when the add-on is disabled."""
