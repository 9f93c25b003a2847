"""A Manager that dies between a request and its answer: the farm goes on, and whatever a client was
told has happened has happened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import demo_scene
from tests.farm.farm import PATIENCE_SECONDS, Farm, echo_job, request
from tests.farm.frames import pixel_faults
from tests.farm.killing_proxy import Exchange, KillingProxy, Moment

HAND_OUT = r"POST /api/v3/worker/task(-report)?[ ?]"
"""Of a first task, or of the next one together with what became of the last."""
REPORT = r"POST /api/v3/worker/task-report "
UPDATE = r"POST /api/v3/worker/task/[0-9a-f-]+ "
SAYING = r"POST /api/v3/worker/task(/[0-9a-f-]+|-report) "
"""Updates go alone or together, as they gather; of each task there are two or more."""
SUBMISSION = r"POST /api/v3/jobs "
ECHO_SLEEPS = 20


@pytest.fixture
def proxied_farm(tmp_path: Path, blender: Path, proxy: KillingProxy) -> Iterator[Farm]:
    """A farm whose Worker and submitters reach the Manager through the proxy only."""
    farm = Farm(tmp_path / "farm", blender, proxy.manager_port, public_port=proxy.port)
    farm.start_manager()
    yield farm
    farm.stop()


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    ("dies_at", "skip"), [(HAND_OUT, 2), (SAYING, 3)], ids=["hand-out", "update"]
)
def test_a_render_goes_on_after_the_manager_died(
    proxied_farm: Farm, proxy: KillingProxy, demo: Path, dies_at: str, skip: int, moment: Moment
) -> None:
    farm = proxied_farm
    job_id = farm.submit_file(demo / demo_scene.BLENDFILE, frames="1-8", chunk_size=4)
    proxy.kill_at(dies_at, moment, farm.kill_manager, skip=skip)
    farm.start_worker()
    assert proxy.has_killed.wait(PATIENCE_SECONDS), farm.logs()
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
        request(f"{farm.url}/api/v3/jobs", echo_job("lost", sleeps=ECHO_SLEEPS))
    farm.start_manager()
    stored = farm.get("/api/v3/jobs")["jobs"]
    assert len(stored) == 1 if moment is Moment.ANSWERED else len(stored) <= 1
    farm.start_worker()
    again = farm.submit_job(echo_job("again", sleeps=ECHO_SLEEPS))
    for job_id in [*(job["id"] for job in stored), again]:
        assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
        assert len(farm.tasks(job_id)) == ECHO_SLEEPS + 1


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
        elif re.match(REPORT, exchange.request_line):
            reported = json.loads(exchange.request_body)["updates"]
            outcomes = json.loads(exchange.answer_body)["updates"]
            for each, outcome in zip(reported, outcomes, strict=True):
                if outcome["status"] == 204:
                    broken += forgotten(farm, each["task"], each["update"])
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
