"""The extension in a Blender with its window."""

from __future__ import annotations

from pathlib import Path

from tests.flamenco_addon.blender_window import MODULE, blender_window

STATE = "connection.current().condition.state"


def test_an_installed_extension_asks_for_the_manager_and_comes_to_rest(
    extension_zip: Path, tmp_path: Path
) -> None:
    with blender_window(tmp_path) as window:
        window.install(extension_zip)
        window.run(f"from {MODULE} import background, connection")
        window.wait_until(f"{STATE} == 'away'")
        window.wait_until("not bpy.app.timers.is_registered(background._tick)")
        window.run("import addon_utils; addon_utils.disable(module)", module=MODULE)
        assert (
            window.ask("[name for name in __import__('sys').modules if 'flamenco_c' in name]") == []
        )
        assert "rror" not in window.output()
        assert "arning" not in window.output()
