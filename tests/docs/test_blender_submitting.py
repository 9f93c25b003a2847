"""The examples for scripts in Blender do what the page says."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.farm.farm import Farm
from tests.flamenco_addon.submission.artist import as_artist

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "blender-submitting.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PREFLIGHT = Path(__file__).resolve().parents[2] / "flamenco_addon" / "preflight"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm", Path("blender"))
    farm.start_manager()
    yield farm
    farm.stop()


def test_the_examples_submit_jobs(farm: Farm, tmp_path: Path) -> None:
    assert len(EXAMPLES) == 2
    script = "connect()\nsmall(scene)\nscene.frame_end = 100\nsave()\n" + "\n".join(EXAMPLES)
    script += textwrap.dedent("""
        manager = bpy.context.window_manager
        answer([ids, manager.flamenco_submitted_jobs.split(",")])
    """)
    first, second = as_artist(script, home=tmp_path / "artist", url=farm.url)
    (job,) = [farm.job(job_id) for job_id in first]
    assert (job["name"], job["priority"], job["status"]) == ("night version", 70, "paused")
    assert (job["settings"]["frames"], job["settings"]["chunk_size"]) == ("1-20", 5)
    (other,) = [farm.job(job_id) for job_id in second]
    assert (other["settings"]["frames"], other["settings"]["chunk_size"]) == ("1-100x5", 2)


def test_every_check_of_preflight_is_in_the_table() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in PREFLIGHT.glob("*_checks.py"))
    checks = set(re.findall(r'Finding\(\s*"([a-z-]+)"', source))
    assert len(checks) > 12
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])}
    assert documented == checks


def test_all_that_jobs_can_be_searched_by_is_named() -> None:
    source = (PREFLIGHT.parent / "job_planning.py").read_text(encoding="utf-8")
    keys = set(re.findall(r'found\["([a-z_]+)"\]', source)) | {"blender", "scene"}
    assert [key for key in keys if f"`{key}`" not in PAGE] == []
