"""What an artist is told when the Manager refuses, fails or dies, and what is left on the farm.

A proxy between Blender and a real Manager answers in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.farm.farm import Farm
from tests.flamenco_addon.bpy_pythons import BLENDERS, OWN
from tests.flamenco_addon.submission.answering_proxy import (
    HANG_UP,
    LOSE_ANSWER,
    Proxy,
    answering_proxy,
)
from tests.flamenco_addon.submission.artist import as_artist

CHECK, SUBMIT = "POST /api/v3/jobs/check ", "POST /api/v3/jobs "
CHECKOUT = "POST /api/v3/shaman/checkout/create "
UPLOAD = "POST /api/v3/shaman/files/"

PROBLEM = {
    "code": 400,
    "message": "These settings cannot be used",
    "problems": [{"where": "settings.chunk_size", "what": "is too low", "hint": "use 1"}],
}
FLAMENCO_3_ERROR = {"code": 400, "message": "error compiling job: no frames"}

ONE_SUBMISSION = """
import json, urllib.request
connect()
small(scene)
save()

def tell(what):
    urllib.request.urlopen(urllib.request.Request(
        control, json.dumps(what).encode(), {"Content-Type": "application/json"})).read()

said = {}
for case, answers in cases:
    tell({"case": case, "answers": answers})
    scene["case"] = case  # another file, which has to be uploaded
    save()
    said[case] = refusal(bpy.ops.flamenco.submit_job, job_name=case)
    said[case] += "\\n" + str(drivers.current().stage.value)
copies = [str(each) for each in Path(scratch).glob("flamenco-*")]
answer({"said": said, "copies": copies})
"""

TRYING_AGAIN = """
import json, time, urllib.request
connect()
small(scene)
save()

def tell(what):
    urllib.request.urlopen(urllib.request.Request(
        control, json.dumps(what).encode(), {"Content-Type": "application/json"})).read()

tell({"answers": lost})
first = refusal(bpy.ops.flamenco.submit_job, job_name="again and again")
can_try_again = drivers.current().can_try_again
drivers.try_again()
deadline = time.monotonic() + 120
while drivers.is_under_way() and time.monotonic() < deadline:
    background.step()
    time.sleep(0.01)
answer([first, can_try_again, str(drivers.current().stage.value), len(drivers.current().jobs)])
"""

CASES: list[tuple[str, list[tuple[str, int, Any, int]]]] = [
    ("bad setting", [(CHECK, 400, PROBLEM, 1)]),
    ("Flamenco 3 refuses", [(CHECK, 400, FLAMENCO_3_ERROR, 1)]),
    ("old job type", [(CHECK, 412, {"code": 412, "message": "etag"}, 1)]),
    ("not logged in", [(CHECK, 401, {"code": 401, "message": "Who are you?"}, 1)]),
    ("not allowed", [(CHECK, 403, {"code": 403, "message": "You may only look"}, 1)]),
    ("check fails", [(CHECK, 500, {"code": 500, "message": "Something broke"}, 1)]),
    ("no Manager but a page", [(CHECK, 502, "<html>Bad Gateway</html>", 1)]),
    ("dies at the check", [(CHECK, HANG_UP, None, 1)]),
    ("refused when submitted", [(SUBMIT, 400, PROBLEM, 1)]),
    ("changed when submitted", [(SUBMIT, 412, {"code": 412, "message": "etag"}, 1)]),
    ("busy for a moment", [(SUBMIT, 503, {"code": 503, "message": "Busy"}, 2)]),
    ("answer is lost", [(SUBMIT, LOSE_ANSWER, None, 1)]),
    ("answer is lost twice", [(SUBMIT, LOSE_ANSWER, None, 2)]),
    ("upload is refused", [(UPLOAD, 403, {"code": 403, "message": "No more room"}, 9)]),
    ("checkout fails", [(CHECKOUT, 500, {"code": 500, "message": "The disk is full"}, 9)]),
]

DYING: list[tuple[str, list[tuple[str, int, Any, int]]]] = [
    ("dies at the upload", [(UPLOAD, HANG_UP, None, 99)]),
    ("dies at the checkout", [(CHECKOUT, HANG_UP, None, 99)]),
    ("dies when submitted", [(SUBMIT, HANG_UP, None, 99)]),
]


@pytest.fixture(scope="module")
def proxy(farm: Farm) -> Iterator[Proxy]:
    with answering_proxy(farm.manager_port) as proxy:
        yield proxy


@pytest.fixture(scope="module", params=BLENDERS)
def blender(request: pytest.FixtureRequest) -> str:
    version: str = request.param
    return version


@pytest.fixture(scope="module")
def said(blender: str, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the artist was told in each case."""
    home, scratch = tmp_path_factory.mktemp("artist"), tmp_path_factory.mktemp("scratch")
    cases = [(job_of(case, blender), answers) for case, answers in CASES]
    told = told_in(cases, proxy, home, scratch, blender=blender)
    return {case: told[job_of(case, blender)] for case, _ in CASES}


