"""A worker that has failed too often at a job."""

from __future__ import annotations

from tests.manager_service.running_manager import RunningManager, WorkerLogin


def fail_three(manager: RunningManager, worker: WorkerLogin) -> None:
    """Lets a worker fail at as many tasks as it takes."""
    for _ in range(3):
        task = manager.post("/worker/task", worker=worker).json
        update = {"taskStatus": "failed", "activity": "no"}
        assert manager.post(f"/worker/task/{task['uuid']}", update, worker=worker).status == 204


def block(manager: RunningManager) -> tuple[str, WorkerLogin]:
    """A job of many tasks that is closed to the worker `castor`."""
    settings = {
        "frames": "1-60",
        "chunk_size": 1,
        "render_output_root": "/render",
        "add_path_components": 0,
        "render_output_path": "/render/{timestamp}/######",
        "blendfile": "/shot.blend",
        "format": "PNG",
        "image_file_extension": ".png",
        "scene": "Scene",
    }
    job = manager.submit(type="simple-blender-render", settings=settings)
    castor = manager.add_worker("castor", types=("blender",))
    manager.add_worker("pollux", types=("blender",))
    fail_three(manager, castor)
    return job["id"], castor
