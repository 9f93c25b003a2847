"""The service deletes jobs by itself when they were done for as long as the configuration says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.rules import timeouts
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager


def test_jobs_that_are_done_for_long_enough_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunningManager(tmp_path) as manager:
        done, waiting = manager.submit()["id"], manager.submit()["id"]
        change = {"status": "cancel-requested", "reason": "not needed"}
        assert manager.post(f"/jobs/{done}/setstatus", change).status == 204
        eventually(lambda: manager.get(f"/jobs/{done}").json["status"] == "canceled")
    monkeypatch.setattr(timeouts, "GRACE", timedelta(0))
    with RunningManager(tmp_path, job_retention=timedelta(milliseconds=1)) as manager:
        eventually(lambda: manager.get(f"/jobs/{done}").status == 404)
        assert manager.get(f"/jobs/{waiting}").status == 200
