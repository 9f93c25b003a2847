"""What the clients of a crowd do: work, submit, cancel, delete, upload, set, and look.

Each notes what it is told as soon as it is told.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

from bench_farm_load import JSON_CONTENT
from tests.farm.crowd import Crowd, Line
from tests.farm.farm import echo_job
from tests.farm.promises import Knob, torn_image, torn_lines
from tests.flamenco_core.images import BLUE, RED, plain

WORKERS = 40
SUBMITTERS = 6
UPLOADERS = 4
LARGEST_UPLOAD = 300_000
SECRET = "secret"
LARGEST_NUMBER = 100
"""For all that is set again and again; a priority cannot be higher."""
SLEEPS = 4
PICTURES = [plain(colour, size=(640, 360)) for colour in (RED, BLUE)]

SCRIPT = """\
from flamenco_core.job_types.authoring import JobType

JOB_TYPE = JobType(label="Say {number}", settings=[])
# {padding}


def compile_job(job):
    job.task("say", type="misc").command("echo", {{"message": "{number}"}})
"""


def clients(crowd: Crowd) -> Iterator[Coroutine[Any, Any, None]]:
    """All of them, each with a connection of its own."""
    kinds: list[Callable[[Line], Coroutine[Any, Any, None]]] = [cancel, delete, look]
    kinds += [partial(work, number=number) for number in range(WORKERS)]
    kinds += [partial(upload, number=number) for number in range(UPLOADERS)]
    kinds += [partial(turn, knob=knob) for knob in crowd.promises.knobs]
    kinds += [submit] * SUBMITTERS
    return (on_own_line(client, crowd) for client in kinds)


async def on_own_line(client: Callable[[Line], Coroutine[Any, Any, None]], crowd: Crowd) -> None:
    line = Line(crowd)
    try:
        await client(line)
    finally:
        await line.close()


async def work(line: Line, number: int) -> None:
    """A worker that does its tasks in no time."""
    who = {"name": f"virtual {number}", "supported_task_types": ["misc"]}
    registration = who | {"secret": SECRET, "platform": "linux"}
    _, content = await line.surely("POST", "worker/register-worker", registration)
    worker = json.loads(content)["uuid"]
    line.crowd.promises.note("worker", worker, who["name"])
    line.log_in(worker, SECRET)
    await line.surely("POST", "worker/sign-on", who | {"software_version": "1"})
    await line.surely("POST", "worker/state-changed", {"status": "awake"}, good=(204,))
    while not line.crowd.is_over:
        status, content = await line.surely("POST", "worker/task", {}, good=(200, 204))
        if status == 200:
            do = report_task if number % 2 else do_task
            await do(line, worker, json.loads(content))
        else:
            await asyncio.sleep(0.02)


async def do_task(line: Line, worker: str, task: dict[str, Any]) -> None:
    promises, job, uuid = line.crowd.promises, task["job"], task["uuid"]
    path = f"worker/task/{uuid}"
    promises.note("held", uuid, (worker, job))
    for change in ({"activity": "at work"}, {"taskStatus": "completed", "steps_completed": 1}):
        if "taskStatus" in change:
            promises.forget("held", uuid)
        log = f"{uuid4().hex} was here {random.randbytes(100).hex()}"
        update = {**change, "log": f"{log}\n", "attempt": task["attempt"]}
        status, content = await line.surely("POST", path, update, good=(204, 404, 409))
        if status != 204:
            # Its job was stopped, or it was completed by the request whose answer was lost.
            is_stopped = job in promises.stopped | promises.removed
            is_told_twice = status == 409 and "taskStatus" in change and line.is_repeated
            assert is_stopped or is_told_twice, (status, content)
            promises.forget("held", uuid)
            return
        promises.note_line(uuid, job, log)
        if "taskStatus" in change:
            promises.note("completed", uuid, job)
        elif "image" not in promises.kinds or random.random() < 0.2:
            picture, headers = random.choice(PICTURES), "Content-Type: image/png\r\n"
            await line.surely(
                "POST", f"{path}/output-produced", picture, headers, good=(202, 404, 409)
            )
            promises.note("image", job)


async def report_task(line: Line, worker: str, task: dict[str, Any]) -> None:
    """The same with all that there is to say in one request."""
    promises, job, uuid = line.crowd.promises, task["job"], task["uuid"]
    logs = [f"{uuid4().hex} was here {random.randbytes(100).hex()}" for _ in range(2)]
    changes: tuple[dict[str, Any], ...] = (
        {"activity": "at work"},
        {"taskStatus": "completed", "steps_completed": 1},
    )
    told = {"attempt": task["attempt"]}
    updates = [
        {"task": uuid, "update": told | change | {"log": f"{log}\n", "update_id": uuid4().hex}}
        for change, log in zip(changes, logs, strict=True)
    ]
    _, content = await line.surely("POST", "worker/task-report", {"updates": updates})
    if {outcome["status"] for outcome in json.loads(content)["updates"]} != {204}:
        assert job in promises.stopped | promises.removed, content
        return
    for log in logs:
        promises.note_line(uuid, job, log)
    promises.note("completed", uuid, job)


async def submit(line: Line) -> None:
    while not line.crowd.is_over:
        line.crowd.jobs.append(await submitted(line))


async def submitted(line: Line, **more: object) -> str:
    """The id of a new job."""
    key = uuid4().hex
    headers = f"{JSON_CONTENT}Idempotency-Key: {key}\r\n"
    _, content = await line.surely("POST", "jobs", echo_job(key, sleeps=SLEEPS, **more), headers)
    job = str(json.loads(content)["id"])
    line.crowd.submitted += 1
    line.crowd.promises.note("job", job, (key, SLEEPS + 1))
    return job


async def cancel(line: Line) -> None:
    promises = line.crowd.promises
    while (job := await line.crowd.untouched_job()) is not None:
        if "cancelled" not in promises.kinds:
            # Workers may be quick; this one they cannot complete first.
            job = await submitted(line, initial_status="paused")
        promises.stopped.add(job)
        change = {"status": "cancel-requested", "reason": "a test"}
        # A job may have been completed by then.
        status, _ = await line.surely("POST", f"jobs/{job}/setstatus", change, good=(204, 409))
        if status == 204:
            promises.note("cancelled", job)
        await asyncio.sleep(0.05)


async def delete(line: Line) -> None:
    promises = line.crowd.promises
    while (job := await line.crowd.untouched_job()) is not None:
        promises.removed.add(job)
        await line.surely("DELETE", f"jobs/{job}", good=(204,), after_loss=(404, 409))
        promises.note("deleted", job)
        await asyncio.sleep(0.05)


async def upload(line: Line, number: int) -> None:
    """Files for the content store, and after each three of them a folder of these."""
    promises, chance = line.crowd.promises, random.Random(number)
    files: list[dict[str, object]] = []
    while not line.crowd.is_over:
        content = chance.randbytes(chance.randrange(1, LARGEST_UPLOAD))
        sha, size = sha256(content).hexdigest(), len(content)
        headers = "Content-Type: application/octet-stream\r\n"
        path = f"shaman/files/{sha}/{size}"
        await line.surely("POST", path, content, headers, good=(204,), after_loss=(208,))
        promises.note("file", sha, size)
        files.append({"sha": sha, "size": size, "path": f"textures/{len(files)}.png"})
        if len(files) == 3:
            wanted = {"files": files, "checkoutPath": f"{number}/{uuid4().hex}"}
            _, content = await line.surely("POST", "shaman/checkout/create", wanted)
            path = json.loads(content)["checkoutPath"]
            promises.note("checkout", path, {file["path"]: file["sha"] for file in files})
            files = []


async def turn(line: Line, knob: Knob) -> None:
    number = 0
    while not line.crowd.is_over:
        number = number % LARGEST_NUMBER + 1
        await line.crowd.is_up.wait()  # what is not sent yet is not possible yet
        knob.possible.add(number)
        answer = await line.once(knob.method, knob.path, knob.body(number))
        if answer is not None:
            assert answer[0] in (200, 204), (knob.path, *answer)
            knob.settle(number)


async def look(line: Line) -> None:
    """Nothing that is served is half written, at any moment."""
    promises = line.crowd.promises
    while not line.crowd.is_over:
        tasks = [about for kind, about in promises.made if kind == "log"]
        jobs = [about for kind, about in promises.made if kind == "image"]
        if tasks:
            answer = await line.once("GET", f"tasks/{random.choice(tasks)}/log.txt")
            assert answer is None or answer[0] != 200 or not torn_lines(answer[1]), answer
        if jobs:
            path = f"jobs/{random.choice(jobs)}/last-rendered/last-rendered.jpg"
            answer = await line.once("GET", path)
            assert answer is None or answer[0] != 200 or not torn_image(answer[1]), answer
        await asyncio.sleep(0.01)


async def make_knobs(crowd: Crowd) -> None:
    """What the numbers belong to, and each number set once."""
    line = Line(crowd)

    async def made(path: str, body: object) -> str:
        _, content = await line.surely("POST", path, body)
        answer = json.loads(content)
        return str(answer.get("id") or answer["uuid"])

    sleeper = {"name": "sleeper", "secret": SECRET, "platform": "linux"}
    worker = await made("worker/register-worker", sleeper | {"supported_task_types": ["none"]})
    jobs = [
        await made("jobs", echo_job(f"job {n}", sleeps=1, initial_status="paused"))
        for n in range(4)
    ]
    tags = [await made("worker-mgt/tags", {"name": f"tag {n}"}) for n in range(2)]
    query = {"name": "mine", "list": "jobs", "query": {}}
    queries = [await made("saved-queries", query)]
    knobs = [priority(job) for job in jobs[:2]] + [overrides(job) for job in jobs[2:]]
    knobs += [tag_description(tag) for tag in tags] + [saved_query(query) for query in queries]
    knobs += [sleep_schedule(worker), job_type_script(), setting()]
    for knob in knobs:
        await line.surely(knob.method, knob.path, knob.body(1), good=(200, 204))
        knob.settle(1)
    crowd.promises.knobs = knobs
    await line.close()


def priority(job: str) -> Knob:
    path = f"jobs/{job}"
    return Knob(
        f"{path}/setpriority",
        "POST",
        lambda number: {"priority": number},
        path,
        lambda content: int(json.loads(content)["priority"]),
    )


def overrides(job: str) -> Knob:
    path = f"jobs/{job}/rna-overrides"
    return Knob(
        path,
        "PUT",
        lambda number: {"rna_overrides": ["x = 1", f"y = {number}"]},
        path,
        lambda content: int(json.loads(content)["rna_overrides"][1].removeprefix("y = ")),
    )


def tag_description(tag: str) -> Knob:
    path = f"worker-mgt/tag/{tag}"
    return Knob(
        path,
        "PUT",
        lambda number: {"name": tag, "description": f"{number}"},
        path,
        lambda content: int(json.loads(content)["description"]),
    )


def saved_query(query: str) -> Knob:
    return Knob(
        f"saved-queries/{query}",
        "PUT",
        lambda number: {"name": "mine", "list": "jobs", "query": {"name": f"{number}"}},
        "saved-queries",
        lambda content: int(json.loads(content)["queries"][0]["query"]["name"]),
    )


def sleep_schedule(worker: str) -> Knob:
    path = f"worker-mgt/workers/{worker}/sleep-schedule"

    def schedule(number: int) -> object:
        start = f"{number // 60:02}:{number % 60:02}"
        return {"is_active": False, "days_of_week": "", "start_time": start, "end_time": ""}

    def number_of(content: bytes) -> int:
        hours, minutes = json.loads(content)["start_time"].split(":")
        return int(hours) * 60 + int(minutes)

    return Knob(path, "POST", schedule, path, number_of)


def job_type_script() -> Knob:
    """A script of so many bytes that it takes more than one write."""
    path = "job-types/say-it/script"

    def source(number: int) -> str:
        return SCRIPT.format(number=number, padding=f"{number} " * 5000)

    def number_of(content: bytes) -> int:
        said = re.search(rb'label="Say (\d+)"', content)
        if said is None or content.decode() != source(int(said[1])):
            raise ValueError("half a script")
        return int(said[1])

    body = {"language": "python"}
    return Knob(path, "PUT", lambda number: body | {"source": source(number)}, path, number_of)


def setting() -> Knob:
    return Knob(
        "configuration/settings",
        "PATCH",
        lambda number: {"settings": {"blocklist_threshold": number}},
        "configuration/file",
        lambda content: int(json.loads(content)["blocklist_threshold"]),
    )
