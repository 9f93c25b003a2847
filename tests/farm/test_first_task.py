"""An idle worker does not look for work: it waits in its request, and a new job is the answer."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tests.eventually import eventually
from tests.farm.farm import Farm, echo_job, waiting_workers
from tests.farm.killing_proxy import KillingProxy

WAITING = r"POST /api/v3/worker/task\?wait="


def test_a_new_job_answers_the_request_in_which_an_idle_worker_waits(
    tmp_path: Path, proxy: KillingProxy
) -> None:
    farm = Farm(tmp_path / "farm", Path(sys.executable), proxy.manager_port, public_port=proxy.port)
    try:
        farm.start_manager()
        farm.start_worker()
        eventually(lambda: waiting_workers(farm) == 1, "the worker waits")
        job = farm.submit_job(echo_job("at once", sleeps=0))
        assert farm.wait_for_end(job)["status"] == "completed", farm.logs()
    finally:
        farm.stop()
    # The only one that was sent before the submission is the first one to be answered.
    answers = [each for each in proxy.exchanges if re.match(WAITING, each.request_line)]
    assert (answers[0].status, json.loads(answers[0].answer_body)["job"]) == (200, job)
