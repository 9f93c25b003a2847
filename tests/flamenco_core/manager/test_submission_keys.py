"""A key and its job are stored together, whatever cuts the storing off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flamenco_core.errors import Conflict, InvalidInput
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.manager.submission_keys import submission_key
from flamenco_core.model import SubmittedJob
from tests.flamenco_core.farms import compiled_job

SUBMITTED = SubmittedJob(
    name="hello",
    type="echo-sleep-test",
    submitter_platform="linux",
    settings={"message": "hello", "sleep_repeats": 2000},
)
KEY = submission_key("shot-12-v3", SUBMITTED)


@pytest.mark.parametrize("steps_done", [1, 2, 3])
def test_a_job_that_is_half_stored_leaves_its_key_free(tmp_path: Path, steps_done: int) -> None:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        steps = manager.storing(compiled_job(2000), key=KEY, actor=MANAGER)
        for _ in range(steps_done):
            next(steps)()
        assert manager.known_submission(KEY) is None
    with Manager.open(file) as manager, manager.reader() as reader:
        job = manager.submit_job(SUBMITTED, idempotency_key=KEY.key)
        assert [each["id"] for each in reader.jobs()] == [job.id]
    with Manager.open(file) as manager:
        assert manager.known_submission(KEY) == job.id


def test_a_step_that_is_taken_back_takes_the_key_with_it(manager: Manager) -> None:
    [store_all] = manager.storing(compiled_job(3), key=KEY, actor=MANAGER)
    with pytest.raises(OSError, match="disk"):
        on_a_full_disk(manager, store_all)
    assert manager.known_submission(KEY) is None
    store_all()
    assert manager.known_submission(KEY) is not None


def on_a_full_disk(manager: Manager, step: Callable[[], None]) -> None:
    with manager.unit_of_work():
        step()
        raise OSError("the disk is full")


def test_a_second_job_for_a_key_is_not_stored(manager: Manager) -> None:
    first, second = compiled_job(3), compiled_job(3)
    steps = [[*manager.storing(job, key=KEY, actor=MANAGER)] for job in (first, second)]
    steps[0][0]()
    with pytest.raises(Conflict, match="meanwhile"):
        steps[1][0]()
    assert manager.known_submission(KEY) == first.id
    with manager.reader() as reader:
        assert [each["id"] for each in reader.jobs()] == [first.id]


@pytest.mark.parametrize("key", ["", "two words", "ü", "x" * 256])
def test_a_key_of_no_use_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="visible ASCII"):
        submission_key(key, SUBMITTED)
