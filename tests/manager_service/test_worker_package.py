"""What the Manager hands to machines that shall render for it."""

from __future__ import annotations

from importlib.metadata import distribution

import pytest

from flamenco_core.errors import NotFound
from manager_service.own_wheel import wheel_of
from tests.manager_service.running_manager import RunningManager

WHEEL = "/worker-package"


def test_a_manager_that_runs_from_a_checkout_says_how_to_install_a_worker(
    shared_manager: RunningManager,
) -> None:
    assert shared_manager.get(WHEEL).status == 204
    reply = shared_manager.get(f"{WHEEL}/flamenco_python-1.0-py3-none-any.whl")
    assert reply.status == 404
    assert "was not installed from a wheel" in reply.json["message"]
    assert "scripts/package.py" in reply.json["problems"][0]["hint"]


def test_something_without_a_worker_in_it_is_not_handed_out() -> None:
    with pytest.raises(NotFound):
        wheel_of(distribution("aiohttp"))
