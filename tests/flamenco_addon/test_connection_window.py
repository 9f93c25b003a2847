"""Logging in with the mouse, in the preferences of a Blender with its window."""

from __future__ import annotations

from pathlib import Path

from tests.flamenco_addon.blender_window import MODULE, BlenderWindow, blender_window
from tests.manager_service.people import PASSWORD, GuardedManager, add_people

NAME_FIELD = (-78, 36)
"""In the dialog, from where the mouse was when it came up."""
STATE = "connection.current().condition.state"


def show_preferences(window: BlenderWindow) -> None:
    """The extension's, in place of the 3D Viewport."""
    window.run(
        """
        area = max(bpy.context.window.screen.areas, key=lambda each: each.width * each.height)
        area.type = "PREFERENCES"
        bpy.context.preferences.active_section = "ADDONS"
        bpy.context.window_manager.addon_search = "Flamenco"
        bpy.ops.preferences.addon_expand(module=module)
        """,
        module=MODULE,
    )


def test_an_artist_logs_in_with_the_mouse(extension_zip: Path, tmp_path: Path) -> None:
    home = tmp_path / "farm"
    home.mkdir()
    add_people(home, anna="artist", root="admin")
    with (
        GuardedManager(home) as manager,
        blender_window(tmp_path / "user", size=(1400, 900)) as window,
    ):
        window.install(extension_zip)
        window.run(
            f"""
            from {MODULE} import connection, connection_operators
            preferences = bpy.context.preferences.addons["{MODULE}"].preferences
            preferences.manager_url = url
            """,
            url=f"http://127.0.0.1:{manager.port}",
        )
        window.wait_until(f"{STATE} == 'log-in'")
        show_preferences(window)
        x, y = window.find_operator("flamenco.log_in", "PREFERENCES", across=0.3)
        window.click(x, y)
        window.double_click(x + NAME_FIELD[0], y + NAME_FIELD[1])
        window.type("anna")
        window.key("Tab")
        window.type(PASSWORD)
        window.screenshot(tmp_path / "pictures" / "dialog.png")
        window.key("Return")
        window.key("Return")
        window.wait_until(f"{STATE} == 'connected'", "the login")
        assert window.ask("connection.current().farm.caller.name") == "anna"
        window.screenshot(tmp_path / "pictures" / "logged-in.png")
        window.click(*window.find_operator("flamenco.log_out", "PREFERENCES", across=0.7))
        window.wait_until(f"{STATE} == 'log-in'")
        assert "Traceback" not in window.output()
