"""The examples of lists run as they stand, and the page names all orders and filters there are."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from flamenco_core.store.lists import LISTINGS
from tests.manager_service.running_manager import RunningManager

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "lists.md"


def test_the_examples_run_as_they_stand(tmp_path: Path) -> None:
    with RunningManager(tmp_path / "manager") as manager:
        result = doctest.testfile(
            str(DOCUMENT),
            module_relative=False,
            globs={
                "manager_url": f"http://127.0.0.1:{manager.port}/",
                "shared_storage": manager.config.shared_storage,
            },
            encoding="utf-8",
            raise_on_error=False,
        )
    assert result.attempted > 30
    assert result.failed == 0


@pytest.mark.parametrize("name", LISTINGS)
def test_every_filter_and_order_of_a_list_is_documented(name: str) -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    (filters,) = [line for line in lines if line.startswith(f"| {name} |")]
    assert {each.name for each in LISTINGS[name].filters} <= set(filters.split("`"))
    orders = next(line for line in lines if line.startswith(f"| `/{PATHS[name]}` |"))
    assert set(LISTINGS[name].orders) <= set(orders.split("`"))


PATHS = {
    "jobs": "jobs",
    "tasks": "jobs/{job_id}/tasks",
    "workers": "worker-mgt/workers",
    "tags": "worker-mgt/tags",
    "attempts": "jobs/{job_id}/attempts",
    "audit": "audit",
}
