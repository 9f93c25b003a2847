"""A Manager that dies between a request and its answer: the farm goes on, and whatever a client was
told has happened has happened.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import demo_scene
from tests.farm.farm import Answer, Farm, eventually, free_port, request
from tests.farm.frames import pixel_faults
from tests.farm.killing_proxy import Exchange, KillingProxy, Moment

HAND_OUT = r"POST /api/v3/worker/task[ ?]"
UPDATE = r"POST /api/v3/worker/task/[0-9a-f-]+ "
SUBMISSION = r"POST /api/v3/jobs "


@pytest.fixture
def proxy() -> Iterator[KillingProxy]:
    proxy = KillingProxy(free_port())
    yield proxy
    proxy.close()


@pytest.fixture
def proxied_farm(tmp_path: Path, blender: Path, proxy: KillingProxy) -> Iterator[Farm]:
    """A farm whose Worker and submitters reach the Manager through the proxy only."""
    farm = Farm(tmp_path / "farm", blender, proxy.manager_port, public_port=proxy.port)
    farm.start_manager()
    yield farm
    farm.stop()


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    ("dies_at", "skip"), [(HAND_OUT, 2), (UPDATE, 3)], ids=["hand-out", "update"]
)
def test_a_render_goes_on_after_the_manager_died(
    proxied_farm: Farm, proxy: KillingProxy, demo: Path, dies_at: str, skip: int, moment: Moment
) -> None:
    farm = proxied_farm
    job_id = farm.submit_file(demo / demo_scene.BLENDFILE, frames="1-8", chunk_size=4)
    proxy.kill_at(dies_at, moment, farm.kill_manager, skip=skip)
    farm.start_worker()
    assert proxy.has_killed.wait(60), farm.logs()
    seen_before = list(proxy.exchanges)
    farm.start_manager()
    assert broken_promises(farm, seen_before) == []

    job = farm.wait_for_end(job_id)
    assert job["status"] == "completed", farm.logs()
    assert broken_promises(farm, list(proxy.exchanges)) == []
    folder = Path(job["settings"]["render_output_path"]).parent
    frames = sorted(folder.glob("*.png"))
    assert [frame.name for frame in frames] == [f"{frame:06d}.png" for frame in range(1, 9)]
    assert [fault for frame in frames for fault in pixel_faults(frame)] == []


@pytest.mark.parametrize("moment", Moment)
def test_a_job_whose_submission_was_not_answered_is_there_wholly_or_not_at_all(
    proxied_farm: Farm, proxy: KillingProxy, moment: Moment
) -> None:
    farm = proxied_farm
    proxy.kill_at(SUBMISSION, moment, farm.kill_manager)
    with pytest.raises(OSError, match=r".+"):
        request(f"{farm.url}/api/v3/jobs", echo_job("lost"))
    farm.start_manager()
    stored = farm.get("/api/v3/jobs")["jobs"]
    assert len(stored) == 1 if moment is Moment.ANSWERED else len(stored) <= 1
    farm.start_worker()
    again = farm.submit_job(echo_job("again"))
    for job_id in [*(job["id"] for job in stored), again]:
        assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
        assert len(farm.tasks(job_id)) == ECHO_TASKS


def broken_promises(farm: Farm, exchanges: list[Exchange]) -> list[str]:
    """What clients were told (by an answer from 200 to 299), and the Manager does not know."""
    broken = []
    for exchange in exchanges:
        if not 200 <= exchange.status < 300:
            continue
        if re.match(SUBMISSION, exchange.request_line):
            job_id = json.loads(exchange.answer_body)["id"]
            if request(f"{farm.url}/api/v3/jobs/{job_id}")[0] != 200:
                broken.append(f"job {job_id} is gone")
        elif re.match(UPDATE, exchange.request_line):
            task_id = exchange.request_line.split()[1].rpartition("/")[2]
            broken += forgotten(farm, task_id, json.loads(exchange.request_body))
        elif "register-worker" in exchange.request_line:
            worker_id = json.loads(exchange.answer_body)["uuid"]
            if request(f"{farm.url}/api/v3/worker-mgt/workers/{worker_id}")[0] != 200:
                broken.append(f"worker {worker_id} is gone")
    return broken


def forgotten(farm: Farm, task_id: str, update: dict[str, Any]) -> Iterator[str]:
    """What of an update the task does not show."""
    task = farm.get(f"/api/v3/tasks/{task_id}")
    if update.get("taskStatus") == "completed" and task["status"] != "completed":
        yield f"task {task_id} was completed and is {task['status']}"
    if update.get("log") and update["log"] not in farm.task_log(task_id):
        yield f"the log of task {task_id} lacks {update['log']!r}"


ECHO_SLEEPS = 20
ECHO_TASKS = ECHO_SLEEPS + 1


def echo_job(name: str) -> dict[str, object]:
    settings = {"message": name, "sleep_duration_seconds": 0, "sleep_repeats": ECHO_SLEEPS}
    job_type = "echo-sleep-test"
    return {"name": name, "type": job_type, "submitter_platform": "linux", "settings": settings}


@dataclass
class Load:
    """Clients that keep a Manager busy and remember what it has told them."""

    farm: Farm
    stop: threading.Event = field(default_factory=threading.Event)
    jobs: list[str] = field(default_factory=list)
    updates: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Task and update, for each update that was accepted."""
    unexpected: list[str] = field(default_factory=list)

    def submit(self) -> None:
        """Submits jobs until told to stop."""
        while not self.stop.wait(0.1):
            try:
                status, job = request(f"{self.farm.url}/api/v3/jobs", echo_job("load"))
            except OSError:
                continue  # the Manager is dead at the moment
            if status == 200:
                self.jobs.append(job["id"])
            else:
                self.unexpected.append(f"submission: {status} {job}")

    def work(self, number: int) -> None:
        """A worker that does its tasks in no time."""
        who = {"name": f"virtual {number}", "supported_task_types": ["misc"]}
        registration = who | {"secret": "secret", "platform": "linux"}
        worker = self._until_answered("register-worker", registration, None)[1]["uuid"]
        login = (worker, "secret")
        sign_on = who | {"software_version": "1"}
        self._until_answered("sign-on", sign_on, login)
        self._until_answered("state-changed", {"status": "awake"}, login)
        while not self.stop.is_set():
            status, task = self._until_answered("task", {}, login)
            if status == 200:
                self._do(task, login)
            elif status != 204:
                self.unexpected.append(f"hand-out: {status} {task}")
                return
            else:
                self.stop.wait(0.05)

    def _do(self, task: dict[str, Any], login: tuple[str, str]) -> None:
        attempt = {"attempt": task["attempt"]}
        line = f"{random.getrandbits(64):016x} was here\n"
        for update in (
            {"log": line, "activity": "at work"},
            {"taskStatus": "completed", "steps_completed": 1},
        ):
            path = f"task/{task['uuid']}"
            status, answer = self._until_answered(path, update | attempt, login)
            if 200 <= status < 300:
                self.updates.append((task["uuid"], update))
            elif status != 409:  # said twice, since the first answer was lost
                self.unexpected.append(f"update: {status} {answer}")

    def _until_answered(self, path: str, body: object, login: tuple[str, str] | None) -> Answer:
        while True:
            try:
                return request(f"{self.farm.url}/api/v3/worker/{path}", body, login=login)
            except OSError:
                if self.stop.wait(0.05):
                    return 204, None


def test_random_kills_under_load_break_no_promise(farm: Farm, pytestconfig: pytest.Config) -> None:
    kills = 25 if pytestconfig.getoption("--thorough") else 4
    chance = random.Random(20)
    load = Load(farm)
    clients: list[Callable[[], None]] = [load.submit, load.submit]
    clients += [partial(load.work, number) for number in range(4)]
    threads = [threading.Thread(target=client) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for _ in range(kills):
            wanted = len(load.updates) + chance.randrange(20, 120)
            eventually(lambda: len(load.updates) >= wanted, "the load goes on")  # noqa: B023
            farm.kill_manager()
            farm.start_manager()
    finally:
        load.stop.set()
        for thread in threads:
            thread.join(60)
    assert load.unexpected == []
    assert load.jobs
    stored = {job["id"] for job in farm.get("/api/v3/jobs")["jobs"]}
    assert set(load.jobs) - stored == set()
    lost = [fact for task, update in load.updates for fact in forgotten(farm, task, update)]
    assert lost == []
