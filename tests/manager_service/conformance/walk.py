"""A walk through the whole API of Flamenco 3: every operation, and what it can answer."""

from __future__ import annotations

import hashlib
import http.client
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.manager_service import flamenco3_contract as contract
from tests.manager_service.conformance.exchange import API, TIME_LIMIT, Exchange, Worker, read

SECRET = "a secret of many letters"
TASK_TYPES = ["misc", "blender"]

CANNOT_BE_PROVOKED = {
    ("setJobStatus", 422): "Flamenco 3 never sends it; a move that is not legal is a 409.",
    ("setTaskStatus", 422): "Flamenco 3 never sends it; a move that is not legal is a 409.",
    ("setJobPriority", 422): "Flamenco 3 never sends it; a bad number is a 400.",
    ("setJobTag", 422): "Flamenco 3 sends 406; an unknown tag is a 400 that names it.",
    ("shamanCheckout", 409): "A path that is taken gets a suffix, as in Flamenco 3.",
    ("taskOutputProduced", 429): "Only with more images than fit into memory at once.",
}


def walk(api: Exchange, home: Path) -> None:
    """Asks for everything; what is wrong with the answers stands in `api` afterwards."""
    look_around(api, home)
    castor, pollux = let_workers_in(api)
    without_credentials(api)
    tag = tag_workers(api, castor)
    let_workers_sleep(api, castor)
    job = submit_jobs(api)
    work(api, job, castor, pollux)
    steer(api, job, tag)
    list_blocked(api, pollux)
    store_files(api)
    with_unknown_ids(api)
    with_ids_that_are_none(api)
    with_bodies_that_do_not_fit(api, job)
    delete_everything(api, job, castor, tag)
    change_configuration(api, home)


def look_around(api: Exchange, home: Path) -> None:
    for operation in (
        *("getVersion", "getConfiguration", "getConfigurationFile", "getFarmStatus"),
        *("fetchWorkers", "fetchWorkerTags", "getJobTypes", "fetchJobs", "findBlenderExePath"),
    ):
        api.ask(operation, 200)
    api.ask("fetchGlobalLastRenderedInfo", 204)
    for audience, platform in (("workers", "linux"), ("users", "windows"), ("users", "darwin")):
        for operation in ("getVariables", "getSharedStorage"):
            api.ask(operation, 200, audience=audience, platform=platform)
    api.ask("getVariables", 400, audience="nobody", platform="linux")
    api.ask("getSharedStorage", 400, audience="nobody", platform="linux")
    api.ask("getJobType", 200, typeName="simple-blender-render")
    api.ask("getJobType", 404, typeName="no-such-type")
    for path in (str(home / "flamenco-shared-storage"), "/no/such/folder", ""):
        api.ask("checkSharedStoragePath", 200, body={"path": path})
    for path in ("", "/no/such/blender"):
        api.ask("checkBlenderExePath", 200, body={"path": path})


def let_workers_in(api: Exchange) -> tuple[Worker, Worker]:
    workers = []
    for name in ("castor", "pollux"):
        registration = {
            "name": name,
            "secret": SECRET,
            "platform": "linux",
            "supported_task_types": TASK_TYPES,
        }
        reply = api.ask("registerWorker", 200, body=registration)
        worker = Worker(reply.json["uuid"], SECRET)
        workers.append(worker)
        sign_on = {"name": name, "supported_task_types": TASK_TYPES, "software_version": "3.9"}
        api.ask("signOn", 200, body={**sign_on, "can_restart": False}, worker=worker)
        api.ask("scheduleTask", 409, worker=worker)
        api.ask("workerStateChanged", 204, body={"status": "awake"}, worker=worker)
        api.ask("workerState", 204, worker=worker)
        api.ask("scheduleTask", 204, worker=worker)
        api.ask("fetchWorker", 200, worker_id=worker.id)
    castor, pollux = workers
    change = {"status": "asleep", "is_lazy": False}
    api.ask("requestWorkerStatusChange", 204, worker_id=castor.id, body=change)
    api.ask("fetchWorkers", 200)
    api.ask("fetchWorker", 200, worker_id=castor.id)
    api.ask("workerState", 200, worker=castor)
    api.ask("scheduleTask", 423, worker=castor)
    api.ask("workerStateChanged", 204, body={"status": "asleep"}, worker=castor)
    api.ask(
        "requestWorkerStatusChange",
        204,
        worker_id=castor.id,
        body={"status": "awake", "is_lazy": True},
    )
    api.ask("workerStateChanged", 204, body={"status": "awake"}, worker=castor)
    restart = {"status": "restart", "is_lazy": True}
    api.ask("requestWorkerStatusChange", 409, worker_id=castor.id, body=restart)
    return castor, pollux


