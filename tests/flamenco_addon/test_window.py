"""The extension in a Blender with its window."""

from __future__ import annotations

from pathlib import Path

from tests.flamenco_addon.blender_window import blender_window

STATE = "__import__('flamenco_addon').connection.current().condition.state"


def test_the_timer_asks_for_the_manager_and_comes_to_rest(tmp_path: Path) -> None:
    with blender_window(tmp_path) as window:
        window.enable_from_checkout()
        window.run("from flamenco_addon import background")
        window.wait_until(f"{STATE} == 'away'")
        window.wait_until("not bpy.app.timers.is_registered(background._tick)")
