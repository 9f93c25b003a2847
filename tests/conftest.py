"""What every ring of tests shares: the `--thorough` switch and hypothesis without a stopwatch."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# The quick examples are the same in each run, so that a failure is about what was changed; the
# thorough ones are new each time.
settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", parent=settings.get_profile("quick"), derandomize=False, max_examples=2000
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="also run the long versions (marker `thorough`)"
    )
    parser.addoption("--seeds", type=int, help="how many simulations of a farm to run")
    parser.addoption("--seed", type=int, help="the one simulation of a farm to run again")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("thorough" if config.getoption("--thorough") else "quick")
    # Shells start what runs in the background deaf to Ctrl+C, and so would be all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--thorough"):
        return
    long = [item for item in items if item.get_closest_marker("thorough")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