def without_credentials(api: Exchange) -> None:
    wrong = Worker(str(uuid4()), "wrong")
    body = {"status": "awake"}
    for operation, (route, _, _) in contract.OPERATIONS.items():
        if route.endswith("+"):
            for worker in (None, wrong):
                api.ask(operation, 403, body=body, worker=worker, task_id=uuid4())


def tag_workers(api: Exchange, worker: Worker) -> str:
    tag = api.ask("createWorkerTag", 200, body={"name": "gpu", "description": "fast"}).json["id"]
    api.ask("createWorkerTag", 409, body={"name": "gpu"})
    api.ask("fetchWorkerTag", 200, tag_id=tag)
    api.ask("updateWorkerTag", 204, tag_id=tag, body={"id": tag, "name": "GPU"})
    api.ask("setWorkerTags", 204, worker_id=worker.id, body={"tag_ids": [tag]})
    api.ask("fetchWorkerTags", 200)
    api.ask("fetchWorker", 200, worker_id=worker.id)
    return str(tag)


def let_workers_sleep(api: Exchange, worker: Worker) -> None:
    api.ask("fetchWorkerSleepSchedule", 204, worker_id=worker.id)
    schedule = {
        "is_active": False,
        "days_of_week": "mo tu we",
        "start_time": "09:00",
        "end_time": "18:00",
    }
    api.ask("setWorkerSleepSchedule", 204, worker_id=worker.id, body=schedule)
    api.ask("fetchWorkerSleepSchedule", 200, worker_id=worker.id)


def submission(**changes: Any) -> dict[str, Any]:
    return {
        "name": "a job",
        "type": "echo-sleep-test",
        "priority": 50,
        "submitter_platform": "linux",
        "settings": {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 2},
        "metadata": {"project": "conformance"},
        **changes,
    }


def submit_jobs(api: Exchange) -> str:
    for operation, done in (("submitJobCheck", 204), ("submitJob", 200)):
        api.ask(operation, done, body=submission())
        api.ask(operation, 412, body=submission(type_etag="an old one"))
        api.ask(operation, 400, body=submission(type="no-such-type"))
        api.ask(operation, 400, body=submission(settings={}))
    etag = api.ask("getJobType", 200, typeName="echo-sleep-test").json["etag"]
    full = submission(type_etag=etag, storage={}, initial_status="paused")
    paused = api.ask("submitJob", 200, body=full).json["id"]
    api.ask("deleteJob", 204, job_id=paused)
    (job,) = (
        one["id"] for one in api.ask("fetchJobs", 200).json["jobs"] if one["status"] == "queued"
    )
    api.ask("fetchJob", 200, job_id=job)
    api.ask("fetchJobTasks", 200, job_id=job)
    return str(job)


def work(api: Exchange, job: str, castor: Worker, pollux: Worker) -> None:
    api.ask("fetchJobLastRenderedInfo", 204, job_id=job)
    waiting = api.ask("fetchJobTasks", 200, job_id=job).json["tasks"][1]["id"]
    api.ask("fetchTaskLogInfo", 204, task_id=waiting)
    api.ask("fetchTaskLogTail", 204, task_id=waiting)
    task = api.ask("scheduleTask", 200, worker=castor).json["uuid"]
    api.ask("mayWorkerRun", 200, worker=castor, task_id=task)
    api.ask("mayWorkerRun", 200, worker=pollux, task_id=task)
    update = {"taskStatus": "active", "log": "a line", "activity": "busy", "steps_completed": 0}
    api.ask("taskUpdate", 204, worker=castor, task_id=task, body=update)
    api.ask("taskUpdate", 409, worker=pollux, task_id=task, body=update)
    send_images(api, castor, task)
    wait_until(lambda: api.ask("fetchJobLastRenderedInfo", None, job_id=job).status == 200)
    wait_until(lambda: api.ask("fetchGlobalLastRenderedInfo", None).status == 200)
    api.ask("taskUpdate", 204, worker=castor, task_id=task, body={"taskStatus": "completed"})
    for operation in ("fetchTask", "fetchTaskLogInfo", "fetchTaskLogTail"):
        api.ask(operation, 200, task_id=task)
    api.ask("fetchWorker", 200, worker_id=castor.id)
    api.ask("fetchJobTasks", 200, job_id=job)


