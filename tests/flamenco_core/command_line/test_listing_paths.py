from __future__ import annotations

import json
from pathlib import Path

from flamenco_core.variables import Variable, Variables, VariableValue
from tests.flamenco_core.command_line.conftest import Program
from tests.manager_service.running_manager import RunningManager


def test_a_jobs_paths_are_shown_as_they_are_on_this_computer(
    tmp_path: Path, flamenco: Program
) -> None:
    storage = Variable((VariableValue("/mnt/farm"),), is_twoway=True)
    with RunningManager(tmp_path, variables=Variables({"storage": storage})) as manager:
        settings = {"message": "/mnt/farm/a.blend", "sleep_duration_seconds": 1, "sleep_repeats": 1}
        job = manager.submit(settings=settings)
        shown = flamenco("job", job["id"], manager=manager)
        kept = flamenco("job", job["id"], "--json", manager=manager)
    assert shown.code == kept.code == 0
    assert "{storage}" not in shown.out
    assert Path("/mnt/farm/a.blend").as_posix() in shown.out.replace("\\", "/")
    assert json.loads(kept.out)["settings"]["message"] == "{storage}/a.blend"
