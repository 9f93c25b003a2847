"""A farm of several platforms, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flamenco_core.client import ManagerClient
from flamenco_core.variables import Variable, Variables, VariableValue
from tests.manager_service.running_manager import RunningManager, WorkerLogin, submission


def variables(storage: Path) -> Variables:
    values = (VariableValue(storage.as_posix(), ("linux",)), VariableValue("F:\\", ("windows",)))
    return Variables({"storage": Variable(values, is_twoway=True)})


def windows_worker(manager: RunningManager) -> WorkerLogin:
    registration = {
        "name": "windows",
        "secret": "correct horse",
        "platform": "windows",
        "supported_task_types": ["misc"],
    }
    reply = manager.post("/worker/register-worker", registration)
    worker = WorkerLogin(reply.json["uuid"], "correct horse")
    sign_on = {"name": "windows", "supported_task_types": ["misc"], "software_version": "1"}
    assert manager.post("/worker/sign-on", sign_on, worker=worker).status == 200
    assert manager.post("/worker/state-changed", {"status": "awake"}, worker=worker).status == 204
    return worker


def message_for(manager: RunningManager, worker: WorkerLogin) -> Any:
    return manager.post("/worker/task", worker=worker).json["commands"][0]["parameters"]["message"]


def settings(message: str) -> dict[str, Any]:
    return {"message": message, "sleep_duration_seconds": 1, "sleep_repeats": 1}


def test_a_path_goes_from_a_windows_artist_to_workers_of_both_platforms(tmp_path: Path) -> None:
    with RunningManager(tmp_path, variables=variables(tmp_path), platform="linux") as manager:
        sent = submission(
            submitter_platform="windows",
            settings=settings("f:\\shots\\a.blend"),
            metadata={"project": "F:\\shots"},
        )
        assert manager.post("/jobs/check", sent).status == 204
        for worker, expected in [
            (windows_worker(manager), "F:\\shots\\a.blend"),
            (manager.add_worker(), f"{tmp_path.as_posix()}/shots/a.blend"),
        ]:
            job = manager.post("/jobs", sent).json
            assert job["settings"]["message"] == "{storage}/shots/a.blend"
            assert job["metadata"] == {"project": "{storage}/shots"}
            assert message_for(manager, worker) == expected
            cancel = {"status": "cancel-requested", "reason": "test"}
            assert manager.post(f"/jobs/{job['id']}/setstatus", cancel).status == 204


def test_a_person_sees_a_jobs_paths_as_on_the_own_platform(tmp_path: Path) -> None:
    with RunningManager(tmp_path, variables=variables(tmp_path), platform="linux") as manager:
        sent = submission(
            submitter_platform="windows",
            settings=settings("F:\\a"),
            metadata={"project": "{jobs}/b"},
        )
        path = f"/jobs/{manager.post('/jobs', sent).json['id']}"
        for query, message, project in [
            ("", "{storage}/a", "{jobs}/b"),
            ("?platform=windows", "F:\\a", "F:\\flamenco-shared-storage\\jobs\\b"),
            (
                "?platform=linux",
                f"{tmp_path.as_posix()}/a",
                f"{tmp_path.as_posix()}/flamenco-shared-storage/jobs/b",
            ),
            ("?platform=plan9", "{storage}/a", f"{tmp_path}/flamenco-shared-storage/jobs/b"),
        ]:
            job = manager.get(path + query).json
            assert (job["settings"]["message"], job["metadata"]["project"]) == (message, project)
        with ManagerClient(f"http://127.0.0.1:{manager.port}/") as client:
            fetched = client.fetch_job(job["id"], platform="windows")
        assert fetched.settings["message"] == "F:\\a"


def test_everybody_is_told_where_the_shared_storage_is_for_them(tmp_path: Path) -> None:
    with RunningManager(tmp_path, variables=variables(tmp_path), platform="linux") as manager:
        told = manager.get("/configuration/shared-storage/users/windows").json
        assert told["location"] == "F:\\flamenco-shared-storage\\jobs"
        told = manager.get("/configuration/variables/workers/windows").json
        assert told == {
            "storage": {"value": "F:", "is_twoway": True},
            "jobs": {"value": "F:\\flamenco-shared-storage\\jobs", "is_twoway": False},
        }
        told = manager.get("/configuration/shared-storage/users/linux").json
        assert told["location"] == f"{tmp_path.as_posix()}/flamenco-shared-storage/jobs"