def send_images(api: Exchange, worker: Worker, task: str) -> None:
    operation = "taskOutputProduced"
    image, kind = png(), {"Content-Type": "image/png"}
    text = {"Content-Type": "text/plain"}
    api.ask(operation, 202, worker=worker, task_id=task, raw=image, headers=kind)
    api.ask(operation, 415, worker=worker, task_id=task, raw=b"text", headers=text)
    api.ask(operation, 404, worker=worker, task_id=uuid4(), raw=image, headers=kind)
    for length, status in ((None, 411), (2**30, 413)):
        connection = http.client.HTTPConnection(api.host, api.port, timeout=TIME_LIMIT)
        path = f"{API}/worker/task/{task}/output-produced"
        connection.putrequest("POST", path)
        for name, value in {**worker.headers, **kind}.items():
            connection.putheader(name, value)
        if length is None:
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(b"1\r\nx\r\n0\r\n\r\n")
        else:
            connection.putheader("Content-Length", str(length))
            connection.endheaders()
        api.judge(operation, status, read(connection))
        connection.close()


def png() -> bytes:
    """The smallest image that is one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + chunk(b"IEND", b"")


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIME_LIMIT
    while not is_so():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.1)


def steer(api: Exchange, job: str, tag: str) -> None:
    api.ask("setJobPriority", 204, job_id=job, body={"priority": 80})
    for body in ({"id": tag}, {"name": "GPU"}, {}):
        api.ask("setJobTag", 204, job_id=job, body=body)
    api.ask("setJobTag", 400, job_id=job, body={"id": str(uuid4())})
    requeue = {"status": "requeueing", "reason": "because"}
    api.ask("setJobStatus", 409, job_id=job, body=requeue)
    task = api.ask("fetchJobTasks", 200, job_id=job).json["tasks"][0]["id"]
    api.ask("setTaskStatus", 204, task_id=task, body={"status": "queued", "reason": "again"})
    api.ask("setTaskStatus", 409, task_id=task, body={"status": "completed", "reason": "no"})
    cancel = {"status": "cancel-requested", "reason": "enough"}
    api.ask("setJobStatus", 204, job_id=job, body=cancel)
    canceled = "canceled"
    wait_until(lambda: api.ask("fetchJob", 200, job_id=job).json["status"] == canceled)


def list_blocked(api: Exchange, worker: Worker) -> None:
    settings = {
        "frames": "1-60",
        "chunk_size": 1,
        "render_output_root": "/render",
        "add_path_components": 0,
        "render_output_path": "/render/######",
        "blendfile": "/shot.blend",
        "format": "PNG",
        "image_file_extension": ".png",
        "scene": "Scene",
    }
    body = submission(type="simple-blender-render", settings=settings)
    job = api.ask("submitJob", 200, body=body).json["id"]
    api.ask("fetchJobBlocklist", 200, job_id=job)
    for _ in range(3):
        task = api.ask("scheduleTask", 200, worker=worker).json["uuid"]
        failed = {"taskStatus": "failed", "activity": "it did not work"}
        api.ask("taskUpdate", 204, worker=worker, task_id=task, body=failed)
    api.ask("fetchTask", 200, task_id=task)
    listed = api.ask("fetchJobBlocklist", 200, job_id=job).json
    assert len(listed) == 1
    api.ask("removeJobBlocklist", 204, job_id=job, body=listed)
    api.ask("removeJobBlocklist", 400, job_id=job, body=[])
    api.ask("signOff", 204, worker=worker)


def store_files(api: Exchange) -> None:
    content = os.urandom(2**20) * 4
    file = {"sha": hashlib.sha256(content).hexdigest(), "size": len(content), "path": "a.blend"}
    where: dict[str, Any] = {"checksum": file["sha"], "filesize": file["size"]}
    checkout = {"files": [file], "checkoutPath": "conformance/job"}
    api.ask("shamanCheckoutRequirements", 200, body={"files": [file]})
    api.ask("shamanFileStoreCheck", 200, **where)
    api.ask("shamanCheckout", 424, body=checkout)
    api.ask("shamanFileStore", 417, raw=b"x" * len(content), **where)
    begun = http.client.HTTPConnection(api.host, api.port, timeout=TIME_LIMIT)
    begun.putrequest("POST", f"{API}/shaman/files/{file['sha']}/{file['size']}")
    begun.putheader("Content-Length", str(len(content)))
    begun.endheaders(content[: 2**20])
    uploading = "uploading"
    wait_until(lambda: api.ask("shamanFileStoreCheck", 200, **where).json["status"] == uploading)
    can_wait = {"X-Shaman-Can-Defer-Upload": "true", "X-Shaman-Original-Filename": "a.blend"}
    api.ask("shamanFileStore", 425, raw=content, headers=can_wait, **where)
    begun.send(content[2**20 :])
    api.judge("shamanFileStore", 204, read(begun))
    begun.close()
    api.ask("shamanFileStore", 208, raw=content, **where)
    api.ask("shamanFileStoreCheck", 200, **where)
    api.ask("shamanCheckoutRequirements", 200, body={"files": [file]})
    paths = {api.ask("shamanCheckout", 200, body=checkout).json["checkoutPath"] for _ in range(2)}
    assert len(paths) == 2
    api.ask("shamanCheckout", 400, body={"files": [file], "checkoutPath": "../outside"})


BODIES: dict[str, Any] = {
    "setJobStatus": {"status": "cancel-requested", "reason": ""},
    "setJobPriority": {"priority": 1},
    "setJobTag": {},
    "setTaskStatus": {"status": "queued", "reason": ""},
    "removeJobBlocklist": [{"worker_id": str(uuid4()), "task_type": "misc"}],
    "requestWorkerStatusChange": {"status": "asleep", "is_lazy": True},
    "setWorkerTags": {"tag_ids": []},
    "setWorkerSleepSchedule": {
        "is_active": True,
        "days_of_week": "",
        "start_time": "",
        "end_time": "",
    },
    "updateWorkerTag": {"name": "x"},
}


def with_unknown_ids(api: Exchange) -> None:
    _each_of_one_thing(api, str(uuid4()), 404)


def with_ids_that_are_none(api: Exchange) -> None:
    _each_of_one_thing(api, "no-uuid", 400)


def _each_of_one_thing(api: Exchange, name: str, status: int) -> None:
    for operation, (route, _, _) in contract.OPERATIONS.items():
        if "_id}" in route and not route.endswith("+"):
            ids: dict[str, Any] = dict.fromkeys(("job_id", "task_id", "worker_id", "tag_id"), name)
            api.ask(operation, status, body=BODIES.get(operation), **ids)


def with_bodies_that_do_not_fit(api: Exchange, job: str) -> None:
    ids: dict[str, Any] = {
        "job_id": job,
        "task_id": uuid4(),
        "worker_id": uuid4(),
        "tag_id": uuid4(),
    }
    for operation, (route, form, _) in contract.OPERATIONS.items():
        if not form or form in ("binary", "image") or route.endswith("+"):
            continue
        for raw in (b"", b"{", b"3", b'{"priority": "high", "id": 3}'):
            if not raw and form.endswith("?"):
                continue
            headers = {"Content-Type": "application/json"}
            api.ask(operation, 400, raw=raw, headers=headers, **ids)


def delete_everything(api: Exchange, job: str, worker: Worker, tag: str) -> None:
    api.ask("deleteJobWhatWouldItDo", 200, job_id=job)
    api.ask("deleteJobMass", 416, body={"last_updated_max": "2001-02-03T04:05:06Z"})
    api.ask("deleteJobMass", 204, body={"last_updated_max": "2999-02-03T04:05:06Z"})
    api.ask("setWorkerTags", 204, worker_id=worker.id, body={"tag_ids": []})
    api.ask("deleteWorkerTag", 204, tag_id=tag)
    api.ask("deleteWorker", 204, worker_id=worker.id)
    api.ask("scheduleTask", 403, worker=worker)


def change_configuration(api: Exchange, home: Path) -> None:
    document = api.ask("getConfigurationFile", 200).json
    document["manager_name"] = "Conformance"
    api.ask("updateConfigurationFile", 204, body=document)
    api.ask("updateConfigurationFile", 400, body={**document, "task_timeout": "soon"})
    blender = {"input": "", "path": "", "source": "default", "is_usable": True, "cause": ""}
    storage = home.parent / "storage"
    storage.mkdir()
    chosen = {"storageLocation": str(storage), "blenderExecutable": blender}
    api.ask("saveSetupAssistantConfig", 204, body=chosen)
