"""The Flamenco tab in a real window: clicks, and what the Manager and Blender made of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.eventually import eventually
from tests.flamenco_addon.blender_window import BlenderWindow, blender_window
from tests.flamenco_addon.monitor.tab import TASKS, click_button, open_job, open_tab
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.running_manager import RunningManager, WorkerLogin


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    with RunningManager(tmp_path_factory.mktemp("farm")) as running:
        yield running


@pytest.fixture(scope="module")
def worker(manager: RunningManager) -> WorkerLogin:
    return manager.add_worker("render-01")


@pytest.fixture(scope="module")
def window(
    manager: RunningManager, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlenderWindow]:
    with blender_window(tmp_path_factory.mktemp("blender"), size=(1400, 1300)) as opened:
        opened.enable_from_checkout()
        open_tab(opened, f"http://127.0.0.1:{manager.port}/")
        yield opened
        assert "Traceback" not in opened.output()


def status(manager: RunningManager, job: dict[str, Any]) -> str:
    return str(manager.get(f"/jobs/{job['id']}").json["status"])


def test_buttons_pause_resume_and_cancel_a_job(
    manager: RunningManager, window: BlenderWindow
) -> None:
    job = manager.submit(name="shot 1")
    window.wait_until("job_id in live.shown.rows", job_id=job["id"])
    open_job(window, job["id"])
    click_button(window, "flamenco.pause_job")
    eventually(lambda: status(manager, job) == "paused")
    window.wait_until("live.shown.details.job.status == 'paused'")
    click_button(window, "flamenco.resume_job")
    eventually(lambda: status(manager, job) == "queued")
    window.wait_until("not live.shown.details.refusals['cancel']")
    click_button(window, "flamenco.cancel_job")
    assert status(manager, job) == "queued", "it asks first"
    window.key("Return")
    eventually(lambda: status(manager, job) == "canceled")
    window.wait_until("live.shown.details.refusals['cancel'] == 'it is canceled'")


def test_a_failed_task_is_told_of_and_queued_again_with_a_click(
    manager: RunningManager, worker: WorkerLogin, window: BlenderWindow
) -> None:
    job = manager.submit(name="shot 2")
    task = take_task(manager, worker)["uuid"]
    report(manager, worker, task, log="CUDA error: out of memory", taskStatus="failed")
    window.wait_until("job_id in live.shown.rows", job_id=job["id"])
    open_job(window, job["id"])
    window.wait_until("bool(live.shown.task and live.shown.task.failure)")
    assert window.ask("live.shown.task.failure.failure_class") == "out-of-memory"
    window.wait_until("bool(live.shown.task.actions)")
    click_button(window, "flamenco.requeue_task", start=TASKS)
    eventually(lambda: manager.get(f"/tasks/{task}").json["status"] == "queued")


def test_the_log_of_a_running_task_goes_on_in_a_text_editor(
    manager: RunningManager, worker: WorkerLogin, window: BlenderWindow
) -> None:
    job = manager.submit(name="shot 3", priority=90)
    task = take_task(manager, worker)["uuid"]
    report(manager, worker, task, log="Fra:1 Mem:10M | Sample 1/4")
    window.wait_until("job_id in live.shown.rows", job_id=job["id"])
    open_job(window, job["id"])
    window.wait_until("bool(live.shown.details.tasks) and len(monitor.tasks) == 2")
    place = "[item.task_id for item in monitor.tasks].index(task)"
    window.run(f"monitor.active_task = {place}", task=task)
    click_button(window, "flamenco.show_task_log", start=TASKS)
    window.wait_until("any('Sample 1/4' in text.as_string() for text in bpy.data.texts)")
    windows = "bpy.context.window_manager.windows"
    editors = f"[area.type for each in {windows} for area in each.screen.areas]"
    assert "TEXT_EDITOR" in window.ask(editors)
    report(manager, worker, task, log="Fra:1 Mem:10M | Sample 4/4", taskStatus="completed")
    window.wait_until("any('Sample 4/4' in text.as_string() for text in bpy.data.texts)")
    for name in ("wm.save_as_mainfile", "wm.save_mainfile"):
        window.run(f"bpy.ops.{name}(filepath=path)", path=str(window.home / "scene.blend"))
    assert b"Sample 4/4" not in (window.home / "scene.blend").read_bytes()
    assert b"shot 3" not in (window.home / "scene.blend").read_bytes()
    assert window.ask("any('Sample 4/4' in text.as_string() for text in bpy.data.texts)")
    assert window.ask("len(bpy.context.window_manager.flamenco_monitor.jobs)") >= 1
    window.run(
        """
        for each in list(bpy.context.window_manager.windows)[1:]:
            with bpy.context.temp_override(window=each):
                bpy.ops.wm.window_close()
        """
    )


def test_the_last_image_is_shown(
    manager: RunningManager, worker: WorkerLogin, window: BlenderWindow
) -> None:
    job = manager.submit(name="shot 4", priority=95)
    task = take_task(manager, worker)["uuid"]
    picture = io.BytesIO()
    Image.new("RGB", (320, 180), (255, 0, 200)).save(picture, "PNG")
    shown = manager.post(
        f"/worker/task/{task}/output-produced",
        body=picture.getvalue(),
        headers={"Content-Type": "image/png"},
        worker=worker,
    )
    assert shown.status == 202
    window.wait_until("job_id in live.shown.rows", job_id=job["id"])
    open_job(window, job["id"])
    window.wait_until("live.shown.details.image is not None")
    file = window.home / "thumbnail.png"

    def is_seen() -> bool:
        with Image.open(window.screenshot(file)) as screen:
            pixels = np.asarray(screen.convert("RGB")).astype(int)
        distance = np.abs(pixels - (255, 0, 200)).max(axis=2)
        return int((distance < 30).sum()) > 5000

    eventually(is_seen, "the image on the screen")
    report(manager, worker, task, taskStatus="failed")


def test_the_end_of_a_job_stands_in_the_status_bar(
    manager: RunningManager, window: BlenderWindow
) -> None:
    job = manager.submit(name="shot 5")
    window.run("live.submitted(job_id)", job_id=job["id"])
    window.wait_until("job_id in live.shown.rows", job_id=job["id"])
    body = {"status": "cancel-requested", "reason": "a test"}
    assert manager.post(f"/jobs/{job['id']}/setstatus", body).status == 204
    window.wait_until("notices.shown() and notices.shown().text == 'shot 5 was canceled'")
    window.run("bpy.ops.flamenco.show_job(job_id=job_id)", job_id=job["id"])
    assert window.ask("live.shown.open_job_id") == job["id"]


def test_a_click_that_comes_too_late_is_answered_quietly(
    manager: RunningManager, window: BlenderWindow
) -> None:
    job = manager.submit(name="shot 6")
    body = {"status": "cancel-requested", "reason": "a test"}
    assert manager.post(f"/jobs/{job['id']}/setstatus", body).status == 204
    eventually(lambda: status(manager, job) == "canceled")
    window.run("bpy.ops.flamenco.pause_job(job_id=job_id)", job_id=job["id"])
    said = "Pause Job is not possible now: it is canceled"
    told = "[[each.icon, each.text] for each in notices.recent]"
    window.wait_until(f"any(text == said for _, text in {told})", said=said)
    assert ["INFO", said] in window.ask(told)


def test_a_hidden_tab_rests_and_catches_up(manager: RunningManager, window: BlenderWindow) -> None:
    window.run(
        """
        areas = bpy.context.window.screen.areas
        viewport = next(area for area in areas if area.type == "VIEW_3D")
        viewport.spaces.active.show_region_ui = False
        """
    )
    window.wait_until("not live._is_shown() and not background.is_shown()")
    window.wait_until("live.watching.jobs.wanted() == live.watching.jobs._followed")
    window.wait_until("live.watching.open_job.is_over")
    job = manager.submit(name="shot 6")
    followed = window.ask("live.watching.jobs._followed.topics")
    assert followed
    assert all(topic.startswith("jobs/") for topic in followed)
    window.run("viewport.spaces.active.show_region_ui = True")
    window.wait_until("job_id in live.shown.rows", job_id=job["id"])


def test_the_tab_is_in_the_language_of_blender(window: BlenderWindow) -> None:
    window.run(
        """
        from flamenco_addon.language import tr
        view = bpy.context.preferences.view
        view.language = "de_DE"
        view.use_translate_interface = view.use_translate_tooltips = True
        """
    )
    label = "bpy.app.translations.pgettext_iface('Pause Job', 'Operator')"
    assert window.ask(label) == "Auftrag anhalten"
    assert window.ask("tr('No job is selected')") == "Es ist kein Auftrag ausgewählt"
    window.screenshot(window.home / "german.png")
    window.run("view.language = 'en_US'")
    assert window.ask("tr('No job is selected')") == "No job is selected"


def test_a_manager_that_hangs_up_does_not_take_blender_along(window: BlenderWindow) -> None:
    script = """
        import socket
        near, far = socket.socketpair()
        far.close()
        try:
            near.sendall(b"hello?")
        except BrokenPipeError:
            answer("told")
        near.close()
    """
    assert window.run(script) == "told"
