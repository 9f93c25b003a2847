"""Cancelling a submission, whatever it is doing, leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.eventually import eventually
from tests.farm.farm import Farm
from tests.flamenco_addon.submission.answering_proxy import HOLD, Proxy, answering_proxy
from tests.flamenco_addon.submission.artist import as_artist

CANCELLED_AT = {
    "checking": "POST /api/v3/jobs/check ",
    "asking": "",
    "saving": "",
    "packing": "POST /api/v3/shaman/checkout/create ",
    "submitting": "POST /api/v3/jobs ",
}

SCRIPT = """
import json, time, urllib.request
planning, going = part("job_planning"), part("submission")
connect()
small(scene)
scene.frame_end = 5
save()

def tell(what):
    urllib.request.urlopen(urllib.request.Request(
        control, json.dumps(what).encode(), {"Content-Type": "application/json"})).read()

def go_on_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        now = drivers.current()
        assert time.monotonic() < deadline, f"{now.stage}: {now.message}"
        background.step()
        time.sleep(0.005)

ended = {}
for stage, line in stages.items():
    tell({"answers": [[line, hold, None, 1]] if line else []})
    # A frame beyond the scene's range is a warning, which is asked about.
    frames = "1-9" if stage == "asking" else ""
    wishes = planning.Wishes(job_name=f"cancelled at {stage}", frames=frames)
    submission = going.Submission(planning.plan_jobs(scene, wishes), always_copies=True)
    drivers.start(submission)
    go_on_until(lambda: submission.stage == stage)
    if stage == "packing":
        go_on_until(lambda: submission.pack_run.progress
                    and submission.pack_run.progress.progress.stage == "checking out")
    bpy.ops.flamenco.cancel_submission()
    tell({"answers": []})
    go_on_until(lambda: submission.is_over)
    ended[stage] = [str(submission.stage.value), submission.message, len(submission.jobs)]
answer({"ended": ended, "left": [str(each) for each in Path(scratch).glob("flamenco-*")]})
"""


@pytest.fixture(scope="module")
def proxy(farm: Farm) -> Iterator[Proxy]:
    with answering_proxy(farm.manager_port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def outcome(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    scratch = tmp_path_factory.mktemp("scratch")
    names = {
        "stages": CANCELLED_AT,
        "hold": HOLD,
        "scratch": str(scratch),
        "control": f"{proxy.url}/control",
    }
    home = tmp_path_factory.mktemp("artist")
    found: dict[str, Any] = as_artist(
        "os.environ['TMPDIR'] = scratch\n" + SCRIPT, home=home, url=proxy.url, names=names
    )
    return found


@pytest.mark.parametrize("stage", CANCELLED_AT)
def test_a_cancelled_submission_leaves_no_job_and_no_files(
    farm: Farm, outcome: dict[str, Any], stage: str
) -> None:
    ended, message, jobs = outcome["ended"][stage]
    assert (ended, jobs) == ("cancelled", 0), message
    name = f"cancelled at {stage}"

    def left_on_farm() -> list[str]:
        jobs = [job["name"] for job in farm.get("/api/v3/jobs")["jobs"] if job["name"] == name]
        storage = farm.folder / "shared" / "jobs"
        return jobs + [each.name for each in storage.glob("*") if each.name.startswith(name)]

    assert eventually(lambda: left_on_farm() == [], "everything is taken back")


def test_no_copy_of_the_file_stays_on_the_disk(outcome: dict[str, Any]) -> None:
    assert outcome["left"] == []