def job_of(case: str, blender: str) -> str:
    """The name of the job of a case."""
    return f"{case} in {blender}"


def told_in(
    cases: list[tuple[str, list[tuple[str, int, Any, int]]]],
    proxy: Proxy,
    home: Path,
    scratch: Path,
    *,
    blender: str = OWN,
) -> dict[str, str]:
    answered: dict[str, Any] = as_artist(
        "os.environ['TMPDIR'] = scratch\n" + ONE_SUBMISSION,
        home=home,
        url=proxy.url,
        names={
            "cases": cases,
            "scratch": str(scratch),
            "control": f"{proxy.url}/control",
        },
        blender=blender,
    )
    assert answered["copies"] == []
    found: dict[str, str] = answered["said"]
    return found


def test_a_job_whose_answers_were_all_lost_can_be_sent_again_and_is_made_once(
    farm: Farm, proxy: Proxy, tmp_path: Path
) -> None:
    names = {"lost": [(SUBMIT, LOSE_ANSWER, None, 4)], "control": f"{proxy.url}/control"}
    first, can_try_again, stage, jobs = as_artist(
        TRYING_AGAIN, home=tmp_path, url=proxy.url, names=names
    )
    assert "cannot be reached" in first
    assert (can_try_again, stage, jobs) == (True, "done", 1)
    assert len(jobs_called(farm, "again and again")) == 1


def jobs_called(farm: Farm, name: str) -> list[dict[str, Any]]:
    return [job for job in farm.get("/api/v3/jobs")["jobs"] if job["name"] == name]


@pytest.mark.parametrize(
    ("case", "words", "stage"),
    [
        ("bad setting", "Chunk Size is too low. Use 1", "stopped"),
        ("Flamenco 3 refuses", "rror compiling job: no frames", "stopped"),
        ("old job type", "job type has changed on the farm", "stopped"),
        ("not logged in", "Who are you", "stopped"),
        ("not allowed", "You may only look", "stopped"),
        ("check fails", "Something broke", "stopped"),
        ("no Manager but a page", "no answer of a Manager", "stopped"),
        ("dies at the check", "cannot be reached", "stopped"),
        ("refused when submitted", "chunk_size: is too low", "failed"),
        ("changed when submitted", "etag", "failed"),
        ("upload is refused", "No more room", "failed"),
        ("checkout fails", "The disk is full", "failed"),
    ],
)
def test_the_reason_is_told_and_no_job_is_made(
    farm: Farm, blender: str, said: dict[str, str], case: str, words: str, stage: str
) -> None:
    assert words in said[case]
    assert said[case].endswith(f"\n{stage}")
    assert "Traceback" not in said[case]
    assert jobs_called(farm, job_of(case, blender)) == []


@pytest.mark.thorough
def test_a_manager_that_dies_at_a_later_stage_is_told_of_and_gets_no_job(
    farm: Farm, proxy: Proxy, tmp_path: Path
) -> None:
    (tmp_path / "scratch").mkdir()
    said = told_in(DYING, proxy, tmp_path / "artist", tmp_path / "scratch")
    for case, _ in DYING:
        assert "cannot be reached" in said[case]
        assert said[case].endswith("\nfailed")
        assert jobs_called(farm, case) == []


@pytest.mark.parametrize("case", ["busy for a moment", "answer is lost", "answer is lost twice"])
def test_a_job_that_is_sent_several_times_is_made_once(
    farm: Farm, blender: str, said: dict[str, str], case: str
) -> None:
    assert said[case] == "\ndone"
    assert len(jobs_called(farm, job_of(case, blender))) == 1


def test_what_was_sent_for_a_job_that_was_refused_is_taken_back(
    farm: Farm, said: dict[str, str]
) -> None:
    def left() -> list[Path]:
        jobs = farm.folder / "shared" / "jobs"
        return [each for each in jobs.glob("*") if "refused when" in each.name]

    assert said["refused when submitted"]
    assert eventually(lambda: left() == [], "the checkout goes")
