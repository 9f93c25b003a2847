"""The Flamenco tab in a Blender with its window: opened, and clicked."""

from __future__ import annotations

from tests.flamenco_addon.blender_window import BlenderWindow

SIDEBAR = ("VIEW_3D", "UI")
BESIDE_LISTS = 0.832
"""Where from left to right the buttons beside the lists are."""
TASKS = 0.3
"""Where from top to bottom to begin to look for the buttons of tasks."""
PITCH = 15
"""Pixels between two looks for a button, which has 20."""


def open_tab(window: BlenderWindow, url: str, *, module: str = "flamenco_addon") -> None:
    """Watches the Manager at `url` from the tab in the sidebar of the 3D Viewport.

    `module` is what Blender calls the extension.
    """
    window.run(
        f"""
        from {module} import background, connection, submission_drivers
        from {module}.monitor import live, notices
        bpy.context.preferences.addons["{module}"].preferences.manager_url = url
        for area in bpy.context.window.screen.areas:
            if area.type == "VIEW_3D":
                area.spaces.active.show_region_ui = True
        """,
        url=url,
    )
    window.run(
        """
        def choose_tab():
            with in_area("VIEW_3D", "UI"):
                region = bpy.context.region
                try:
                    region.active_panel_category = "Flamenco"
                except TypeError:
                    region.tag_redraw()
                    return False
                bpy.context.area.tag_redraw()
                return region.active_panel_category == "Flamenco"
        """
    )
    window.wait_until("choose_tab()")
    window.wait_until("live.shown.has_read", "the list of jobs")


def open_job(window: BlenderWindow, job_id: str) -> None:
    """Selects a job as a click on its row does, and waits until all of it is shown."""
    window.run(
        """
        monitor = bpy.context.window_manager.flamenco_monitor
        monitor.active_job = [item.job_id for item in monitor.jobs].index(job_id)
        """,
        job_id=job_id,
    )
    open_is_shown = "live.shown.details is not None and live.shown.details.job.id == job_id"
    window.wait_until(open_is_shown, job_id=job_id)


def click_button(window: BlenderWindow, operator: str, *, start: float = 0.0) -> None:
    """Clicks the button of an operator beside the lists."""
    window.click(*find_button(window, operator, start=start))


def find_button(window: BlenderWindow, operator: str, *, start: float = 0.0) -> tuple[int, int]:
    """Where the button is: the mouse goes down until it is on it.

    `start` is where it begins, from 0 (the upper end of the sidebar) to 1.
    """
    left, top, right, bottom = window.area(*SIDEBAR)
    x, seen = int(left + (right - left) * BESIDE_LISTS), []
    for y in range(int(top + 30 + (bottom - top) * start), bottom - 4, PITCH):
        window.move(x, y)
        window.run("pass")  # Blender sees the mouse only after what it is doing
        command = window.hovered(*SIDEBAR)
        seen.append(command)
        if command.startswith(f"bpy.ops.{operator}("):
            return x, y
    raise AssertionError(f"no button for {operator}; there are {sorted(set(seen))}")
